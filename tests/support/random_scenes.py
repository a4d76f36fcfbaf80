"""Random scenes and candidates for the counterfactual world's tests: the same for the same generator."""

from dataclasses import fields

import numpy as np
import torch

from counterfactual_scenes import agent, crossing, road_map, scene, stop_line, straight_road
from craft.counterfactual import Scene
from craft.scene import AgentKind, LightState, RouteField, StopKind
from craft.scene.candidates import Candidates

ROADS = {"straight": straight_road(), "crossing": crossing(), "none": road_map([])}


def random_scene(rng, road, agents, lines):
    """A state near the road's middle, with agents and stop lines where the ego may meet them."""
    route = np.zeros((40, len(RouteField)), np.float32)
    heading = np.cumsum(rng.normal(0.0, 0.06, 40)) + rng.normal(0.0, 0.2)
    route[:, RouteField.X] = np.cumsum(np.cos(heading)) - 4 + rng.normal(0.0, 0.5)
    route[:, RouteField.Y] = np.cumsum(np.sin(heading)) + rng.normal(0.0, 1.0)
    rows = [
        agent(
            rng.uniform(-12, 25), rng.normal(0.0, 4.0), rng.uniform(-4, 4), rng.uniform(0, 8) * rng.integers(-1, 2),
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


def random_batch(rng, road, states, agents, lines):
    """Several random states on one road, each with as many agents and lines; some of them not valid."""
    scenes = [random_scene(rng, road, agents, lines) for _ in range(states)]
    names = [field.name for field in fields(Scene) if field.name != "road"]
    return Scene(road, **{name: torch.cat([getattr(one, name) for one in scenes]) for name in names})


def random_groups(rng, states, count):
    """Candidates of each state's own."""
    groups = [random_candidates(rng, count) for _ in range(states)]
    return Candidates(torch.stack([g.trajectories for g in groups]), torch.stack([g.valid for g in groups]))
