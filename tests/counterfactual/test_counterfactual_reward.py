"""Each term of the counterfactual reward, calculated by hand through whole rollouts."""

import math

import numpy as np
import pytest

from counterfactual_scenes import agent, at_speed, candidates, crossing, scene, stop_line, straight_road, straight_route
from craft.counterfactual import CounterfactualConfig, CounterfactualWorld
from craft.counterfactual.reward import collision_multiplier, driving_reward
from craft.scene import AgentKind, LightState, RouteField, StopKind

ROAD, NUMBERS = straight_road(), CounterfactualConfig().numbers
SUM = (1 - 0.98**20) / 0.02  # of the discounts of 20 steps: 16.62
STANDING, CRUISING = at_speed(0.0), at_speed(8.0)


def value(state, trajectory=STANDING):
    result = CounterfactualWorld(threads=1).evaluate(state, candidates(trajectory))
    return result.returns.item()


def test_cruising_earns_progress_only():
    # 0.8 m a step: dphat = 2/3, eta = 1
    assert value(scene(ROAD, speed=8.0), CRUISING) == pytest.approx(8.0 * 2 / 3 * SUM, rel=1e-6)


def test_progress_is_clipped():
    # 14 m/s: 1.4 m a step counts as 1.2
    assert value(scene(ROAD, speed=14.0), at_speed(14.0)) == pytest.approx(8.0 * SUM, rel=1e-6)


def test_standing_in_the_lane_earns_nothing():
    assert value(scene(ROAD)) == 0.0


@pytest.mark.parametrize(
    ("y", "cost"),
    [
        (-2.75, 1.0),  # middle of the shoulder, box within it
        (3.5, 0.1),  # middle of the oncoming lane
        (9.0, 1.5),  # beyond the sidewalk
        (6.2, 1.5),  # on the sidewalk, which is no road
        (4.5, 1.5 + 0.1),  # oncoming lane with two corners on the sidewalk
    ],
)
def test_where_the_vehicle_stands(y, cost):
    assert value(scene(ROAD, pose=(0.0, y, 0.0))) == pytest.approx(-cost * SUM, rel=1e-6)


def test_no_lane_is_opposite_inside_a_junction():
    road = crossing()
    assert value(scene(road, pose=(20.0, 3.5, 0.0))) == 0.0
    assert value(scene(road, pose=(5.0, 3.5, 0.0))) == pytest.approx(-0.1 * SUM, rel=1e-6)


@pytest.mark.parametrize(("offset", "cost"), [(5.9, 0.0), (6.1, 1.5)])
def test_off_route(offset, cost):
    assert value(scene(ROAD, route=straight_route(y=offset))) == pytest.approx(-cost * SUM, rel=1e-6)


def test_efficiency_by_hand():
    # The route lies 1 m left of the lane's middle and the vehicle drives that middle:
    # d_g = 1/10 (above the threshold but steady: no recovery), d_c = d_h = 0 -> eta = exp(-0.3)
    assert value(scene(ROAD, speed=8.0, route=straight_route(y=1.0)), CRUISING) == pytest.approx(
        8.0 * 2 / 3 * math.exp(-0.3) * SUM, rel=1e-6
    )
    # The vehicle and its route run 0.8 m left of the lane's middle: d_c = 0.8/4 -> eta = exp(-0.16)
    assert value(scene(ROAD, speed=8.0, pose=(0.0, 0.8, 0.0)), CRUISING) == pytest.approx(
        8.0 * 2 / 3 * math.exp(-0.16) * SUM, rel=1e-6
    )


def test_recovery_by_hand():
    # standing still; d_g 0.30 -> 0.25: 0.4 * 0.05 = 0.02, times 0.5
    assert driving_reward(0.0, 0.30, 0.0, 0.0, 0.25, 0.0, 0.0, NUMBERS) == pytest.approx(0.01)
    # d_c 0.10 -> 0.40, clipped to 0.10: -0.2 * 0.1 = -0.02, times 0.5
    assert driving_reward(0.0, 0.0, 0.10, 0.0, 0.0, 0.40, 0.0, NUMBERS) == pytest.approx(-0.01)
    # d_h 0.20 -> 0.08 ends at its threshold, not above: nothing
    assert driving_reward(0.0, 0.0, 0.0, 0.20, 0.0, 0.0, 0.08, NUMBERS) == 0.0
    # full progress, all three worsen by 0.1: 8 exp(-0.39 - 0.104 - 0.26) - (0.04 + 0.02 + 0.04) * 1
    expected = 8.0 * math.exp(-3 * 0.13 - 0.8 * 0.13 - 2 * 0.13) - 0.1
    assert driving_reward(1.2, 0.03, 0.03, 0.03, 0.13, 0.13, 0.13, NUMBERS) == pytest.approx(expected)


@pytest.mark.parametrize(("speed", "multiplier"), [(0.0, 1.0), (5.0, 1.5), (20.0, 3.0), (40.0, 3.0)])
def test_collision_multiplier(speed, multiplier):
    assert collision_multiplier(speed, NUMBERS) == pytest.approx(multiplier)


def test_a_collision_costs_once_and_ends_the_rollout():
    # The bumper at 2.446 + 0.8 k meets the parked car's rear at 16 - 2.4 = 13.6 in step 14 (13.646), at 8 m/s: m = 1.8
    parked = [agent(16.0, 0.0), agent(16.5, 0.5)]
    expected = 8.0 * 2 / 3 * (1 - 0.98**14) / 0.02 - 0.98**13 * 40 * 1.8
    assert value(scene(ROAD, speed=8.0, agents=parked), CRUISING) == pytest.approx(expected, rel=1e-6)


def outcome(state, trajectory):
    return CounterfactualWorld(threads=1).evaluate(state, candidates(trajectory))


def test_contacts_that_are_not_the_egos():
    tailgater = agent(-8.0, 0.0, speed=16.0)
    assert not outcome(scene(ROAD, speed=8.0, agents=[tailgater]), CRUISING).collision.item()
    walker = agent(0.0, -4.0, yaw=0.5 * math.pi, speed=3.0, kind=AgentKind.WALKER, half=(0.2, 0.2))
    assert not outcome(scene(ROAD, agents=[walker]), STANDING).collision.item()
    stuck = agent(2.0, 0.5, speed=8.0)  # overlaps from the beginning and goes along
    assert not outcome(scene(ROAD, speed=8.0, agents=[stuck]), CRUISING).collision.item()


def test_an_agent_that_parted_counts_again():
    # It leads by 4 + 6 t - 4 t^2 m (before it stands); the boxes are clear beyond 2.446 + 2.4 = 4.846 m: they overlap
    # at first, part at t = 0.16 s, and meet again at t = 1.34 s.
    leaving = agent(4.0, 0.0, speed=14.0, acceleration=-8.0)
    assert outcome(scene(ROAD, speed=8.0, agents=[leaving]), CRUISING).collision.item()


def test_the_side_of_another_car_counts():
    beside = agent(-1.0, 3.0, speed=8.0)
    swerve = [[4.0, 0.6, 0.3], [8.0, 2.0, 0.3], [12.0, 3.0, 0.0], [16.0, 3.0, 0.0], [20.0, 3.0, 0.0], [24.0, 3.0, 0.0]]
    assert outcome(scene(ROAD, speed=8.0, agents=[beside]), swerve).collision.item()


def test_a_red_light_costs_at_the_first_reward():
    with_line = value(scene(ROAD, speed=8.0, lines=[stop_line(15.0)]), CRUISING)
    assert with_line == pytest.approx(8.0 * 2 / 3 * SUM - 40.0, rel=1e-6)


@pytest.mark.parametrize(
    "line",
    [
        stop_line(15.0, state=LightState.YELLOW),
        stop_line(15.0, state=LightState.GREEN),
        stop_line(19.0),  # the bumper reaches 18.446
        stop_line(-3.0),  # the rear bumper is past it
        stop_line(15.0, yaw=math.pi),  # for the other direction
        stop_line(15.0, y=3.5),  # beside the lane
        stop_line(15.0, kind=StopKind.YIELD),
        stop_line(15.0, kind=StopKind.STOP, cleared=True),
    ],
)
def test_lines_that_do_not_forbid(line):
    assert value(scene(ROAD, speed=8.0, lines=[line]), CRUISING) == pytest.approx(8.0 * 2 / 3 * SUM, rel=1e-6)


def test_leaving_from_on_top_of_a_red_line_counts():
    state = scene(ROAD, lines=[stop_line(1.0)])
    assert outcome(state, at_speed(0.0, 2.0)).red_light.item()
    assert not outcome(state, STANDING).red_light.item()


def test_standing_too_far_before_a_stop_sign_does_not_clear_it():
    line = stop_line(2.446 + 4.5, kind=StopKind.STOP)
    assert outcome(scene(ROAD, lines=[line]), at_speed(0.0, 4.0)).stop_sign.item()


def test_a_bend_is_measured_along_the_route():
    angle = np.arange(-4, 60) / 20.0
    route = straight_route()
    route[:, RouteField.X], route[:, RouteField.Y] = 20 * np.sin(angle), 20 * (1 - np.cos(angle))
    arc = [[20 * math.sin(0.2 * i), 20 * (1 - math.cos(0.2 * i)), 0.2 * i] for i in range(1, 7)]
    assert outcome(scene(ROAD, speed=8.0, route=route), arc).progress_m.item() == pytest.approx(16.0, abs=0.5)
