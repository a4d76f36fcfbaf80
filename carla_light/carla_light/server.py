"""The sockets, the clock of asynchronous mode, and the end."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from carla_light.errors import ServerError
from carla_light.service.dispatch import Dispatcher
from carla_light.session import Session
from carla_light.version import CARLA_VERSION
from carla_light.wire.rpc import RpcConnection
from carla_light.wire.streams import StreamConnection

FREE_RUN_STEP_S = 0.05  # asynchronous mode with a variable step runs at 20 Hz [s]


async def serve(source: str | Path | None, host: str, port: int, until_stdin_closes: bool) -> None:
    """Serves until SIGINT or SIGTERM.

    Args:
        source: A map file, a town's name, or None for the default town.
        host: Address to listen on.
        port: Port of the calls, the streams use the next one; 0 takes two free ports.
        until_stdin_closes: End as well when standard input ends, so that no child outlives its parent.

    Raises:
        MapError: The map cannot be loaded.
        ServerError: A port is in use.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    session = Session(source)
    dispatcher = Dispatcher(session)
    connections: set[RpcConnection] = set()

    def connect() -> RpcConnection:
        connection = RpcConnection(dispatcher, connections.discard)
        connections.add(connection)
        return connection

    streams = await _listen(lambda: StreamConnection(session.hub), host, port + 1 if port else 0)
    session.hub.port = streams.sockets[0].getsockname()[1]
    calls = await _listen(connect, host, port)
    bound = calls.sockets[0].getsockname()[1]
    print(
        f"carla_light: listening on {host}:{bound} (streams {session.hub.port}), CARLA {CARLA_VERSION}, "
        f"map {session.world.town.name}",
        flush=True,
    )
    clock = asyncio.create_task(_free_run(session))
    if until_stdin_closes:
        await loop.connect_read_pipe(lambda: _EndOfInput(stop), sys.stdin)
    await stop.wait()
    clock.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await clock
    calls.close()
    streams.close()


async def _listen(factory, host: str, port: int) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(factory, host, port)
    except OSError as error:
        raise ServerError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; "
            "stop the other program or choose another port with --port (0 takes free ones)"
        ) from None


async def _free_run(session: Session) -> None:
    """Lets time pass in asynchronous mode, at the pace of the clock on the wall."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        step_s = session.fixed_step_s or FREE_RUN_STEP_S
        due = max(due + step_s, loop.time() - step_s)
        await asyncio.sleep(max(0.0, due - loop.time()))
        if not session.synchronous:
            session.publish(session.step(step_s))


class _EndOfInput(asyncio.Protocol):
    """Stops the server when standard input ends."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop.set()
