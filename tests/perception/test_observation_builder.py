"""Observations from frames made by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from craft.perception import ObservationBuilder
from craft.scene import (
    MAX_AGENTS,
    AgentField,
    EgoField,
    LightState,
    Route,
    RouteField,
    StopField,
    StopKind,
)
from craft.scene.frames import to_map
from frames_by_hand import frame, objects
from synthetic_roads import LIMIT_MPS, RoadWriter, crossing, straight_road, straight_route

HALF_LENGTH, HALF_WIDTH = 2.446, 0.918


def builder(road, route=None):
    build = ObservationBuilder(road, HALF_LENGTH, HALF_WIDTH)
    build.begin(1, route or straight_route(), 0.0)
    return build


def test_ego_route_and_progress():
    build = builder(straight_road())
    seen = build.observe(frame(0.0, x=10.3, y=0.5, yaw=0.1, speed=4.0))
    assert seen.ego[:4] == pytest.approx([10.3, 0.5, 0.1, 4.0], rel=1e-6)
    assert seen.ego[EgoField.SPEED_LIMIT] == np.float32(LIMIT_MPS)
    assert seen.ego[[EgoField.HALF_LENGTH, EgoField.HALF_WIDTH]] == pytest.approx([HALF_LENGTH, HALF_WIDTH])
    assert (seen.route_progress_m, seen.route_offset_m, seen.route_length_m) == pytest.approx((10.3, 0.5, 150.0))
    # Point 4 is the projection (10.3, 0): 0.5 m to the right of the vehicle, which points 0.1 rad to the left.
    assert seen.route[4, [RouteField.X, RouteField.Y]] == pytest.approx(
        [-0.5 * np.sin(0.1), -0.5 * np.cos(0.1)], abs=1e-5
    )
    assert seen.route[4, RouteField.YAW] == pytest.approx(-0.1, abs=1e-6)
    assert seen.route[0, RouteField.HALF_WIDTH] == pytest.approx(1.75)
    steps = np.linalg.norm(np.diff(seen.route[:, :2], axis=0), axis=1)
    assert steps == pytest.approx(1.0, abs=1e-4)
    assert seen.route_valid.all()


def test_route_window_is_masked_at_both_ends():
    build = builder(straight_road(), straight_route(0.0, 20.0))
    seen = build.observe(frame(0.0, x=2.0))
    # 4 points behind reach to -2 m: two of them lie before the start; 20 m is the end: 18 points ahead.
    assert np.nonzero(seen.route_valid)[0].tolist() == list(range(2, 2 + 21))
    assert (seen.route[~seen.route_valid] == 0.0).all()


def test_junction_flag_of_route_and_agents():
    build = builder(crossing())
    rows = [(5, 0, 60.0, 0.0, 0.0, 0.0, 2.0, 0.9), (6, 0, 40.0, 0.0, 0.0, 0.0, 2.0, 0.9)]
    seen = build.observe(frame(0.0, x=30.0 - 1e-9, rows=rows))  # first search reaches 30 m
    inside = seen.route[:, RouteField.JUNCTION] > 0.5
    x = seen.route[:, RouteField.X] + 30.0
    assert (inside == ((x >= 51.5) & (x <= 68.5)))[(np.abs(x - 52) > 1) & (np.abs(x - 68) > 1)].all()
    by_id = dict(
        zip(seen.agent_id[seen.agent_valid], seen.agents[seen.agent_valid, AgentField.ON_CONNECTOR], strict=True)
    )
    assert by_id == {5: 1.0, 6: 0.0}


def test_agents_are_in_the_ego_frame_nearest_first():
    build = builder(straight_road())
    # The vehicle at (10, 0) looks north (yaw 90 deg). One agent 5 m north of it drives west at 3 m/s, one is 20 m east.
    rows = [(7, 2, 30.0, 0.0, 0.0, 0.0, 0.2, 0.2), (9, 0, 10.0, 5.0, np.pi, 3.0, 2.4, 1.0)]
    seen = build.observe(frame(0.0, x=10.0, yaw=np.pi / 2, rows=rows))
    assert seen.agent_id[:3].tolist() == [9, 7, 0]
    # North is ahead (x), west is left (y): position (5, 0), velocity (0, 3), heading +90 deg.
    assert seen.agents[0, : AgentField.VY + 1] == pytest.approx([5.0, 0.0, np.pi / 2, 0.0, 3.0], abs=1e-5)
    assert seen.agents[1, : AgentField.YAW] == pytest.approx([0.0, -20.0], abs=1e-5)
    assert seen.agents[1, AgentField.KIND] == 2.0
    assert seen.agent_valid.sum() == 2
    assert (seen.agents[2:] == 0.0).all()


def test_acceleration_is_taken_along_the_agents_own_heading():
    build = builder(straight_road())
    tracked = replace(objects(0.0, [(1, 0, 5.0, 0.0, np.pi / 2, 0.0, 2.0, 1.0)]), accelerations=np.array([[4.0, -3.0]]))
    seen = build.observe(replace(frame(0.0), objects=tracked))
    assert seen.agents[0, AgentField.ACCELERATION] == pytest.approx(-3.0, abs=1e-5)


def test_far_agents_and_surplus_ones_are_left_out():
    rows = [(i + 1, 0, 1.0 + i, 0.0, 0.0, 0.0, 2.0, 1.0) for i in range(40)] + [(99, 0, 61.0, 0.0, 0.0, 0.0, 2.0, 1.0)]
    seen = builder(straight_road()).observe(frame(0.0, rows=rows[::-1]))
    assert seen.agent_id.tolist() == list(range(1, MAX_AGENTS + 1))
    only_far = builder(straight_road()).observe(frame(0.0, rows=rows[-1:]))
    assert not only_far.agent_valid.any()


def test_stop_line_distance_and_light():
    build = builder(crossing(StopKind.LIGHT, stop_id=7))
    seen = build.observe(frame(0.0, x=20.0, y=0.5, lights={7: LightState.YELLOW, 8: LightState.RED}))
    assert seen.stop_valid.tolist() == [True, False, False, False]
    assert seen.stop_id[0] == 7
    # Line at x = 50 across the lane y = 0: 30 m ahead, 0.5 m to the right, half a lane wide each way.
    assert seen.stop_lines[0] == pytest.approx([30.0, -0.5, 0.0, 1.75, 30.0, StopKind.LIGHT, LightState.YELLOW, 0.0])
    assert not build.missing_lights


def test_a_light_without_a_state_is_unknown_and_counted():
    build = builder(crossing(StopKind.LIGHT, stop_id=7))
    for k in range(3):
        seen = build.observe(frame(0.05 * k, x=20.0, lights={8: LightState.RED}))
    assert seen.stop_lines[0, StopField.STATE] == LightState.UNKNOWN
    assert build.missing_lights == {7: 3}


def test_lines_of_other_traffic_are_not_the_routes():
    # The line at x = 50 belongs to the east-bound lane; the west-bound route passes it in the other lane.
    x = np.arange(150.0, -0.5, -1.0)
    west = Route(points=np.stack([x, np.full_like(x, 3.5)], axis=1), yaw=np.full_like(x, np.pi))
    seen = builder(crossing(StopKind.STOP), west).observe(frame(0.0, x=149.0, y=3.5, yaw=np.pi))
    assert not seen.stop_valid.any()
    # A line across the route's own lane that faces the other way is not his either.
    road = RoadWriter()
    road.lane((-20.0, 0.0), (200.0, 0.0))
    road.stop((20.0, 0.0), np.pi, StopKind.STOP, 3)
    assert not builder(road.road_map()).observe(frame(0.0)).stop_valid.any()


@pytest.mark.parametrize(
    ("x", "speed", "cleared"),
    [
        (44.0, 0.05, 1.0),  # front bumper at 46.4: 3.6 m before the line
        (44.0, 0.15, 0.0),  # rolling
        (43.4, 0.05, 0.0),  # front bumper 4.2 m before the line: too early
        (49.9, 0.0, 1.0),  # over the line with the bumper, not with the centre
        (50.1, 0.0, 0.0),  # too late
    ],
)
def test_a_stop_sign_is_cleared_by_standing_just_before_it(x, speed, cleared):
    build = builder(crossing(StopKind.STOP))
    build.observe(frame(0.0, x=25.0, speed=8.0))
    for k in range(1, 4):
        build.observe(frame(0.05 * k, x=25.0 + k * (x - 25.0) / 4, speed=8.0))
    seen = build.observe(frame(0.2, x=x, speed=speed))
    assert seen.stop_lines[0, StopField.CLEARED] == cleared
    later = build.observe(frame(0.25, x=max(x, 50.5), speed=3.0))
    assert later.stop_lines[0, StopField.CLEARED] == cleared  # it stays as it was until the line is out of view


def test_a_new_episode_forgets_cleared_signs():
    build = builder(crossing(StopKind.STOP))
    build.observe(frame(0.0, x=29.0))
    build.observe(frame(0.05, x=38.0))
    assert build.observe(frame(0.1, x=46.0)).stop_lines[0, StopField.CLEARED] == 1.0
    build.begin(2, straight_route(40.0, 140.0), 1.0)
    seen = build.observe(frame(1.0, x=46.0, speed=3.0))
    assert seen.stop_lines[0, StopField.CLEARED] == 0.0
    assert (seen.episode, seen.frame) == (2, 0)


def test_projection_does_not_jump_where_the_route_crosses_itself():
    # A loop: east along y = 0 to x = 40, round a square, and back south through (20, 0).
    legs = [((0, 0), (40, 0)), ((40, 0), (40, 30)), ((40, 30), (20, 30)), ((20, 30), (20, -30))]
    points, yaw = [], []
    for a, b in legs:
        a, b = np.array(a, float), np.array(b, float)
        n = int(np.linalg.norm(b - a))
        points += [a + (b - a) * i / n for i in range(n)]
        yaw += [np.arctan2(*(b - a)[::-1])] * n
    route = Route(points=np.array(points), yaw=np.unwrap(np.array(yaw)))
    build = builder(crossing(), route)
    progress = [
        build.observe(frame(0.05 * k, x=route.points[k][0], y=route.points[k][1])).route_progress_m
        for k in range(len(points))
    ]
    assert progress == pytest.approx(np.arange(len(points)), abs=1e-9)
    # (20, 0) is passed twice: at 20 m and at 40 + 30 + 20 + 30 = 120 m.
    assert progress[20] == pytest.approx(20.0) and progress[120] == pytest.approx(120.0)


@settings(max_examples=25, deadline=None)
@given(
    dx=st.floats(-500.0, 500.0),
    dy=st.floats(-500.0, 500.0),
    turn=st.floats(-3.1, 3.1),
    x=st.floats(5.0, 29.0),
    y=st.floats(-1.0, 1.0),
    yaw=st.floats(-0.5, 0.5),
)
def test_moving_the_whole_scene_changes_nothing_in_the_ego_frame(dx, dy, turn, x, y, yaw):
    def moved(points):
        return to_map(np.asarray(points, float), dx, dy, turn)

    road, route = crossing(StopKind.LIGHT), straight_route()
    there = replace(
        road,
        quads=moved(road.quads).astype(np.float32),
        quad_yaw=road.quad_yaw + np.float32(turn),
        stop_lines=moved(road.stop_lines).astype(np.float32),
        stop_yaw=road.stop_yaw + np.float32(turn),
    )
    route_there = Route(points=moved(route.points), yaw=route.yaw + turn)
    rows = [(1, 0, 40.0, 3.5, np.pi, 6.0, 2.4, 1.0), (2, 2, 30.0, -4.0, 0.3, 1.0, 0.2, 0.2)]
    rows_there = [(i, k, *moved([ax, ay]), ayaw + turn, v, hl, hw) for i, k, ax, ay, ayaw, v, hl, hw in rows]
    here = builder(road, route).observe(frame(0.0, x, y, yaw, 5.0, rows, {7: 0}))
    px, py = moved([x, y])
    seen = builder(there, route_there).observe(frame(0.0, px, py, yaw + turn, 5.0, rows_there, {7: 0}))
    for name in ("agents", "route", "stop_lines"):
        gap = getattr(here, name) - getattr(seen, name)
        assert np.abs(gap[..., :2]).max() < 2e-3
    assert np.abs(np.sin(here.route[:, RouteField.YAW] - seen.route[:, RouteField.YAW])).max() < 1e-4
    motion = slice(AgentField.VX, AgentField.HALF_WIDTH)
    assert np.abs(here.agents[:, motion] - seen.agents[:, motion]).max() < 1e-4
    assert here.stop_lines[0, StopField.DISTANCE] == pytest.approx(seen.stop_lines[0, StopField.DISTANCE], abs=2e-3)
    assert here.route_progress_m == pytest.approx(seen.route_progress_m, abs=1e-6)
    assert here.route_offset_m == pytest.approx(seen.route_offset_m, abs=1e-6)


@pytest.mark.parametrize("part", ["odometry", "status", "objects"])
def test_parts_of_different_frames_are_refused(part):
    build = builder(straight_road())
    good = frame(0.05)
    with pytest.raises(ValueError, match=f"{part} is stamped 0.100 s but its frame 0.050 s"):
        build.observe(replace(good, **{part: replace(getattr(good, part), stamp_s=0.1)}))


def test_values_that_are_not_finite_are_refused():
    build = builder(straight_road())
    with pytest.raises(ValueError, match="odometry.*not finite"):
        build.observe(frame(0.0, x=float("nan")))
    with pytest.raises(ValueError, match="objects.poses.*not finite"):
        build.observe(frame(0.0, rows=[(1, 0, np.inf, 0.0, 0.0, 0.0, 2.0, 1.0)]))
    broken = replace(frame(0.0), status=replace(frame(0.0).status, steer=float("nan")))
    with pytest.raises(ValueError, match="vehicle status.*not finite"):
        build.observe(broken)


def test_time_must_advance_and_an_episode_must_have_begun():
    with pytest.raises(ValueError, match="begin"):
        ObservationBuilder(straight_road(), HALF_LENGTH, HALF_WIDTH).observe(frame(0.0))
    build = builder(straight_road())
    build.observe(frame(0.05))
    with pytest.raises(ValueError, match="comes after"):
        build.observe(frame(0.05))
    with pytest.raises(ValueError, match="before its episode's start"):
        build.observe(frame(-1.0))


def test_a_route_in_another_town_is_refused():
    with pytest.raises(ValueError, match="by_hand"):
        builder(straight_road(), straight_route(5000.0, 5100.0))


def test_a_size_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="half size"):
        ObservationBuilder(straight_road(), 2.4, 0.0)
