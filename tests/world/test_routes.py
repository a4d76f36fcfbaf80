"""Routes and suites: the data files against the town, the tracing against networkx and the road map's quads."""

import json
import math
from collections import Counter
from dataclasses import replace

import carla
import networkx
import numpy as np
import pytest

from carla_light.towns import DEFAULT_TOWN, load
from craft.scene.frames import wrap_angle
from craft.world import placement, routes
from craft.world.lane_graph import LaneGraph, lane_key
from craft.world.opendrive import open_map
from craft.world.placement import DISTRICTS, ROUTES_A_SCENARIO, Town, place_suite, straight_stretch, write_suites
from craft.world.route_line import RouteLine
from craft.world.routes import SUITE_FOLDER, SUITES, RouteSpec, dump_suite, load_suite, route_lanes, trace_route
from craft.world.scenarios import SCENARIOS


@pytest.fixture(scope="module")
def town():
    return open_map(DEFAULT_TOWN, load())


@pytest.fixture(scope="module")
def graph(town):
    return LaneGraph(town)


@pytest.fixture(scope="module")
def suites():
    return {suite: load_suite(suite, town=DEFAULT_TOWN) for suite in SUITES}


@pytest.fixture(scope="module")
def traced(town, suites):
    return {spec.id: trace_route(town, spec) for specs in suites.values() for spec in specs}


def every(suites):
    return [spec for specs in suites.values() for spec in specs]


def lane_under(town, route, s):
    """The driving lane under a route at arc length s."""
    x, y, _ = RouteLine(route.points).pose(s)
    return town.get_waypoint(carla.Location(x=x, y=-y))


# ---- the files -------------------------------------------------------------------------------------------------------


def test_each_suite_has_its_share_of_every_scenario_type(suites):
    for suite, specs in suites.items():
        assert Counter(spec.scenario for spec in specs) == dict.fromkeys(SCENARIOS, ROUTES_A_SCENARIO[suite])
    assert (len(suites["training"]), len(suites["held_out"])) == (40, 24)


def test_lengths_and_triggers(suites, traced):
    for spec in every(suites):
        length = RouteLine(traced[spec.id].points).length_m
        assert 120.0 <= length <= 220.0
        assert 10.0 <= spec.trigger <= length - 50.0


def test_training_and_held_out_routes_share_no_lane_no_trigger_and_no_seed(town, graph, suites, traced):
    lanes = {
        suite: {(road, lane) for spec in specs for road, _, lane in route_lanes(graph, town, spec)}
        for suite, specs in suites.items()
    }
    assert len(lanes["training"]) > 20 and len(lanes["held_out"]) > 12
    assert not lanes["training"] & lanes["held_out"]
    seeds = [spec.seed for spec in every(suites)]
    assert len(set(seeds)) == len(seeds)
    triggers = {
        suite: np.array([RouteLine(traced[spec.id].points).pose(spec.trigger)[:2] for spec in specs])
        for suite, specs in suites.items()
    }
    between = triggers["training"][:, None] - triggers["held_out"][None]
    assert np.hypot(between[..., 0], between[..., 1]).min() > 60.0
    # and on another side of the town altogether
    for suite, specs in suites.items():
        for spec in specs:
            assert (traced[spec.id].points[:, 0] * DISTRICTS[suite] > 0.0).all()


def test_no_two_routes_of_a_suite_are_the_same(suites):
    for specs in suites.values():
        assert len({(spec.scenario, spec.keypoints) for spec in specs}) == len(specs)


def test_the_files_are_what_the_generator_writes(tmp_path):
    write_suites(load(), DEFAULT_TOWN, placement.PlacementConfig().seed, tmp_path)
    for suite in SUITES:
        assert (tmp_path / f"{suite}.json").read_text() == (SUITE_FOLDER / f"{suite}.json").read_text()
    assert len(list(tmp_path.iterdir())) == len(SUITES)


def test_another_seed_places_other_routes_as_far_apart(town, graph):
    first, second = (place_suite("training", town, DEFAULT_TOWN, seed) for seed in (5, 6))
    assert [spec.keypoints for spec in first] != [spec.keypoints for spec in second]
    held_out = place_suite("held_out", town, DEFAULT_TOWN, 5)
    lanes = [{lane for spec in specs for lane in route_lanes(graph, town, spec)} for specs in (first, held_out)]
    assert not lanes[0] & lanes[1]
    assert not {spec.seed for spec in first} & {spec.seed for spec in held_out}


# ---- each scenario lies where it can happen --------------------------------------------------------------------------


def junction_on(town, route):
    """(arc length of the entry, last lane before it, turn through it [rad]) of a route's only junction."""
    line = RouteLine(route.points)
    inside = [lane_under(town, route, s).is_junction for s in line.s]
    assert sum(b and not a for a, b in zip(inside, inside[1:], strict=False)) == 1, "one junction"
    entry, leave = inside.index(True), len(inside) - inside[::-1].index(True)
    return line.s[entry], lane_under(town, route, line.s[entry] - 3.0), line.turn(line.s[entry] - 3.0, line.s[leave])


def control_of(town, waypoint):
    """Signal type of the light or sign for a lane, by the map's own look-ahead."""
    found = [
        landmark.type
        for kind in ("1000001", "206", "205")
        for landmark in waypoint.get_landmarks_of_type(20.0, kind, True)
        if landmark.road_id == waypoint.road_id
    ]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("scenario", "controls"),
    [
        ("VanillaSignalizedTurnEncounterRedLight", {"1000001"}),
        ("VanillaNonSignalizedTurnEncounterStopsign", {"206"}),
        ("NonSignalizedJunctionRightTurn", {"206", "205"}),
    ],
)
def test_junction_scenarios_pass_one_junction_with_their_control(town, suites, traced, scenario, controls):
    for spec in every(suites):
        if spec.scenario == scenario:
            entry, before, turn = junction_on(town, traced[spec.id])
            assert control_of(town, before) in controls
            assert 35.0 <= entry - spec.trigger <= 65.0
            if scenario == "NonSignalizedJunctionRightTurn":
                assert turn < math.radians(-60.0)


@pytest.mark.parametrize("suite", SUITES)
def test_signalised_and_stop_routes_turn_in_more_than_one_way(town, suites, traced, suite):
    for scenario in ("VanillaSignalizedTurnEncounterRedLight", "VanillaNonSignalizedTurnEncounterStopsign"):
        turns = [junction_on(town, traced[spec.id])[2] for spec in suites[suite] if spec.scenario == scenario]
        assert len({round(turn / (math.pi / 2)) for turn in turns}) >= 2


def test_road_scenarios_stay_on_one_suitable_road(town, suites, traced):
    for spec in every(suites):
        if spec.scenario in (
            "ParkedObstacle",
            "StaticCutIn",
            "HardBreakRoute",
            "DynamicObjectCrossing",
            "InvadingTurn",
        ):
            route = traced[spec.id]
            waypoints = [lane_under(town, route, s) for s in range(1, len(route.points) - 1, 4)]
            assert len({lane_key(w) for w in waypoints}) == 1 and not waypoints[0].is_junction
            beside = [w for w in (waypoints[0].get_left_lane(), waypoints[0].get_right_lane()) if w is not None]
            same_way = [
                w for w in beside if w.lane_type == carla.LaneType.Driving and w.lane_id * waypoints[0].lane_id > 0
            ]
            if spec.scenario in ("ParkedObstacle", "StaticCutIn"):
                assert same_way
            if spec.scenario in ("DynamicObjectCrossing", "InvadingTurn"):
                assert not same_way
                assert waypoints[0].get_left_lane().lane_id * waypoints[0].lane_id < 0, "an oncoming lane"
            if spec.scenario not in ("DynamicObjectCrossing", "InvadingTurn"):
                assert np.ptp(np.unwrap(route.yaw)) < math.radians(2.1), "straight"


def test_straight_stretch_of_a_lane_by_hand(graph, town):
    # lane -1 of road 22 leads from A to D: a straight, a quarter circle of radius 60 - 1.75 or + 1.75, a straight
    line = graph.line((22, 0, -1))
    low, high = straight_stretch(line)
    assert high == pytest.approx(line.length_m, abs=1.5)
    yaw = line.yaw[(line.s >= low) & (line.s <= high)]
    assert np.ptp(yaw) <= math.radians(2.0) + 1e-9
    arc_m = (math.pi / 2) * 58.25
    first = line.length_m - arc_m - (high - low)
    assert 80.0 < first < high - low


def test_a_district_without_room_is_refused(monkeypatch, town):
    monkeypatch.setitem(ROUTES_A_SCENARIO, "held_out", 99)
    with pytest.raises(ValueError, match="craft_town has 4 places for ParkedObstacle|places for .* 99 needed"):
        place_suite("held_out", town, DEFAULT_TOWN, 1)


def test_a_district_holds_only_lanes_on_its_side(town):
    west, east = Town(town, -1.0), Town(town, 1.0)
    assert not {s.lane for s in west.streets} & {s.lane for s in east.streets}
    assert all((s.line.points[:, 0] < 0.0).all() for s in west.streets)
    assert all(m.source in west.streets and m.target in west.streets for m in west.movements)


# ---- tracing ---------------------------------------------------------------------------------------------------------


def test_points_are_a_metre_apart_on_the_lanes_and_the_headings_along_them(town, suites, traced):
    for spec in every(suites):
        route = traced[spec.id]
        step = np.diff(route.points, axis=0)
        length = np.hypot(*step.T)
        assert length == pytest.approx(np.ones(len(length)), abs=0.01)
        along = np.arctan2(step[:, 1], step[:, 0])
        middle = route.yaw[:-1] + 0.5 * wrap_angle(np.diff(route.yaw))
        assert np.abs(wrap_angle(along - middle)).max() < 0.02
        # within 2 cm of the lane's middle: a chord of 1 m at a radius of 7 m is off by 1 / (8 * 7) m = 1.8 cm
        for (x, y), yaw in zip(route.points[::5], route.yaw[::5], strict=True):
            w = town.get_waypoint(carla.Location(x=x, y=-y))
            if not w.is_junction:
                # across the lane; along it the client's answer is a sample of its own
                dx, dy = w.transform.location.x - x, -w.transform.location.y - y
                assert abs(math.cos(yaw) * dy - math.sin(yaw) * dx) < 0.02
                assert abs(wrap_angle(-math.radians(w.transform.rotation.yaw) - yaw)) < 0.02


def test_routes_begin_and_end_at_their_keypoints(suites, traced):
    for spec in every(suites):
        route = traced[spec.id]
        for point, keypoint in ((route.points[0], spec.keypoints[0]), (route.points[-1], spec.keypoints[-1])):
            assert np.hypot(*(point - keypoint)) < 0.05


def test_shortest_ways_equal_networkx(town, graph):
    oracle = networkx.DiGraph()
    for lane, following in graph.onward.items():
        for other in following:
            oracle.add_edge(lane, other, weight=graph.line(other).length_m)
    lanes = sorted(graph.onward)
    rng = np.random.default_rng(0)
    for a, b in rng.integers(len(lanes), size=(60, 2)):
        if a != b:
            way = graph.shortest(lanes[a], lanes[b])
            cost = sum(graph.line(lane).length_m for lane in way)
            assert cost == pytest.approx(networkx.dijkstra_path_length(oracle, lanes[a], lanes[b]))
            assert networkx.is_path(oracle, [lanes[a], *way])


def test_lane_lines_are_as_long_as_the_road(town, graph):
    # road 14 is straight: its lanes are as long as its reference line; so is the sum of 1 m steps of the client
    for lane in (-2, -1, 1, 2):
        w = town.get_waypoint_xodr(14, -1, 0.0)
        steps = w.next_until_lane_end(0.01)
        assert graph.line((14, 0, lane)).length_m == pytest.approx(0.01 * len(steps), abs=0.02)


def spec_between(graph, *places, trigger=1.0):
    keypoints = tuple(graph.line(lane).at(s)[:2] for lane, s in places)
    return RouteSpec("by-hand", "HardBreakRoute", DEFAULT_TOWN, 1, keypoints, trigger)


def test_a_goal_behind_the_start_leads_around_the_block(town, graph):
    lane = (20, 0, -1)
    spec = spec_between(graph, (lane, 80.0), (lane, 30.0))
    lanes = route_lanes(graph, town, spec)
    assert lanes[0] == lanes[-1] == lane and len(lanes) > 4
    assert RouteLine(trace_route(town, spec).points).length_m > 300.0


def test_a_keypoint_on_the_way_is_passed(town, graph):
    direct = spec_between(graph, ((14, 0, -1), 20.0), ((15, 0, -1), 60.0))
    detour = spec_between(graph, ((14, 0, -1), 20.0), ((16, 0, -1), 50.0), ((15, 0, -1), 60.0))
    assert (16, 0, -1) not in route_lanes(graph, town, direct)
    assert (16, 0, -1) in route_lanes(graph, town, detour)
    route = trace_route(town, detour)
    assert np.hypot(*(route.points - detour.keypoints[1]).T).min() < 0.51


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"keypoints": ((-400.0, 60.0), (-300.0, -1.75))},
            r"keypoint 1 \(-400, 60\) lies .* m from the nearest driving",
        ),
        ({"trigger": 500.0}, "has its trigger at 500 m but ends at"),
        ({"keypoints": ((-500.0, -1.75), (-499.6, -1.75)), "trigger": 0.0}, "is 0.40 m long; move its keypoints apart"),
    ],
    ids=["off the road", "trigger beyond the end", "too short"],
)
def test_routes_that_cannot_be_driven_are_refused(town, suites, change, message):
    with pytest.raises(ValueError, match=message):
        trace_route(town, replace(suites["training"][0], **change))


def test_unreachable_keypoints_are_refused():
    """Two roads without a connection; on one of them a route can be traced."""
    lanes = (
        '<lanes><laneSection s="0"><center><lane id="0" type="none" level="false"/></center><right>'
        '<lane id="-1" type="driving" level="false"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>'
        "</right></laneSection></lanes>"
    )
    roads = "".join(
        f'<road name="r" length="100.3" id="{k}" junction="-1"><link/><planView><geometry s="0" x="0" y="{50 * k}" '
        f'hdg="0" length="100.3"><line/></geometry></planView>{lanes}</road>'
        for k in (1, 2)
    )
    islands = open_map("islands", f'<OpenDRIVE><header revMajor="1" revMinor="4"/>{roads}</OpenDRIVE>')
    keypoints = ((10.0, 48.25), (50.0, 98.25))
    with pytest.raises(ValueError, match="no way leads from keypoint 1 to keypoint 2"):
        trace_route(islands, RouteSpec("r", "HardBreakRoute", "islands", 1, keypoints, 5.0))
    same_road = ((10.0, 48.25), (50.0, 48.25))
    route = trace_route(islands, RouteSpec("r", "HardBreakRoute", "islands", 1, same_road, 5.0))
    assert route.points[[0, -1]] == pytest.approx(np.array(same_road), abs=1e-3)


# ---- reading suites --------------------------------------------------------------------------------------------------

ENTRY = {
    "id": "a",
    "scenario": "HardBreakRoute",
    "town": "craft_town",
    "seed": 3,
    "keypoints": [[0.0, 1.0], [100.0, 1.0]],
    "trigger": 20,
    "params": {"speed": 8},
}


def written(tmp_path, content):
    file = tmp_path / "mine.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_a_suite_survives_writing_and_reading(tmp_path, suites):
    for specs in suites.values():
        assert load_suite(written(tmp_path, dump_suite(specs))) == specs


def test_an_entry_is_read(tmp_path):
    (spec,) = load_suite(written(tmp_path, [ENTRY]))
    assert spec == RouteSpec("a", "HardBreakRoute", "craft_town", 3, ((0.0, 1.0), (100.0, 1.0)), 20.0, {"speed": 8.0})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", "is not JSON: .*; write it anew"),
        ("[]", "holds no list of routes; put at least one"),
        ("{}", "holds no list of routes"),
        ([3], "route 1: it is not an object"),
        ([ENTRY, {**ENTRY, "id": "b", "scenario": "Crash"}], "route 2: scenario 'Crash' is unknown; use one of"),
        ([ENTRY, ENTRY], "route 2: the id 'a' is used twice"),
        ([{**ENTRY, "id": ""}], "route 1: id is empty"),
        ([{**ENTRY, "town": ""}], "route 1: town is empty"),
        ([{**ENTRY, "town": "Town01"}], "route 1: it lies in 'Town01', not in 'craft_town'; load that town"),
        ([{**ENTRY, "seed": -1}], "route 1: seed is -1; use 0 or more"),
        ([{**ENTRY, "seed": 1.5}], "route 1: seed is 1.5; give a whole number"),
        ([{**ENTRY, "seed": True}], "route 1: seed is True; give a whole number"),
        ([{**ENTRY, "trigger": "soon"}], "route 1: trigger is 'soon'; give a number"),
        ([{**ENTRY, "trigger": -2.0}], "route 1: trigger is -2.0; give a distance of 0 m or more"),
        ([{**ENTRY, "keypoints": [[0.0, 1.0]]}], "route 1: keypoints has 1 of them"),
        ([{**ENTRY, "keypoints": [[0.0, 1.0], [1.0]]}], r"route 1: keypoints is not a list of \[x, y\] pairs"),
        ('[{"id": "a", "scenario": "HardBreakRoute", "town": "t", "seed": 1, "keypoints": [[0, NaN], [1, 1]], '
         '"trigger": 1, "params": {}}]', "route 1: keypoints has a coordinate that is not finite"),
        ([{**ENTRY, "params": {"speed": "fast"}}], "route 1: params.speed is 'fast'; give a number"),
        ([{k: v for k, v in ENTRY.items() if k != "trigger"}], r"route 1: it lacks \['trigger'\]"),
        ([{**ENTRY, "weather": 1}], r"route 1: .*unknown keys \['weather'\]; the keys are id, scenario"),
    ],
)  # fmt: skip
def test_bad_suites_are_refused_with_file_entry_and_cure(tmp_path, content, message):
    file = written(tmp_path, content)
    with pytest.raises(ValueError, match=message) as caught:
        load_suite(file, town="craft_town")
    assert str(file) in str(caught.value)


def test_a_missing_suite_is_refused():
    with pytest.raises(ValueError, match="there is no suite 'validation'; use training or held_out, or the path of a"):
        load_suite("validation")


def test_every_scenario_type_has_a_place(town):
    district, rng = Town(town, -1.0), np.random.default_rng(0)
    for scenario in SCENARIOS:
        assert placement.sites(scenario, district, rng)
    with pytest.raises(ValueError, match="'ControlLoss' can happen is not known"):
        placement.sites("ControlLoss", district, rng)


def test_suite_names_match_the_districts():
    assert set(routes.SUITES) == set(DISTRICTS)
