"""craft_highway as carla.Map, our road map and traffic see it; test_every_town.py has what holds in every town."""

import json
import math
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import carla
import networkx
import numpy as np
import pytest
import shapely

from carla_light import Server
from carla_light.opendrive.spawn_points import spawn_points
from carla_light.towns import load
from craft.scene import LaneKind
from craft.world.expert import ExpertConfig
from craft.world.opendrive import open_map, road_map_from_opendrive
from craft.world.opendrive_tables import read_tables
from craft.world.routes import RouteSpec, trace_route
from craft.world.speed_limits import SpeedLimits
from landmark_boxes import light_boxes
from town_waypoints import angle_deg, key, place

NAME = "craft_highway"
LIGHT, STOP = "1000001", "206"
TRAFFIC = Path(__file__).with_name("highway_traffic.py")
WEST, EAST = -1.0, 1.0
SIDES = pytest.mark.parametrize("side", [WEST, EAST], ids=["west", "east"])


@pytest.fixture(scope="module")
def xodr():
    return load(NAME)


@pytest.fixture(scope="module")
def roads(xodr):
    return {int(road.get("id")): road for road in ElementTree.fromstring(xodr).iter("road")}


@pytest.fixture(scope="module")
def town(xodr):
    return open_map(NAME, xodr)


@pytest.fixture(scope="module")
def surface(xodr, town):
    return road_map_from_opendrive(NAME, xodr, light_boxes(town))


@pytest.fixture(scope="module")
def lanes(town):
    """Waypoints of every driving lane, 1 m apart in the direction of travel."""
    found = defaultdict(list)
    for w in town.generate_waypoints(1.0):
        found[key(w)].append(w)
    return {lane: sorted(points, key=lambda w: -w.lane_id * w.s) for lane, points in found.items()}


@pytest.fixture(scope="module")
def graph(town):
    return networkx.DiGraph([(key(a), key(b)) for a, b in town.get_topology()])


def is_highway(roads, lane):
    return roads[lane[0]].find("type").get("type") == "motorway" and roads[lane[0]].get("junction") == "-1"


def driving(roads, road, side="right"):
    return sum(lane.get("type") == "driving" for lane in roads[road].iterfind(f".//{side}/lane"))


def ramps(roads, graph, lanes, on, side=None):
    """Lanes of on-ramps (or off-ramps), of one district or all: one-way, from a street to the highway (or back)."""
    found = []
    for lane in graph:
        if roads[lane[0]].get("junction") != "-1" or is_highway(roads, lane) or driving(roads, lane[0], "left"):
            continue
        near = graph.successors if on else graph.predecessors
        highway = all(is_highway(roads, beyond) for joint in near(lane) for beyond in near(joint))
        if highway and (side is None or all(place(w)[0] * side > 0.0 for w in lanes[lane])):
            found.append(lane)
    return found


def heading_sign(lane, lanes):
    """1 for lanes that lead east, -1 for lanes that lead west."""
    return math.copysign(1.0, place(lanes[lane][-1])[0] - place(lanes[lane][0])[0])


# ---- contents --------------------------------------------------------------------------------------------------------


def test_two_kilometres_of_highway_each_way(roads, graph):
    length = defaultdict(float)
    for road_id, road in roads.items():
        if is_highway(roads, (road_id,)):
            assert driving(roads, road_id) in (2, 3) and driving(roads, road_id, "left") == 0
            assert [lane.get("type") for lane in road.iterfind(".//right/lane")][-1] == "shoulder"  # emergency lane
            heading = float(road.find("planView/geometry").get("hdg"))
            length[math.cos(heading) > 0.0] += float(road.get("length"))
    assert len(length) == 2 and all(metres > 1600.0 for metres in length.values())  # without the joints between them


@SIDES
def test_a_district_has_ramps_and_a_stretch_of_highway_in_both_directions(roads, graph, lanes, side):
    for on in (True, False):
        found = ramps(roads, graph, lanes, on, side)
        near = graph.successors if on else graph.predecessors
        ways = [heading_sign(next(near(next(near(lane)))), lanes) for lane in found]
        assert sorted(ways) == [-1.0, 1.0]
    for way in (-1.0, 1.0):
        inside = [
            lane
            for lane in graph
            if is_highway(roads, lane)
            and heading_sign(lane, lanes) == way
            and all(place(w)[0] * side > 0.0 for w in lanes[lane])
        ]
        assert max(len(lanes[lane]) for lane in inside if driving(roads, lane[0]) == 3) > 190
        assert max(len(lanes[lane]) for lane in inside if driving(roads, lane[0]) == 2) > 100


@SIDES
def test_off_ramps_end_at_a_light_and_at_a_stop_sign(roads, graph, lanes, side):
    controls = []
    for lane in ramps(roads, graph, lanes, False, side):
        controls += [s.get("type") for s in roads[lane[0]].iter("signal") if s.get("type") in (LIGHT, STOP)]
    assert sorted(controls) == sorted([LIGHT, STOP])


@SIDES
def test_a_district_has_closed_routes_over_the_highway(roads, graph, lanes, side):
    district = graph.subgraph(lane for lane in graph if all(place(w)[0] * side > 0.0 for w in lanes[lane]))
    on_ramps, off_ramps = (ramps(roads, graph, lanes, on, side) for on in (True, False))
    # streets left out: the highway alone
    highway = district.subgraph(
        lane
        for lane in district
        if lane in (*on_ramps, *off_ramps) or is_highway(roads, lane) or roads[lane[0]].get("junction") != "-1"
    )
    for on in on_ramps:
        (off,) = (off for off in off_ramps if networkx.has_path(highway, on, off))
        assert networkx.has_path(district, off, on)


def test_every_spawn_point_reaches_every_ramp(roads, graph, lanes, town):
    all_ramps = {lane for on in (True, False) for lane in ramps(roads, graph, lanes, on)}
    assert len(all_ramps) == 8
    starts = {key(town.get_waypoint(point.location)) for point in spawn_points(town)}
    assert len(starts) > 60
    for lane in starts:
        assert all_ramps <= networkx.descendants(graph, lane) | {lane}


# ---- lanes -----------------------------------------------------------------------------------------------------------


def test_lanes_meet_where_they_follow_each_other(graph, lanes, town, roads):
    """carla.Map works in single precision: 1e-4 m of a coordinate of a kilometre, another 1e-4 m inside the lane."""
    for here, there in graph.edges:
        length, beyond = (float(roads[lane[0]].get("length")) for lane in (here, there))
        end = town.get_waypoint_xodr(here[0], here[2], length - 1e-4 if here[2] < 0 else 1e-4)
        start = town.get_waypoint_xodr(there[0], there[2], 1e-4 if there[2] < 0 else beyond - 1e-4)
        assert math.dist(place(end), place(start)) < 0.02
        assert angle_deg(end.transform.rotation.yaw, start.transform.rotation.yaw) < 1.0
        assert end.lane_width == pytest.approx(start.lane_width, abs=1e-3)
        assert there in {key(w) for w in end.next(0.05)}
        assert here in {key(w) for w in start.previous(0.05)}


def test_third_lanes_are_neighbours_of_the_through_lanes(roads, lanes, town):
    third = [lane for lane in lanes if is_highway(roads, lane) and lane[2] == -3]
    assert len(third) == 6  # four for an on-ramp and an off-ramp apart, two from one to the other
    for lane in third:
        for w in lanes[lane][5:-5:10]:
            assert w.lane_change == carla.LaneChange.Left
            beside = w.get_left_lane()
            assert beside.lane_type == carla.LaneType.Driving and beside.lane_id == -2
            assert int(beside.lane_change) & int(carla.LaneChange.Right)
            assert beside.get_right_lane().lane_id == -3
            assert w.get_right_lane().lane_type == carla.LaneType.Shoulder


def test_acceleration_lanes_end_in_the_lane_beside_them(roads, graph, lanes):
    """A car that never changes lanes merges where the third lane ends, and gets to a deceleration lane."""
    merges = splits = 0
    for lane in graph:
        if not is_highway(roads, lane):
            continue
        after = {
            beyond[2] for joint in graph.successors(lane) for beyond in graph.successors(joint)
            if is_highway(roads, beyond)
        }  # fmt: skip
        merges += lane[2] == -3 and after == {-2}
        splits += lane[2] == -2 and after == {-2, -3}
        if lane[2] == -1:
            assert after <= {-1}
    assert (merges, splits) == (2, 2)


def test_speed_limits(roads, surface):
    limits = {round(float(v) * 3.6) for v in np.unique(surface.quad_speed_limit)}
    assert {50, 60, 70, 80, 100, 120} <= limits
    for side, fastest in ((WEST, 120.0), (EAST, 100.0)):
        x = surface.quads[:, :, 0] * side
        there = (x > 300.0).all(axis=1) & ~surface.quad_junction & (surface.quad_kind == LaneKind.DRIVING)
        assert surface.quad_speed_limit[there].max() * 3.6 == pytest.approx(fastest, abs=0.1)


def test_one_drives_slower_where_roads_cross_than_where_lanes_join(xodr, town, roads, graph):
    """The expert tells the two by the limit (ExpertConfig.crossing_limit_mps)."""
    limits = SpeedLimits(town, read_tables(NAME, xodr))
    joints, crossings = [], []
    for lane in graph:
        if roads[lane[0]].get("junction") != "-1":
            beside = (*graph.predecessors(lane), *graph.successors(lane))
            kind = joints if any(is_highway(roads, other) for other in beside) else crossings
            kind.append(limits.at(lane[0], lane[2], 1.0))
    assert len(joints) > 20 and len(crossings) > 20
    assert max(crossings) < ExpertConfig().crossing_limit_mps < min(joints)


# ---- surface ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paved(surface):
    """Tells which points (x, y) lie on driving lanes, shoulders or parking lanes, or this far beside them [m]."""
    kinds = (LaneKind.DRIVING, LaneKind.SHOULDER, LaneKind.PARKING)
    tree = shapely.STRtree(shapely.polygons(surface.quads[np.isin(surface.quad_kind, kinds)].astype(np.float64)))

    def on(points, distance):
        found = np.zeros(len(points), bool)
        found[tree.query(shapely.points(points), predicate="dwithin", distance=distance)[0]] = True
        return found

    return on


def test_a_car_in_the_middle_of_any_lane_stands_on_the_carriageway(paved, lanes):
    corners = []
    for points in lanes.values():
        for w in points:
            (x, y), yaw = place(w), -math.radians(w.transform.rotation.yaw)
            for u, v in ((2.2, 1.0), (2.2, -1.0), (-2.2, 1.0), (-2.2, -1.0), (0.0, 1.0), (0.0, -1.0)):
                corners.append((x + u * math.cos(yaw) - v * math.sin(yaw), y + u * math.sin(yaw) + v * math.cos(yaw)))
    on = paved(corners, 0.01)
    assert on.all(), np.array(corners)[~on][:10]


def test_no_lane_leads_over_a_sidewalk(surface, lanes):
    quads = surface.quads[surface.quad_kind == LaneKind.SIDEWALK].astype(np.float64)
    points = shapely.points([place(w) for points in lanes.values() for w in points])
    assert len(quads) > 1000 and not shapely.STRtree(shapely.polygons(quads)).query(points, predicate="within").size


def test_there_is_no_hole_between_a_lane_that_joins_or_leaves_and_the_through_lanes(paved, roads, lanes):
    """All of the carriageway between the two middles is paved, but for gores of at most 0.9 m, two times 0.45 m."""
    joints = defaultdict(list)
    for lane in lanes:
        if roads[lane[0]].get("junction") != "-1":
            joints[roads[lane[0]].get("junction")].append(lane)
    checked = 0
    for inside in joints.values():
        through = [lane for lane in inside if lane[2] == -2]
        if len(through) != 1:
            continue  # a crossing, or where both carriageways meet a street
        middle = np.array([place(w) for w in lanes[through[0]]])
        for lane in inside:
            if lane[0] == through[0][0]:
                continue
            for w in lanes[lane]:
                here = np.array(place(w))
                beside = middle[np.argmin(np.hypot(*(middle - here).T))]
                between = here + np.linspace(0.0, 1.0, 25)[:, None] * (beside - here)
                on = paved(between, 0.45)
                assert on.all(), between[~on]
            checked += 1
    assert checked == 12  # eight ramps, two merges, two splits


# ---- routes and traffic ----------------------------------------------------------------------------------------------


@SIDES
def test_a_route_follows_the_lanes_from_the_street_over_the_highway_and_back(town, roads, graph, lanes, side):
    offs = ramps(roads, graph, lanes, False, side)
    for on in ramps(roads, graph, lanes, True, side):
        tree = networkx.single_source_shortest_path_length(graph, on)
        off = min(offs, key=lambda lane: tree[lane])
        before = next(lane for joint in graph.predecessors(on) for lane in graph.predecessors(joint))
        after = next(lane for joint in graph.successors(off) for lane in graph.successors(joint))
        points = [lanes[before][-40], lanes[on][10], lanes[off][10], lanes[after][40]]
        route = trace_route(town, RouteSpec("r", "HardBreakRoute", NAME, 0, tuple(place(w) for w in points), 10.0))
        assert (route.points[:, 0] * side > 0.0).all()
        step = np.hypot(*np.diff(route.points, axis=0).T)
        assert 900.0 < step.sum() < 1600.0 and step.max() < 1.05
        turn = np.abs((np.diff(route.yaw) + math.pi) % (2.0 * math.pi) - math.pi)
        assert turn.max() < 1.05 / 6.0  # no sharper than a turn at a street corner


def test_traffic_keeps_its_lanes_and_flows():
    """A minute, 15 cars: none leaves its lane, none stands longer than a red light lasts, some use third lanes."""
    with Server() as server:
        command = [sys.executable, TRAFFIC, str(server.port), "15", "1200"]
        text = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    result = json.loads(text.splitlines()[-1])
    assert result["cars"] == 15 and result["outside"] == 0
    assert result["longest_stop_s"] < 30.0
    assert result["metres"] > 15 * 60.0 * 10.0  # more than 10 m/s on average
    driven = {tuple(lane) for lanes in result["lanes"] for lane in lanes}
    assert sum(lane == -3 for _, lane in driven) >= 3  # third lanes of the highway
