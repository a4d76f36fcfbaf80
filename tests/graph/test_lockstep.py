"""The world node alone, ordered about and driven by the test: it ticks for the right command only."""

import pytest
from carla_msgs.msg import CarlaEgoVehicleControl, CarlaEgoVehicleStatus
from craft_msgs.msg import Phase
from nav_msgs.msg import Odometry

from craft_nodes import messages, qos, topics
from craft_nodes.cli.environment import free_domain
from graph_processes import Server, node
from graph_recorder import CRAFT_TOPICS, Peer

ODOMETRY, STATUS = topics.ego("hero", "odometry"), topics.ego("hero", "vehicle_status")
COMMAND = topics.ego("hero", "vehicle_control_cmd")
TIMEOUT_S = 7.0  # longer than it takes until the first frame is announced again
DECISIONS = 2


class World:
    """The world node and a test that plays trainer and policy."""

    def __init__(self, folder, **parameters):
        domain = free_domain()
        self.server = Server(folder / "server.log", domain)
        self.peer = Peer(
            domain, CRAFT_TOPICS | {ODOMETRY: (Odometry, qos.SENSOR), STATUS: (CarlaEgoVehicleStatus, qos.SENSOR)}
        )
        given = {"port": self.server.port, "background_vehicles": 0, "control_timeout": TIMEOUT_S} | parameters
        self.process = node("world", folder / "world.log", domain, given)
        self.peer.connect(COMMAND, CarlaEgoVehicleControl, qos.COMMAND)

    def order(self, phase, mode, **fields):
        self.peer.publish(topics.PHASE, Phase(phase=phase, mode=mode, **fields), qos.LATCHED)

    def collect(self, phase):
        """Order a few decisions and wait for their first frame."""
        seen = len(self.peer.messages[ODOMETRY])
        self.order(phase, Phase.COLLECT, suite="training", decisions=DECISIONS, first_episode=100 * phase, seed=3)
        self.peer.wait(lambda: len(self.peer.messages[ODOMETRY]) > seen, "the first frame")

    @property
    def stamp(self):
        return self.peer.messages[ODOMETRY][-1].header.stamp

    def command(self, stamp, throttle, steer=0.0, brake=0.0):
        self.peer.publish(COMMAND, messages.control_to_msg(stamp, throttle, steer, brake), qos.COMMAND)

    def next_frame(self, after, timeout_s=60.0):
        """The vehicle status of the frame after this stamp."""
        heard = self.peer.messages[STATUS]
        self.peer.wait(lambda: self.stamp != after and heard[-1].header.stamp == self.stamp, "a tick", timeout_s)
        return heard[-1]

    def drive_to_the_end(self, phase):
        """Command every frame until the order is done; returns the final status."""

        def final():
            return next((s for s in self.peer.messages[topics.PHASE_STATUS] if s.phase == phase and s.complete), None)

        commanded = None
        while final() is None:
            if self.stamp != commanded:
                commanded = self.stamp
                self.command(commanded, 0.3)
            self.peer.wait(lambda before=commanded: self.stamp != before or final(), "a tick or the end")
        return final()

    def close(self):
        self.process.end()
        self.server.end()
        self.peer.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


def test_commands_for_other_frames_and_repeated_ones_are_dropped_and_counted(world):
    world.collect(phase=1)
    first = world.stamp
    world.command(first, 0.25)
    assert world.next_frame(first).control.throttle == pytest.approx(0.25)
    second = world.stamp
    world.command(first, 0.9, brake=1.0)  # late: for the frame before
    ahead = messages.to_time(messages.from_time(second) + 0.05)
    world.command(ahead, 0.8, steer=1.0)  # early: for the frame to come
    world.command(second, 0.5)
    world.command(second, 0.1, steer=-1.0)  # repeated
    status = world.next_frame(second)
    applied = (status.control.throttle, status.control.steer, status.control.brake)
    assert applied == pytest.approx((0.5, 0.0, 0.0))
    # Nor is one of them kept for later: the frame that the early one was for waits for its own command.
    third = world.stamp
    assert third == ahead
    world.command(third, 0.75)
    assert world.next_frame(third).control.throttle == pytest.approx(0.75)
    final = world.drive_to_the_end(phase=1)
    assert final.control_dropped == 3
    assert final.control_timeouts == 0
    assert final.frames == 5 * DECISIONS
    # Whether the repeated one came before the tick or after it is chance; dropped it is either way.
    world.peer.wait_for_diagnostics("/world", "dropped: control for another frame")
    reported = world.peer.diagnostics("/world")
    assert sum(int(n) for key, n in reported.items() if key.startswith("dropped: control")) == 3


def test_without_a_command_in_time_it_brakes_and_counts(world):
    world.collect(phase=2)
    first = world.stamp
    frames = world.peer.messages[ODOMETRY]
    # The first frame is announced again meanwhile: a node that found the world late still gets it.
    status = world.next_frame(first)
    assert sum(m.header.stamp == first for m in frames) >= 2
    assert (status.control.throttle, status.control.brake) == (0.0, 1.0)
    final = world.drive_to_the_end(phase=2)
    assert final.control_timeouts == 1
    assert final.control_dropped == 0
    world.peer.wait_for_diagnostics("/world", "dropped: no control in time", "1")


def test_an_order_with_an_old_number_is_ignored(world):
    starts = len(world.peer.messages[topics.EPISODE_START])
    world.order(2, Phase.COLLECT, suite="training", decisions=DECISIONS, first_episode=900, seed=1)
    world.collect(phase=3)
    world.drive_to_the_end(phase=3)
    assert [m.episode for m in world.peer.messages[topics.EPISODE_START][starts:]] == [300]


def test_an_unknown_suite_ends_the_world_with_its_name(world):
    """The last test of this world: it cannot go on."""
    world.order(4, Phase.COLLECT, suite="nowhere", decisions=1, first_episode=400, seed=1)
    status = world.peer.wait(lambda: [s for s in world.peer.messages[topics.PHASE_STATUS] if s.phase == 4], "the error")
    assert "'nowhere'" in status[-1].error and "training" in status[-1].error
    assert world.process.wait(30.0) == 1
    assert "'nowhere'" in world.process.output and "Traceback" not in world.process.output


def test_a_server_that_dies_ends_the_world_with_a_message(tmp_path):
    world = World(tmp_path)
    try:
        world.collect(phase=1)
        world.command(world.stamp, 0.5)
        world.next_frame(world.peer.messages[ODOMETRY][0].header.stamp)
        world.server.process.kill()
        world.command(world.stamp, 0.5)
        status = world.peer.wait(
            lambda: [s for s in world.peer.messages[topics.PHASE_STATUS] if s.error], "the world's last words"
        )
        assert str(world.server.port) in status[-1].error and "resume" in status[-1].error
        assert world.process.wait(30.0) == 1
        assert "resume the run from its folder" in world.process.output
    finally:
        world.close()
