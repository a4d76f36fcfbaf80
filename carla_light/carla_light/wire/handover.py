"""When a frame may be published without hanging the client's Traffic Manager.

In synchronous mode the Traffic Manager's thread calls get_episode_settings and then waits on a condition variable. The
client's main thread, when it sees the frame it ticked for, sets a flag and notifies that variable without holding its
lock. A notification that falls between the waiter's test of the flag and its wait is lost, and both threads wait for
ever. The step that a notification starts calls get_vehicle_light_states, get_weather_parameters and apply_batch, and
then get_episode_settings again. Two measures:

1. The two events are kept apart: a frame is published only after the settings call that follows the last step, and
   SETTLE_S after its reply. That makes a loss rare, not impossible: with five processes on every core about one frame
   in 1,000 was still missed. (A likely cause, not shown: the client's one thread that reads replies is held up and then
   wakes both others at once.)
2. If the step has not begun RESCUE_S after its frame, the server calls set_synchronous_mode(false) and then (true) at
   the Traffic Manager's own RPC port. The first call notifies the condition variable again, so the step that was due
   is done, once; the second restores the mode before it is read. The states of the world do not change by it: runs of
   60,000 ticks in which the race was provoked, with 2 and with 25 rescues, ended with the same state hash.
"""

import asyncio
import sys
from collections.abc import Callable

from carla_light.wire.replies import RPC_REQUEST, pack

SETTLE_S = 0.0003  # from the reply to the wait; chosen, not tuned
SETTINGS_TIMEOUT_S = 0.02  # chosen: a Traffic Manager that was shut down never calls again
# A rescue while the client is merely slow to run is a step too many, and then equal seeds no longer give equal worlds:
# with 0.3 s that was seen once, in some 60,000 frames on a machine with three times as many processes as cores.
RESCUE_S = 3.0

_STEP_CALLS = ("get_episode_settings", "get_vehicle_light_states", "get_weather_parameters", "apply_batch")


class FrameHandover:
    """Watches the calls of one client, in the order in which they are answered."""

    def __init__(self) -> None:
        """A client without a Traffic Manager."""
        self.port: int | None = None
        self._owes_settings = False
        self._settings_at = 0.0
        self._pending: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._rescue: asyncio.Task | None = None

    def answered(self, method: str) -> None:
        """A call of the client was answered just now."""
        if self.port is None or method not in _STEP_CALLS:
            return
        if self._watchdog is not None:  # the first call after a frame: the step has begun
            self._watchdog.cancel()
            self._watchdog = None
            self._owes_settings = True
        if method == "get_episode_settings":
            self._owes_settings = False
            self._settings_at = asyncio.get_running_loop().time()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
                self._release_when_settled()

    def when_safe(self, publish: Callable[[], None]) -> None:
        """Runs `publish` as soon as the Traffic Manager waits for it; at once without one."""
        if self.port is None:
            publish()
            return
        self._pending = publish
        if self._owes_settings:
            self._timer = asyncio.get_running_loop().call_later(SETTINGS_TIMEOUT_S, self._release)
        else:
            self._release_when_settled()

    def _release_when_settled(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._settings_at >= SETTLE_S:
            self._release()
        else:  # turn by turn, serving other calls: the loop's timers are no finer than 1 ms
            loop.call_soon(self._release_when_settled)

    def _release(self) -> None:
        publish, self._pending, self._timer = self._pending, None, None
        if publish is None:
            return
        self._owes_settings = False
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = asyncio.get_running_loop().call_later(RESCUE_S, self._start_rescue)
        publish()

    def _start_rescue(self) -> None:
        if self.port is not None:  # the watchdog stays set: the step that follows is the one it waited for
            self._rescue = asyncio.ensure_future(_notify_again(self.port))

    def cancel(self) -> None:
        """The client has gone."""
        self._pending = None
        for handle in (self._timer, self._watchdog, self._rescue):
            if handle is not None:
                handle.cancel()


async def _notify_again(port: int) -> None:
    """Notifies the Traffic Manager at `port` of this machine; nothing happens if it is not there."""
    text = f"carla_light: the Traffic Manager at port {port} missed a frame; notifying it again"
    print(text, file=sys.stderr, flush=True)
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    for number, mode in enumerate((False, True)):
        writer.write(pack([RPC_REQUEST, number, "set_synchronous_mode", [mode]]))
    await writer.drain()
    await asyncio.sleep(0.1)  # the replies are of no interest, but the calls must have been read
    writer.close()
