"""One client's msgpack-rpc connection."""

import asyncio
from collections.abc import Callable

import msgpack

from carla_light.service.dispatch import Dispatcher
from carla_light.wire.handover import FrameHandover
from carla_light.wire.replies import RPC_REPLY, RPC_REQUEST, pack, value

_MAX_MESSAGE_BYTES = 1 << 28


class RpcConnection(asyncio.Protocol):
    """Reads requests, writes replies; ticks wait for the Traffic Manager of this client."""

    def __init__(self, dispatcher: Dispatcher, ended: Callable[["RpcConnection"], None]) -> None:
        """`ended` is called when the client has gone."""
        self._dispatcher = dispatcher
        self._session = dispatcher.session
        self._ended = ended
        self._unpacker = msgpack.Unpacker(
            strict_map_key=False, max_buffer_size=_MAX_MESSAGE_BYTES, unicode_errors="surrogateescape"
        )
        self._handover = FrameHandover()
        self._traffic_managers: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport to write to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Serves all complete requests."""
        self._unpacker.feed(data)
        try:
            for message in self._unpacker:
                if message[0] == RPC_REQUEST:
                    self._serve(*message[1:])
        except (msgpack.UnpackException, ValueError, TypeError, IndexError):
            self._transport.abort()  # not a CARLA client

    def _serve(self, request: int, method: str, args: list) -> None:
        if method == "tick_cue":
            self._tick(request)
            return
        reply = self._dispatcher.call(method, args)
        if method == "apply_batch":
            if args[2]:
                self._session.publish(self._session.step())
        elif method == "add_traffic_manager_running":
            self._traffic_managers.append(args[1][1])
            self._handover.port = args[1][1]
        elif method == "destroy_traffic_manager":
            self._handover.port = None
        self._reply(request, reply)
        self._handover.answered(method)

    def _tick(self, request: int) -> None:
        if not self._session.synchronous:
            self._reply(request, value(self._session.world.frame + 1))
            return
        messages = self._session.step()
        frame = self._session.world.frame
        self._handover.when_safe(lambda: self._publish(request, messages, frame))

    def _publish(self, request: int, messages: list[tuple[int, bytes]], frame: int) -> None:
        self._session.publish(messages)
        self._reply(request, value(frame))

    def _reply(self, request: int, reply: object) -> None:
        self._transport.write(pack([RPC_REPLY, request, None, reply]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets this client's Traffic Managers."""
        self._handover.cancel()
        for port in self._traffic_managers:
            self._dispatcher.call("destroy_traffic_manager", [[True], port])
        self._ended(self)
