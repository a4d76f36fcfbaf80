"""Sensor streams: a client connects, names a stream by its id, and then receives length-prefixed messages."""

import asyncio
import struct
from collections.abc import Callable

from carla_light.wire.layouts import STREAM_LENGTH, stream_token

WORLD_STREAM = 1  # the stream of world snapshots


class StreamHub:
    """The open streams and who listens to them."""

    def __init__(self, greeting: Callable[[], bytes | None]) -> None:
        """`greeting` gives the newest world snapshot: a client that connects while nobody ticks must see a world."""
        self.port = 0
        self._greeting = greeting
        self._listeners: dict[int, set[asyncio.Transport]] = {}
        self._next = WORLD_STREAM + 1

    def open(self) -> int:
        """A new stream id."""
        self._next += 1
        return self._next - 1

    def close(self, stream: int) -> None:
        """Ends a stream: its listeners are disconnected."""
        for transport in self._listeners.pop(stream, ()):
            transport.close()

    def token(self, stream: int) -> bytes:
        """Where a client finds the stream; empty for no stream (0)."""
        return stream_token(stream, self.port) if stream else b""

    def has_listener(self, stream: int) -> bool:
        """Whether anything has to be computed for this stream."""
        return bool(self._listeners.get(stream))

    def send(self, stream: int, payload: bytes) -> None:
        """Sends one message to all listeners of a stream."""
        listeners = self._listeners.get(stream)
        if listeners:
            message = STREAM_LENGTH.pack(len(payload)) + payload
            for transport in listeners:
                transport.write(message)

    def subscribe(self, stream: int, transport: asyncio.Transport) -> None:
        """Adds a listener."""
        self._listeners.setdefault(stream, set()).add(transport)
        snapshot = self._greeting() if stream == WORLD_STREAM else None
        if snapshot is not None:
            transport.write(STREAM_LENGTH.pack(len(snapshot)) + snapshot)

    def unsubscribe(self, stream: int, transport: asyncio.Transport) -> None:
        """Removes a listener."""
        self._listeners.get(stream, set()).discard(transport)


class StreamConnection(asyncio.Protocol):
    """One client's subscription to one stream."""

    def __init__(self, hub: StreamHub) -> None:
        """The hub that the subscription goes to."""
        self._hub = hub
        self._stream: int | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport to write to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Reads the stream id, the only thing a client ever sends here."""
        if self._stream is not None:
            return
        self._received += data
        if len(self._received) >= 4:
            (self._stream,) = struct.unpack_from("<I", self._received)
            self._hub.subscribe(self._stream, self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the subscription."""
        if self._stream is not None:
            self._hub.unsubscribe(self._stream, self._transport)
