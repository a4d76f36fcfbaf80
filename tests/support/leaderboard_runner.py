"""Speaks the leaderboard 2.0 interface to an agent, with our simulation in the place of the scenario manager."""

import importlib
import sys
from pathlib import Path

import carla

from craft.world.carla_frames import carla_transform


def load_agent_class(path: Path):
    """The class of an agent file, found as the leaderboard finds it."""
    sys.path.insert(0, str(path.parent))
    try:
        module = importlib.import_module(path.stem)
    finally:
        sys.path.remove(str(path.parent))
    return getattr(module, module.get_entry_point())


def plan_of(route):
    """A dense global plan: GPS places (not used by anyone here) and world places, each with a road option."""
    places = [(carla_transform(x, y, yaw), 4) for (x, y), yaw in zip(route.points, route.yaw, strict=True)]
    gps = [({"lat": 0.0, "lon": 0.0, "z": 0.0}, option) for _, option in places]
    return gps, places


def run(agent, simulation, spec, config: str, frames: int):
    """Drive a route with an agent; returns the (throttle, steer, brake) of every frame and the outcome, if it ended."""
    route, frame = simulation.begin(spec, 1, spec.seed)
    agent.set_global_plan(*plan_of(route))
    agent.setup(config)
    (sensor,) = agent.sensors()
    frame = simulation.tick(0.0, 0.0, 1.0)
    controls = []
    try:
        while len(controls) < frames and simulation.outcome is None:
            number = simulation._world.get_snapshot().frame
            control = agent.run_step({sensor["id"]: (number, {"speed": frame.odometry.vx})}, frame.stamp_s)
            assert isinstance(control, carla.VehicleControl)
            controls.append((control.throttle, control.steer, control.brake))
            frame = simulation.tick(*controls[-1])
    finally:
        agent.destroy()
    outcome = simulation.truncate()
    simulation.end()
    return controls, outcome
