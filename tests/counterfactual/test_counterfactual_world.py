"""What the counterfactual world says about scenes whose answer is plain."""

from dataclasses import replace

import pytest
import torch

from counterfactual_scenes import agent, at_speed, candidates, scene, stop_line, straight_road
from craft.counterfactual import CounterfactualConfig, CounterfactualWorld
from craft.counterfactual.benchmark import measure
from craft.counterfactual.reference import ReferenceWorld
from craft.scene import StopKind
from craft.scene.candidates import Candidates

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


def busy():
    """A state with something of everything, and candidates that meet it."""
    state = scene(
        ROAD,
        speed=6.0,
        agents=[agent(14.0, 0.3), agent(10.0, 3.5, yaw=3.1, speed=6.0)],
        lines=[stop_line(7.0), stop_line(9.0, kind=StopKind.STOP)],
    )
    turns = [[[2.9 * i, 0.05 * k * i * i, 0.03 * k * i] for i in range(1, 7)] for k in range(-4, 5)]
    return state, candidates(at_speed(6.0), at_speed(6.0, -3.0), at_speed(6.0, 2.0), *turns)


@pytest.mark.parametrize("name", ["ego", "agents", "route", "stop_lines"])
def test_values_that_are_not_finite_are_refused_by_name(name):
    state, _ = busy()
    rows = getattr(state, name).clone()
    rows.reshape(-1)[2] = float("inf")
    with pytest.raises(ValueError, match=f"Scene.{name}"):
        replace(state, **{name: rows})


def test_wrong_shapes_are_refused_by_name():
    state, group = busy()
    with pytest.raises(ValueError, match=r"Scene.agents"):
        replace(state, agents=state.agents[..., :10])
    with pytest.raises(ValueError, match="2 states"):
        WORLD.evaluate(state, Candidates(group.trajectories.expand(2, -1, -1, -1), group.valid.expand(2, -1)))
    with pytest.raises(ValueError, match=r"CounterfactualConfig.gamma"):
        CounterfactualConfig(gamma=1.5)


def test_the_benchmark_measures_what_it_says():
    result = measure(candidates=16, steps=5, agents=3, states=2, repeats=1)
    assert (result.candidates, result.steps, result.agents, result.states) == (16, 5, 3, 2)
    assert result.candidates_per_s > 0.0 and result.milliseconds_per_state > 0.0


def test_a_vehicle_that_rolls_backwards_still_meets_those_ahead():
    here = scene(ROAD, speed=-6.0, agents=[agent(11.0, 0.0)])
    here_for_all = candidates(at_speed(0.0, 5.0))
    ours, reference = WORLD.evaluate(here, here_for_all), ReferenceWorld().evaluate(here, here_for_all)
    assert ours.collision.all() and reference.collision.all()
    assert torch.allclose(ours.returns, reference.returns, rtol=1e-5)


def test_too_many_stop_lines_are_refused_and_the_most_that_are_allowed_all_count():
    lines = [stop_line(90.0 + i, kind=StopKind.STOP) for i in range(63)] + [stop_line(6.0, kind=StopKind.STOP)]
    assert WORLD.evaluate(scene(ROAD, speed=8.0, lines=lines), candidates(at_speed(8.0))).stop_sign.all()
    with pytest.raises(ValueError, match="a state has 65 stop lines; give the nearest 64"):
        WORLD.evaluate(scene(ROAD, speed=8.0, lines=[*lines, lines[-1]]), candidates(at_speed(8.0)))
