"""The expert in small worlds made by hand: it reaches the goal and nothing goes wrong."""

import numpy as np
import pytest

from craft.scene import AgentKind, LightState, StopKind
from craft.world.expert import Expert
from kinematic_drive import drive
from synthetic_roads import LIMIT_MPS, RoadWriter, crossing, straight_road, straight_route

CAR, BICYCLE, WALKER = AgentKind.VEHICLE, AgentKind.BICYCLE, AgentKind.WALKER
NORTH, WEST = np.pi / 2, np.pi
GOAL_M = 145.0  # the route is 150 m long and a drive ends 5 m before


def car(number, x, y, yaw=0.0, speed=0.0):
    return (number, CAR, x, y, yaw, speed, 2.4, 0.9)


def solve(road, rows_at=lambda t: (), lights_at=lambda t: None, seconds=40.0, **more):
    driven = drive(Expert(road), road, straight_route(), rows_at, lights_at, seconds, **more)
    assert driven.events == []
    assert driven.progress_m > GOAL_M
    return driven


def test_drives_a_free_road_below_the_limit():
    speed = solve(straight_road()).states[:, 4]
    assert 0.7 * LIMIT_MPS < speed.max() < 0.9 * LIMIT_MPS


@pytest.mark.parametrize(("limit_kmh", "slows_down"), [(60.0, True), (70.0, False)], ids=["crossing", "highway"])
def test_slows_down_for_crossings_but_not_where_lanes_of_a_highway_join(limit_kmh, slows_down):
    limit = limit_kmh / 3.6
    writer = RoadWriter()
    for x0, x1, junction in ((-20.0, 90.0, False), (90.0, 120.0, True), (120.0, 200.0, False)):
        writer.lane((x0, 0.0), (x1, 0.0), junction=junction, limit=limit)
    states = solve(writer.road_map()).states
    inside = states[(states[:, 1] > 105.0) & (states[:, 1] < 120.0), 4]
    assert (inside.max() < 10.0) == slows_down
    assert (inside.min() > 0.7 * limit) == (not slows_down)


def test_trajectory_is_six_points_ahead_in_the_ego_frame():
    driven = solve(straight_road())
    for trajectory in driven.trajectories:
        assert trajectory.shape == (6, 3) and trajectory.dtype == np.float32
        assert np.isfinite(trajectory).all()
        assert (np.diff(trajectory[:, 0]) >= -1e-3).all()


def test_the_same_drive_twice_is_the_same():
    def rows(t):
        return [car(1, 60.0, 0.0), *(car(10 + i, 100.0 + 25.0 * i - 8.0 * t, 3.5, WEST, 8.0) for i in range(3))]

    road = straight_road()
    expert = Expert(road)
    first = drive(expert, road, straight_route(), rows)
    again = drive(expert, road, straight_route(), rows)
    assert np.array_equal(first.states, again.states)


def test_stands_before_a_stop_sign():
    states = solve(straight_road(stop=(60.0, StopKind.STOP, 5))).states
    standing = states[states[:, 4] < 0.1]
    # Away from the start, only before the line: front bumper (2.446 m ahead) 0 to 4 m before x = 60.
    standing = standing[standing[:, 1] > 5.0]
    assert len(standing) and ((standing[:, 1] + 2.446 > 56.0) & (standing[:, 1] + 2.446 < 60.0)).all()


def test_waits_at_red_and_goes_at_green():
    def lights(t):
        return {5: LightState.RED if t < 15.0 else LightState.GREEN}

    states = solve(straight_road(stop=(60.0, StopKind.LIGHT, 5)), lights_at=lights).states
    assert states[states[:, 0] < 15.0, 1].max() + 2.446 < 60.0


def test_stops_at_yellow_when_it_can_and_goes_on_when_it_cannot():
    # At 20 m and 11 m/s standing needs 11^2 / (2 x 18) = 3.4 m/s2: it stops. At 6 m it would need 10 m/s2: it goes on.
    def lights(turn):
        return lambda t: {
            5: LightState.YELLOW if turn < t < turn + 3.0 else LightState.GREEN if t <= turn else LightState.RED
        }

    road = straight_road(stop=(70.0, StopKind.LIGHT, 5))
    free = drive(Expert(road), road, straight_route(), lights_at=lambda t: {5: LightState.GREEN}).states
    when = {gap: free[np.argmax(free[:, 1] + 2.446 > 70.0 - gap), 0] for gap in (20.0, 6.0)}
    stops = drive(Expert(road), road, straight_route(), lights_at=lights(when[20.0]), seconds=when[20.0] + 8.0)
    assert stops.states[-1, 4] < 0.1 and stops.states[-1, 1] + 2.446 < 70.0
    goes = drive(Expert(road), road, straight_route(), lights_at=lights(when[6.0]), seconds=when[6.0] + 3.0)
    assert goes.states[-1, 1] > 75.0
    assert stops.events == goes.events == []


def test_follows_a_slow_leader_on_a_two_way_road():
    driven = solve(straight_road(), lambda t: [car(1, 20.0 + 5.0 * t, 0.0, speed=5.0)])
    assert np.abs(driven.states[:, 2]).max() < 1.0  # it does not overtake moving traffic


def test_a_leader_that_brakes_hard_is_not_hit():
    def rows(t):
        # From 9 m/s with 7 m/s2 at t = 6 s, at rest for 5 s, then away.
        s, v = 9.0 * min(t, 6.0), 9.0
        if t > 6.0:
            b = min(t - 6.0, 9.0 / 7.0)
            s, v = s + 9.0 * b - 3.5 * b * b, 9.0 - 7.0 * b
        if t > 12.0:
            s, v = s + 8.0 * (t - 12.0), 8.0
        return [car(1, 14.0 + s, 0.0, speed=v)]

    solve(straight_road(), rows)


@pytest.mark.parametrize("lanes", [1, 2])
def test_passes_a_parked_car(lanes):
    driven = solve(straight_road(lanes=lanes), lambda t: [car(1, 60.0, 0.0)])
    beside = driven.states[np.abs(driven.states[:, 1] - 60.0) < 1.0]
    assert (np.abs(beside[:, 2]) > 2.0).all()
    assert np.abs(driven.states[-1, 2]) < 0.5  # back on its lane


def test_lets_oncoming_traffic_through_before_it_passes_a_parked_car():
    def rows(t):
        return [car(1, 60.0, 0.0), *(car(10 + i, 100.0 + 25.0 * i - 8.0 * t, 3.5, WEST, 8.0) for i in range(5))]

    solve(straight_road(), rows, seconds=60.0)


def test_does_not_pass_a_queue_at_a_red_light():
    def rows(t):
        return [car(1, 64.0 + 6.0 * max(t - 20.0, 0.0), 0.0, speed=6.0 * (t > 20.0))]

    def lights(t):
        return {5: LightState.RED if t < 20.0 else LightState.GREEN}

    driven = solve(straight_road(stop=(70.0, StopKind.LIGHT, 5)), rows, lights, seconds=60.0)
    assert np.abs(driven.states[:, 2]).max() < 0.5


@pytest.mark.parametrize("start", [2.0, 3.0, 4.0, 5.0, 6.0])
def test_a_walker_who_steps_onto_the_road_is_not_hit(start):
    def rows(t):
        return [(1, WALKER, 50.0, -6.0 + 1.4 * max(t - start, 0.0), NORTH, 1.4 * (t > start), 0.2, 0.2)]

    solve(straight_road(), rows)


def test_passes_a_slow_bicycle():
    driven = solve(straight_road(), lambda t: [(1, BICYCLE, 30.0 + 2.5 * t, -0.9, 0.0, 2.5, 0.8, 0.3)], seconds=25.0)
    assert driven.states[:, 4].mean() > 6.0


def test_evades_one_who_comes_into_its_lane():
    solve(straight_road(), lambda t: [car(1, 120.0 - 8.0 * t, 2.2, WEST, 8.0)])


def test_gives_way_to_crossing_traffic_after_its_stop():
    def rows(t):
        return [car(10 + i, 61.75, -30.0 - 14.0 * i + 7.0 * t, NORTH, 7.0) for i in range(8)]

    states = solve(crossing(), rows, seconds=60.0).states
    # Eight cars 2 s apart leave no gap. Their left sides are at x = 61.75 - 0.9; the last one, at y = -128 m at first,
    # has left the lane behind after (128 + 0.9 + 2.4) / 7 = 18.8 s.
    assert states[states[:, 1] + 2.446 < 60.85, 0].max() > 17.5


def test_one_who_comes_from_behind_does_not_stop_it():
    solve(straight_road(), lambda t: [car(1, -30.0 + min(3.0 * t, 20.0), 0.0, speed=3.0 * (t < 6.7))])
