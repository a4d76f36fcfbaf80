"""The compiled kernel against the reference, on random scenes."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfactual_scenes import agent, crossing, road_map, scene, stop_line, straight_road
from craft.counterfactual import CounterfactualWorld
from craft.counterfactual.reference import ReferenceWorld
from craft.scene import AgentKind, LightState, RouteField, StopKind
from craft.scene.candidates import Candidates

ROADS = {"straight": straight_road(), "crossing": crossing(), "none": road_map([])}
WORLD, REFERENCE = CounterfactualWorld(threads=1), ReferenceWorld()


def random_scene(rng, road, agents, lines):
    """A state near the road's middle, with agents and stop lines where the ego may meet them."""
    route = np.zeros((40, len(RouteField)), np.float32)
    heading = np.cumsum(rng.normal(0.0, 0.06, 40)) + rng.normal(0.0, 0.2)
    route[:, RouteField.X] = np.cumsum(np.cos(heading)) - 4 + rng.normal(0.0, 0.5)
    route[:, RouteField.Y] = np.cumsum(np.sin(heading)) + rng.normal(0.0, 1.0)
    rows = [
        agent(
            rng.uniform(-12, 25), rng.normal(0.0, 4.0), rng.uniform(-4, 4), rng.uniform(0, 8) * rng.integers(0, 2),
            kind=rng.choice(list(AgentKind)), half=(rng.uniform(0.2, 3), rng.uniform(0.2, 1.2)),
            yaw_rate=rng.normal(0, 0.5), acceleration=rng.normal(0, 3), connector=bool(rng.integers(0, 2)),
        )
        for _ in range(agents)
    ]  # fmt: skip
    stops = [
        stop_line(
            rng.uniform(-2, 12), rng.normal(0, 1), rng.normal(0, 0.6), rng.choice(list(StopKind)),
            rng.choice(list(LightState)), bool(rng.integers(0, 2)), rng.uniform(1, 4),
        )
        for _ in range(lines)
    ]  # fmt: skip
    turned = np.pi * (rng.random() < 0.2)
    pose = (rng.uniform(-10, 22), rng.normal(0.0, 1.2), rng.normal(0.0, 0.2) + turned)
    state = scene(road, speed=rng.uniform(0, 12) * rng.integers(0, 2), pose=pose, agents=rows, route=route, lines=stops)
    for mask in (state.agent_valid, state.route_valid, state.stop_valid):
        mask &= torch.from_numpy(rng.random(mask.shape) < 0.9)
    return state


def random_candidates(rng, count):
    """Arcs with steady acceleration, some of them standing."""
    times = 0.5 * np.arange(1, 7)
    speed = (rng.uniform(0, 13, (count, 1)) * rng.integers(0, 4, (count, 1)).clip(0, 1)).clip(0)
    travelled = np.maximum.accumulate(speed * times + 0.5 * rng.normal(0, 2, (count, 1)) * times**2, axis=1).clip(0)
    curvature = rng.normal(0, 0.06, (count, 1)) + 1e-6
    yaw = travelled * curvature
    trajectories = np.stack([np.sin(yaw) / curvature, (1 - np.cos(yaw)) / curvature, yaw], -1)
    return Candidates(torch.from_numpy(trajectories.astype(np.float32)), torch.from_numpy(rng.random(count) < 0.9))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(ROADS)), st.integers(0, 6), st.integers(0, 3))
def test_random_scenes(seed, road, agents, lines):
    rng = np.random.default_rng(seed)
    state, group = random_scene(rng, ROADS[road], agents, lines), random_candidates(rng, 6)
    fast, slow = WORLD.evaluate(state, group), REFERENCE.evaluate(state, group)
    for flag in ("valid", "collision", "red_light", "stop_sign", "off_road"):
        assert torch.equal(getattr(fast, flag), getattr(slow, flag)), flag
    # float32 rounding of returns of a few hundred
    torch.testing.assert_close(fast.returns, slow.returns, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(fast.progress_m, slow.progress_m, rtol=1e-5, atol=1e-5)
