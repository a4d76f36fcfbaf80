"""craft_town as the official client's carla.Map sees it, without a server."""

import math
from collections import defaultdict
from xml.etree import ElementTree

import carla
import numpy as np
import pytest

from carla_light.towns import DEFAULT_TOWN, load
from carla_light.towns.geometry import Corner
from carla_light.towns.network import Network
from carla_light.towns.road import Control, Lane, LaneType
from town_waypoints import angle_deg, key, place

LIGHT, STOP, YIELD, SPEED = "1000001", "206", "205", "274"


@pytest.fixture(scope="module")
def root():
    return ElementTree.fromstring(load())


@pytest.fixture(scope="module")
def town():
    return carla.Map(DEFAULT_TOWN, load())


@pytest.fixture(scope="module")
def waypoints(town):
    return town.generate_waypoints(1.0)


# ---- size and contents -----------------------------------------------------------------------------------------------


def test_four_to_six_kilometres_of_road(root):
    metres = sum(float(road.get("length")) for road in root.iter("road") if road.get("junction") == "-1")
    assert 4000.0 < metres < 6000.0


def signal_places(town, kind):
    return [(s.transform.location.x, -s.transform.location.y) for s in town.get_all_landmarks_of_type(kind)]


@pytest.mark.parametrize("side", [-1.0, 1.0], ids=["west", "east"])
class TestDistrict:
    def test_has_every_kind_of_control(self, town, side):
        for kind, least in ((LIGHT, 8), (STOP, 4), (YIELD, 1), (SPEED, 10)):
            assert sum(x * side > 0.0 for x, _ in signal_places(town, kind)) >= least

    def test_has_t_junctions_crossings_and_an_all_way_stop(self, root, side):
        approaches = defaultdict(set)  # junction -> roads that lead to it
        for junction in root.iter("junction"):
            for connection in junction.iter("connection"):
                approaches[junction.get("id")].add(connection.get("incomingRoad"))
        roads = {road.get("id"): road for road in root.iter("road")}
        stops = {}
        for junction, incoming in approaches.items():
            controls = []
            for road_id in incoming:
                road = roads[road_id]
                at_end = road.find("link/successor").get("elementId") == junction
                # beside the lanes that lead there: right lanes (t < 0) at the road's end, left ones at its start
                signs = [
                    s
                    for s in road.iter("signal")
                    if (float(s.get("t")) < 0.0) == at_end and s.get("type") in (LIGHT, STOP, YIELD)
                ]
                assert len(signs) <= 1, "one light or sign an approach"
                controls += [s.get("type") for s in signs]
            inside = next(road for road in roads.values() if road.get("junction") == junction)
            if float(inside.find("planView/geometry").get("x")) * side > 0.0:
                stops[junction] = (len(incoming), sorted(controls))
        found = list(stops.values())
        assert any(legs == 4 and controls == [LIGHT] * 4 for legs, controls in found)
        assert any(controls == [STOP] * legs for legs, controls in found), "an all-way stop"
        assert any(legs == 3 and controls == [STOP] for legs, controls in found)
        assert any(legs == 3 and controls == [YIELD] for legs, controls in found)

    def test_has_parking_sidewalks_and_crosswalks(self, town, root, side):
        for kind in ("parking", "sidewalk", "shoulder"):
            metres = sum(
                float(road.get("length"))
                for road in root.iter("road")
                if road.get("junction") == "-1" and float(road.find("planView/geometry").get("x")) * side > 0.0
                for lane in road.iter("lane")
                if lane.get("type") == kind
            )
            assert metres > 300.0
        assert sum(corner.x * side > 0.0 for corner in town.get_crosswalks()) >= 5 * 12

    def test_has_a_straight_arterial_and_long_two_way_streets(self, waypoints, side):
        straight, single = 0.0, 0
        lanes = defaultdict(list)
        for w in waypoints:
            if not w.is_junction and place(w)[0] * side > 0.0:
                lanes[key(w)].append(w)
        for (road, section, lane), points in lanes.items():
            beside = (road, section, lane + (1 if lane > 0 else -1)) in lanes
            yaw = np.unwrap([math.radians(w.transform.rotation.yaw) for w in points])
            if beside and np.ptp(yaw) < 0.01:
                straight = max(straight, float(len(points)))
            inner = (road, section, lane - (1 if lane > 0 else -1)) in lanes
            single += not beside and not inner and len(points) >= 150
        assert straight >= 200.0
        assert single >= 4


# ---- lights ----------------------------------------------------------------------------------------------------------


def test_each_light_has_one_phase_and_opposite_lights_share_it(root, town):
    phase = {
        control.get("signalId"): controller.get("id")
        for controller in root.findall("controller")
        for control in controller.iter("control")
    }
    lights = town.get_all_landmarks_of_type(LIGHT)
    assert sorted(phase) == sorted(light.id for light in lights)
    by_junction = defaultdict(list)
    for light in lights:
        w = town.get_waypoint_xodr(light.road_id, light.get_lane_validities()[0][0], light.s)
        by_junction[w.next(2.0)[0].junction_id].append((w.transform.rotation.yaw, phase[light.id]))
    for approaches in by_junction.values():
        assert len(approaches) == 4
        assert len({p for _, p in approaches}) == 2
        for yaw, p in approaches:
            for other_yaw, other in approaches:
                in_line = min(angle_deg(yaw, other_yaw), angle_deg(yaw, other_yaw + 180.0)) < 45.0
                assert (p == other) == in_line


# ---- the writer refuses what does not fit ----------------------------------------------------------------------------


def test_round_lengths_are_refused():
    network = Network("round", 48.0, 11.0)
    street = (Lane(LaneType.DRIVING, 3.5),)
    # two free ends: no corner, no setback, so the street is 100 m long
    network.street(network.junction(0.0, 0.0), network.junction(100.0, 0.0), street, 50.0, control_b=Control.STOP)
    with pytest.raises(ValueError, match="100.0000 m long, a multiple of 0.5 m; move one of its ends"):
        network.build()


def test_arcs_that_carla_map_cannot_place_exactly_are_refused():
    network = Network("flat", 48.0, 11.0)
    street = (Lane(LaneType.DRIVING, 3.5),)
    bend = [Corner(100.0, 0.0, 60_000.0)]
    network.street(network.junction(0.0, 0.0), network.junction(200.3, 0.3), street, 50.0, corners=bend)
    with pytest.raises(ValueError, match="arc with a radius of 60000 m; make it straight"):
        network.build()
