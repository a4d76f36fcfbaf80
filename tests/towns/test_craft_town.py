"""craft_town as the official client's carla.Map sees it, without a server."""

import math
import os
from collections import defaultdict
from xml.etree import ElementTree

import carla
import networkx
import numpy as np
import pytest

from carla_light.towns import DEFAULT_TOWN, NAMES, __main__, load
from carla_light.towns.__main__ import GENERATORS
from carla_light.towns.geometry import Corner
from carla_light.towns.network import Network
from carla_light.towns.opendrive import to_opendrive
from carla_light.towns.road import Control, Lane, LaneType

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


def key(waypoint):
    return waypoint.road_id, waypoint.section_id, waypoint.lane_id


def angle_deg(a, b):
    return abs((a - b + 180.0) % 360.0 - 180.0)


def place(waypoint):
    location = waypoint.transform.location
    return location.x, -location.y


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_what_the_generator_writes(name):
    assert load(name) == to_opendrive(GENERATORS[name]())


def test_the_command_writes_the_files_and_leaves_nothing_else(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(__main__, "path", lambda name: tmp_path / f"{name}.xodr")
    __main__.main()
    assert sorted(os.listdir(tmp_path)) == [f"{name}.xodr" for name in sorted(NAMES)]
    assert (tmp_path / f"{DEFAULT_TOWN}.xodr").read_text(encoding="utf-8") == load()
    assert DEFAULT_TOWN in capsys.readouterr().out


def test_an_unknown_town_is_refused():
    with pytest.raises(ValueError, match="no town is called 'Town01'; there are: craft_town"):
        load("Town01")


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


# ---- connectivity ----------------------------------------------------------------------------------------------------


def test_every_lane_leads_to_every_other_one(town):
    graph = networkx.DiGraph([(key(a), key(b)) for a, b in town.get_topology()])
    assert networkx.is_strongly_connected(graph)
    driving = {key(w) for w in town.generate_waypoints(3.0)}
    assert driving == set(graph), "no driving lane lies outside the topology"


def test_nothing_raises_anywhere(waypoints):
    for w in waypoints:
        assert w.next(2.0) and w.previous(2.0), "no dead end"
        w.get_landmarks(40.0)
        if w.s < 1.0:
            for step in (0.5, 1.0, 2.0, 5.0):  # raises where whole steps end exactly at a lane's end
                assert w.next_until_lane_end(step)
                assert w.previous_until_lane_start(step)


def test_position_and_heading_are_continuous(waypoints):
    # The tightest curve is a right turn at a 90 degree corner: the lane's middle has a radius of more than
    # CORNER_RADIUS_M, so 0.25 m of travel turn at most 0.25 / 6.07 rad = 2.4 degrees.
    for w in waypoints:
        for ahead in w.next(0.25):
            (x0, y0), (x1, y1) = place(w), place(ahead)
            assert math.hypot(x1 - x0, y1 - y0) == pytest.approx(0.25, abs=0.1)
            assert angle_deg(w.transform.rotation.yaw, ahead.transform.rotation.yaw) < 2.4


def test_neighbouring_lanes(waypoints):
    """Lanes may be changed exactly between two lanes of one direction; CARLA's neighbours agree with geometry."""
    changes = 0
    for w in waypoints[::7]:
        if w.is_junction:
            assert w.lane_change == carla.LaneChange.NONE
            continue
        for allowed, beside, to_left in (
            (carla.LaneChange.Left, w.get_left_lane(), 1.0),
            (carla.LaneChange.Right, w.get_right_lane(), -1.0),
        ):
            same_way = beside is not None and beside.lane_id * w.lane_id > 0
            may = bool(int(w.lane_change) & int(allowed))
            assert may == (same_way and beside.lane_type == carla.LaneType.Driving)
            if beside is None:
                continue
            yaw = -math.radians(w.transform.rotation.yaw)
            dx, dy = np.subtract(place(beside), place(w))
            left = -math.sin(yaw) * dx + math.cos(yaw) * dy
            assert left == pytest.approx(to_left * (w.lane_width + beside.lane_width) / 2.0, abs=0.02)
            changes += may
    assert changes > 100


# ---- the dialect -----------------------------------------------------------------------------------------------------


def test_validities_run_from_low_to_high_over_the_lanes_of_one_side(root):
    for road in root.iter("road"):
        lanes = {int(lane.get("id")): lane.get("type") for lane in road.iter("lane")}
        for signal in road.iter("signal"):
            validity = signal.find("validity")
            low, high = int(validity.get("fromLane")), int(validity.get("toLane"))
            assert low <= high and low * high > 0
            side = {i for i, kind in lanes.items() if kind == "driving" and i * low > 0}
            assert set(range(low, high + 1)) == side


def test_lane_changes_are_always_written(root):
    marks = list(root.iter("roadMark"))
    assert marks and all(mark.get("laneChange") in ("none", "both") for mark in marks)


def test_lengths_are_not_round(root):
    for road in root.iter("road"):
        twice = 2.0 * float(road.get("length"))
        assert abs(twice - round(twice)) >= 0.01


def test_ids_are_unique(root):
    for tag in ("road", "junction", "signal", "controller"):
        ids = [item.get("id") for item in root.iter(tag) if tag != "controller" or item.get("name")]
        assert len(ids) == len(set(ids)) > 0


def test_lights_stand_a_metre_before_the_junction(town):
    # so the leaderboard's stop line, the last waypoint before the junction, is where the light is
    for kind in (LIGHT, STOP, YIELD):
        for landmark in town.get_all_landmarks_of_type(kind):
            for low, high in landmark.get_lane_validities():
                for lane in range(low, high + 1):
                    w = town.get_waypoint_xodr(landmark.road_id, lane, landmark.s)
                    assert not w.is_junction
                    assert w.next(1.2)[0].is_junction


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
