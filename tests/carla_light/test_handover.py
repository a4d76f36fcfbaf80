"""A Traffic Manager that misses a frame is notified again, once, at its own port."""

import socket

import msgpack

from carla_light.wire.handover import RESCUE_S


class Caller:
    """A client of msgpack-rpc, as bare as can be."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20.0)
        self.unpacker = msgpack.Unpacker()
        self.number = 0

    def send(self, *methods_and_arguments):
        """Sends calls in one piece."""
        requests = []
        for method, *args in methods_and_arguments:
            self.number += 1
            requests.append(msgpack.packb([0, self.number, method, [[False], *args]]))
        self.socket.sendall(b"".join(requests))

    def reply(self):
        while True:
            for message in self.unpacker:
                assert message[:3] == [1, message[1], None]
                return message[3]
            self.unpacker.feed(self.socket.recv(1 << 20))

    def call(self, method, *args):
        self.send((method, *args))
        return self.reply()


def received(listener, seconds):
    """The messages that the first connection to a socket brings within some seconds; [] without one."""
    listener.settimeout(seconds)
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return []
    unpacker = msgpack.Unpacker()
    connection.settimeout(10.0)
    while data := connection.recv(4096):
        unpacker.feed(data)
    return list(unpacker)


def test_a_step_that_does_not_begin_is_asked_for_again(server, world):
    caller = Caller(server.port)
    with socket.create_server(("127.0.0.1", 0)) as manager:
        caller.call("add_traffic_manager_running", ["127.0.0.1", manager.getsockname()[1]])
        caller.call("get_episode_settings")
        caller.call("tick_cue")
        calls = received(manager, RESCUE_S + 10.0)
        assert [(method, args) for _, _, method, args in calls] == [
            ("set_synchronous_mode", [False]),
            ("set_synchronous_mode", [True]),
        ]
        # A step that begins in time is left alone.
        caller.call("get_vehicle_light_states")
        caller.call("apply_batch", [], False)
        caller.call("get_episode_settings")
        caller.call("tick_cue")
        caller.call("get_vehicle_light_states")
        assert received(manager, 2.0 * RESCUE_S) == []


def test_a_frame_waits_for_the_settings_call_that_follows_a_step(server, world):
    caller = Caller(server.port)
    with socket.create_server(("127.0.0.1", 0)) as manager:
        caller.call("add_traffic_manager_running", ["127.0.0.1", manager.getsockname()[1]])
        caller.call("get_episode_settings")
        frame = caller.call("tick_cue")[0][1]
        caller.call("get_vehicle_light_states")
        caller.call("apply_batch", [], False)
        caller.send(("tick_cue",), ("get_episode_settings",))
        first, second = caller.reply(), caller.reply()
        assert isinstance(first[0][1], list)  # the settings come first ...
        assert second == [[1, frame + 1]]  # ... and only then the frame
