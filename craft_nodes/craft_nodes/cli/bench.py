"""`craft bench`: how fast this machine simulates, decides and scores, each measured on one core."""

import argparse
import time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from carla_light import Server
from craft.counterfactual import CounterfactualWorld, Scene
from craft.evaluation.birdseye import BirdsEye
from craft.scene import Observation, RoadMap
from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS, Candidates
from craft.scene.timing import FRAME_DT_S, FRAMES_PER_DECISION
from craft.world.closed_loop import ClosedLoop, Listener
from craft.world.expert import Expert
from craft.world.routes import load_suite
from craft.world.simulation import Simulation, WorldConfig
from craft_nodes.cli import bench_counterfactual

_SPEEDS_MPS = 16  # candidates: all combinations of so many speeds ...
_CURVATURES = 32  # ... and curvatures, 512 in all


class _Recorder(Listener):
    """Keeps the observations that were decided on, and when each decision began."""

    def __init__(self):
        self.observations: list[Observation] = []

    def decided(self, observation):
        self.observations.append(observation)


def drive(decisions: int, background_vehicles: int) -> tuple[float, RoadMap, list[Observation]]:
    """Lets the expert drive on carla_light.

    Args:
        decisions: How many decisions to drive at most.
        background_vehicles: Cars of the Traffic Manager around it.

    Returns:
        Simulation frames per second of wall time, the road, and the observations that were decided on.
    """
    recorder = _Recorder()
    with Server() as server:
        simulation = Simulation(WorldConfig(port=server.port, background_vehicles=background_vehicles))
        try:
            loop = ClosedLoop(simulation)
            expert, spec = Expert(loop.road), load_suite("training")[0]
            begin = time.perf_counter()
            loop.drive(expert, spec, episode=1, seed=0, listener=recorder, max_decisions=decisions)
            span = time.perf_counter() - begin
        finally:
            simulation.close()
    return len(recorder.observations) * FRAMES_PER_DECISION / span, loop.road, recorder.observations


def arcs() -> Candidates:
    """A fan of 512 circular arcs, a vocabulary that needs no checkpoint."""
    speeds, curvatures = np.linspace(0.5, 15.0, _SPEEDS_MPS), np.linspace(-0.12, 0.12, _CURVATURES)
    times = TRAJECTORY_DT_S * np.arange(1, TRAJECTORY_STEPS + 1)
    length = (speeds[:, None, None] * times).repeat(_CURVATURES, axis=1)
    yaw = length * curvatures[:, None]
    # x and y of an arc: sin(yaw) / k and (1 - cos(yaw)) / k, written so that k = 0 is a straight line.
    half = np.sinc(yaw / (2.0 * np.pi))
    trajectories = np.stack([length * half * np.cos(yaw / 2.0), length * half * np.sin(yaw / 2.0), yaw], axis=-1)
    flat = torch.from_numpy(trajectories.reshape(-1, TRAJECTORY_STEPS, 3).astype(np.float32))
    return Candidates(flat, torch.ones(len(flat), dtype=torch.bool))


def score(road: RoadMap, observations: list[Observation]) -> float:
    """States per second whose 512 candidates the counterfactual world scores, on one thread."""
    world, scene, candidates = CounterfactualWorld(threads=1), Scene.from_observations(road, observations), arcs()
    world.evaluate(Scene.from_observations(road, observations[:1]), candidates)  # compiles, and caches the road
    begin = time.perf_counter()
    world.evaluate(scene, candidates)
    return len(observations) / (time.perf_counter() - begin)


def draw(road: RoadMap, observations: list[Observation]) -> float:
    """Bird's-eye pictures per second of one core, each with 512 candidates by advantage and the chosen one."""
    view, candidates = BirdsEye(road), arcs()
    returns = torch.linspace(-20.0, 20.0, len(candidates.valid))
    given = {"trajectory": candidates.trajectories[0].numpy(), "candidates": candidates, "returns": returns}
    view.draw(observations[0], **given)  # paints the road around
    begin = time.process_time()
    for observation in observations:
        view.draw(observation, **given, caption="a title\nspeed, controls")
    return len(observations) / (time.process_time() - begin)


def main(arguments: list[str]) -> int:
    """Entry point of `craft bench`."""
    if arguments[:1] == ["counterfactual"]:
        return bench_counterfactual.main(arguments[1:])
    parser = argparse.ArgumentParser(
        prog="craft bench",
        description="Measures this machine on carla_light.",
        epilog="`craft bench counterfactual --help`: the counterfactual world alone, in detail.",
    )
    parser.add_argument("--decisions", type=int, default=80, help="decisions to drive (default: 80, 20 s of driving)")
    parser.add_argument("--vehicles", type=int, default=10, help="background vehicles (default: 10)")
    options = parser.parse_args(arguments)
    if options.decisions < 1 or options.vehicles < 0:
        parser.error("give at least 1 decision and no negative number of vehicles")
    torch.set_num_threads(1)
    rate, road, observations = drive(options.decisions, options.vehicles)
    table = Table("what", "rate", title="craft bench")
    table.add_row(f"closed loop of the expert, {options.vehicles} vehicles, one process", f"{rate:.0f} frames/s")
    table.add_row("the same, against real time", f"{rate * FRAME_DT_S:.1f} x")
    table.add_row("counterfactual world, 512 candidates", f"{score(road, observations):.1f} states/s")
    table.add_row("bird's-eye pictures of 720 x 720 with 512 candidates", f"{draw(road, observations):.0f} pictures/s")
    Console().print(table)
    return 0
