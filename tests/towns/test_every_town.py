"""Every town of ours as the official client's carla.Map sees it, without a server."""

import math
import os
from xml.etree import ElementTree

import carla
import networkx
import numpy as np
import pytest

from carla_light.towns import DEFAULT_TOWN, NAMES, __main__, load
from carla_light.towns.__main__ import GENERATORS
from carla_light.towns.opendrive import to_opendrive
from town_waypoints import angle_deg, key, place

LIGHT, STOP, YIELD = "1000001", "206", "205"


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def root(name):
    return ElementTree.fromstring(load(name))


@pytest.fixture(scope="module")
def town(name):
    return carla.Map(name, load(name))


@pytest.fixture(scope="module")
def waypoints(town):
    return town.generate_waypoints(1.0)


# ---- files -----------------------------------------------------------------------------------------------------------


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
