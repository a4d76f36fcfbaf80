"""What the counterfactual world says about scenes whose answer is plain."""

import torch
from counterfactual_scenes import agent, at_speed, candidates, scene, stop_line, straight_road

from craft.counterfactual import CounterfactualWorld
from craft.scene import StopKind

ROAD = straight_road()
WORLD = CounterfactualWorld()


def test_driving_into_a_parked_car_returns_less_than_stopping_before_it():
    result = WORLD.evaluate(
        scene(ROAD, speed=8.0, agents=[agent(16.0, 0.0)]), candidates(at_speed(8.0), at_speed(8.0, -4.0))
    )
    assert result.collision.tolist() == [[True, False]]
    assert result.returns[0, 0] < result.returns[0, 1]


def test_standing_returns_more_than_running_the_red_light():
    result = WORLD.evaluate(scene(ROAD, lines=[stop_line(3.5)]), candidates(at_speed(0.0, 2.0), at_speed(0.0)))
    assert result.red_light.tolist() == [[True, False]]
    assert result.returns[0, 0] < result.returns[0, 1]


def test_a_stop_sign_is_cleared_by_standing_before_it():
    moving = scene(ROAD, speed=5.0, lines=[stop_line(6.0, kind=StopKind.STOP)])
    standing = scene(ROAD, speed=0.0, lines=[stop_line(4.0, kind=StopKind.STOP)])
    assert WORLD.evaluate(moving, candidates(at_speed(5.0))).stop_sign.item()
    passed = WORLD.evaluate(standing, candidates(at_speed(0.0, 2.0)))
    assert not passed.stop_sign.item() and passed.progress_m.item() > 2.0


def test_no_agents_no_route_no_candidates_are_defined():
    bare = scene(ROAD, route=torch.zeros(0, 6).numpy())
    assert WORLD.evaluate(bare, candidates(at_speed(3.0))).progress_m.item() == 0.0
    none = candidates(at_speed(3.0))
    empty = type(none)(none.trajectories[:0], none.valid[:0])
    assert WORLD.evaluate(bare, empty).returns.shape == (1, 0)
