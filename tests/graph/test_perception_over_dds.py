"""The perception node alone, fed by the test: what is missing, late or does not fit is named in /diagnostics."""

import numpy as np
import pytest
from carla_msgs.msg import CarlaEgoVehicleStatus, CarlaTrafficLightInfoList, CarlaTrafficLightStatusList, CarlaWorldInfo
from craft_msgs.msg import EpisodeStart
from derived_object_msgs.msg import ObjectArray
from nav_msgs.msg import Odometry as OdometryMsg
from nav_msgs.msg import Path as PathMsg

from craft.perception.inputs import Odometry, TrackedObjects, VehicleStatus
from craft.scene import Route
from craft_nodes import messages, qos, topics
from craft_nodes.cli.environment import free_domain
from graph_processes import ROOT, node
from graph_recorder import CRAFT_TOPICS, Peer

TOWN = ROOT / "carla_light/carla_light/towns/craft_town.xodr"
DT_S, BEGIN_S = 0.05, 10.0


class Bridge:
    """Plays carla-ros-bridge: a car on a straight route at 5 m/s, one other car ahead."""

    def __init__(self, folder):
        self.peer = Peer(free_domain(), CRAFT_TOPICS)
        self.process = node("perception", folder / "perception.log", self.peer.domain)
        for name, kind in (
            ("objects", ObjectArray),
            ("vehicle_status", CarlaEgoVehicleStatus),
            ("odometry", OdometryMsg),
        ):
            self.peer.connect(topics.ego("hero", name), kind)

    def town(self, opendrive):
        self.peer.publish(topics.LIGHT_INFO, CarlaTrafficLightInfoList(), qos.LATCHED)
        self.peer.publish(topics.WORLD_INFO, CarlaWorldInfo(map_name="craft_town", opendrive=opendrive), qos.LATCHED)

    def episode(self, number, begin_s, points=50):
        line = np.stack([np.arange(points, dtype=float), np.zeros(points)], axis=1)
        stamp = messages.to_time(begin_s)
        route = messages.route_to_msg(Route(points=line, yaw=np.zeros(points)), stamp) if points else PathMsg()
        route.header.stamp = stamp
        start = EpisodeStart(episode=number)
        start.header.stamp = stamp
        self.peer.publish(topics.ego("hero", "waypoints"), route, qos.LATCHED)
        self.peer.publish(topics.EPISODE_START, start, qos.LATCHED)

    def lights(self):
        self.peer.publish(topics.LIGHT_STATUS, CarlaTrafficLightStatusList(), qos.LATCHED)

    def frame(self, number, begin_s=BEGIN_S, without=(), x=None):
        """The messages of one frame, some left out."""
        stamp_s = begin_s + number * DT_S
        x = 5.0 * DT_S * number if x is None else x
        odometry = Odometry(stamp_s, x=x, y=0.0, yaw=0.0, vx=5.0, vy=0.0, yaw_rate=0.0)
        objects = TrackedObjects(
            stamp_s,
            ids=np.array([77]),
            kinds=np.zeros(1, np.uint8),
            poses=np.array([[20.0, 0.0, 0.0]]),
            velocities=np.zeros((1, 2)),
            yaw_rates=np.zeros(1),
            accelerations=np.zeros((1, 2)),
            half_sizes=np.array([[2.0, 1.0]]),
        )
        pieces = {
            "objects": messages.ObjectArrayWriter("hero")(objects),
            "vehicle_status": messages.status_to_msg(VehicleStatus(stamp_s, 0.0, 0.3, 0.0, 0.0), odometry, "hero"),
            "odometry": messages.odometry_to_msg(odometry, "hero"),
        }
        for name, message in pieces.items():
            if name not in without:
                self.peer.publish(topics.ego("hero", name), message)

    @property
    def observed(self):
        return [(o.episode, o.frame) for o in self.peer.messages[topics.OBSERVATION]]

    def wait_for(self, *frame):
        self.peer.wait(lambda: frame in self.observed, f"observation {frame}")

    def reported(self, key, value=None):
        return self.peer.wait_for_diagnostics("/perception", key, value)

    def close(self):
        self.process.end()
        self.peer.close()


@pytest.fixture(scope="module")
def bridge(tmp_path_factory):
    made = Bridge(tmp_path_factory.mktemp("perception"))
    yield made
    made.close()


def test_no_observation_without_town_and_lights(bridge):
    bridge.episode(1, BEGIN_S)
    bridge.town("<OpenDRIVE><road id='1' length='ten'></road></OpenDRIVE>")
    bridge.peer.wait(lambda: "OpenDRIVE" in bridge.peer.diagnostics("/perception").get("", ""), "the map's error")
    assert bridge.process.running  # the next map may be a good one
    bridge.town(TOWN.read_text())
    bridge.peer.wait(lambda: bridge.peer.messages[topics.ROAD_MAP], "the road map")
    bridge.frame(0)
    bridge.reported("dropped: lights missing")
    assert bridge.observed == []
    bridge.lights()
    bridge.frame(1)
    bridge.wait_for(1, 1)
    assert bridge.observed == [(1, 0), (1, 1)]
    observation = bridge.peer.messages[topics.OBSERVATION][0]
    # The other car's box, 20 m ahead of the ego at the route's start, in the ego frame.
    assert list(observation.agent_id)[:1] == [77]
    assert observation.agents[0] == pytest.approx(20.0) and observation.agents[1] == pytest.approx(0.0)


def test_missing_late_and_repeated_inputs_are_counted_by_name(bridge):
    bridge.frame(2, without=("objects",))
    bridge.frame(3, without=("vehicle_status",))
    bridge.frame(4)
    bridge.wait_for(1, 4)
    bridge.reported("dropped: objects missing", "1")
    bridge.reported("dropped: status missing", "1")
    bridge.frame(2, without=("vehicle_status", "odometry"))  # the missing one, after its time
    bridge.reported("dropped: objects late", "1")
    bridge.frame(4, without=("objects", "vehicle_status"))
    bridge.reported("dropped: odometry repeated", "1")
    bridge.frame(5)
    bridge.wait_for(1, 5)
    assert [frame for _, frame in bridge.observed] == [0, 1, 4, 5]
    assert float(bridge.reported("odometry age [s]")) >= 0.0


def test_stamps_that_do_not_match_never_make_a_frame(bridge):
    bridge.frame(6, without=("odometry",))
    bridge.frame(7, without=("objects", "vehicle_status"))
    bridge.frame(8)
    bridge.wait_for(1, 8)
    bridge.reported("dropped: odometry missing", "1")
    assert not {(1, 6), (1, 7)} & set(bridge.observed)


def test_a_frame_that_makes_no_sense_is_refused(bridge):
    bridge.frame(9, x=float("nan"))
    bridge.frame(10)
    bridge.wait_for(1, 10)
    refused = [key for key in bridge.peer.diagnostics("/perception") if key.startswith("dropped: frame refused")]
    if not refused:
        bridge.peer.wait(lambda: any("refused" in k for k in bridge.peer.diagnostics("/perception")), "the refusal")
    assert (1, 9) not in bridge.observed


def test_a_new_episode_takes_its_own_route_and_counts_frames_from_its_start(bridge):
    begin_s = BEGIN_S + 20.0
    bridge.episode(2, begin_s)
    bridge.frame(-1, begin_s)
    bridge.reported("dropped: frame before the episode's start", "1")
    bridge.frame(0, begin_s)
    bridge.wait_for(2, 0)


def test_an_empty_route_is_an_error_with_the_episode(bridge):
    bridge.episode(3, BEGIN_S + 40.0, points=0)
    bridge.peer.wait(
        lambda: "route of episode 3" in bridge.peer.diagnostics("/perception").get("", ""), "the route's error"
    )
    bridge.frame(0, BEGIN_S + 40.0)
    bridge.episode(4, BEGIN_S + 60.0)
    bridge.frame(0, BEGIN_S + 60.0)
    bridge.wait_for(4, 0)
    assert not [episode for episode, _ in bridge.observed if episode == 3]
