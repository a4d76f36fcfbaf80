"""When a frame may be published without hanging the client's Traffic Manager.

In synchronous mode the Traffic Manager's thread, after it has sent its batch, calls get_episode_settings and then waits on a
condition variable. The client's main thread, when it sees the frame it ticked for, sets a flag and notifies that variable
without holding its lock. A notification that falls between the waiter's test of the flag and its wait is lost, and both
threads wait for ever. Two measures:

1. The two events are kept apart. A frame is published only after the settings call that follows the last batch, and
   SETTLE_S after its reply.
2. If the client still falls silent for RESCUE_S after a frame that its Traffic Manager owes a batch for, the server calls
   set_synchronous_mode(false), set_synchronous_mode(true) at the Traffic Manager's own RPC port. The first call notifies
   the condition variable again, so the step that was due is done, once; the second restores the mode before it is read.
"""

import asyncio
import sys
from collections.abc import Callable

from carla_light.wire.replies import RPC_REQUEST, pack

SETTLE_S = 0.0003  # the waiter needs some microseconds from the reply to its wait; measured, see above
SETTINGS_TIMEOUT_S = 0.02  # a Traffic Manager that was shut down, or runs freely, may never call again
RESCUE_S = 1.0


class FrameHandover:
    """Watches one client's connection."""

    def __init__(self) -> None:
        """A client without a Traffic Manager."""
        self.port: int | None = None
        self._owes_batch = False
        self._owes_settings = False
        self._settings_at = 0.0
        self._pending: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._rescue: asyncio.Task | None = None

    def batch_came(self) -> None:
        """The client sent a batch: the Traffic Manager's, if it owes one."""
        if self._owes_batch:
            self._owes_batch, self._owes_settings = False, True
            if self._watchdog is not None:
                self._watchdog.cancel()
                self._watchdog = None

    def settings_sent(self) -> None:
        """A get_episode_settings call was answered just now."""
        self._owes_settings = False
        self._settings_at = asyncio.get_running_loop().time()
        if self._pending is not None:
            self._schedule(SETTLE_S)

    def when_safe(self, publish: Callable[[], None]) -> None:
        """Runs `publish` as soon as the Traffic Manager waits for it; at once without one."""
        if self.port is None:
            publish()
            return
        self._pending = publish
        if self._owes_settings:
            self._schedule(SETTINGS_TIMEOUT_S)
        else:
            self._schedule(SETTLE_S - (asyncio.get_running_loop().time() - self._settings_at))

    def _schedule(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if delay_s <= 0.0:
            self._release()
        else:
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._release)

    def _release(self) -> None:
        publish, self._pending, self._timer = self._pending, None, None
        if publish is None:
            return
        self._owes_batch, self._owes_settings = True, False
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = asyncio.get_running_loop().call_later(RESCUE_S, self._start_rescue)
        publish()

    def _start_rescue(self) -> None:
        self._watchdog = None
        if self._owes_batch and self.port is not None:
            self._rescue = asyncio.ensure_future(_notify_again(self.port))

    def cancel(self) -> None:
        """The client has gone."""
        self._pending = None
        for handle in (self._timer, self._watchdog, self._rescue):
            if handle is not None:
                handle.cancel()


async def _notify_again(port: int) -> None:
    """Notifies the Traffic Manager at `port` of this machine; nothing happens if it is not there."""
    print(f"carla_light: the Traffic Manager at port {port} missed a frame; notifying it again", file=sys.stderr, flush=True)
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    for number, mode in enumerate((False, True)):
        writer.write(pack([RPC_REQUEST, number, "set_synchronous_mode", [mode]]))
    await writer.drain()
    await asyncio.sleep(0.1)  # the replies are of no interest, but the calls must have been read
    writer.close()
