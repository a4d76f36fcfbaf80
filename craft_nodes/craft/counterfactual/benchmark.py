"""How fast the counterfactual world is, on a road and traffic made up for it."""

import math
import resource
import time
from dataclasses import dataclass

import numpy as np
import torch

from craft.counterfactual.config import CounterfactualConfig
from craft.counterfactual.scene import Scene
from craft.counterfactual.world import CounterfactualWorld
from craft.scene import ROUTE_POINTS, AgentField, EgoField, LaneKind, RoadMap, RouteField, StopField, StopKind
from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS, Candidates

ROAD_M = 400.0  # length of the road [m]
PIECE_M = 2.0  # length of its pieces [m]
LANE_M = 3.5  # width of a lane [m]
LANES = 4  # two in each direction, and a shoulder on each side


@dataclass(frozen=True)
class BenchmarkResult:
    """What was measured.

    Attributes:
        candidates, steps, agents, states: Size of the work.
        threads: Cores used.
        candidates_per_s: Of wall time.
        milliseconds_per_state: Wall time.
        cpu_candidates_per_s: Of processor time of all threads together: what is left of the noise of other programs.
        peak_memory_mb: Most memory this process has ever held [MB].
        collided: Share of the rollouts that a collision ended early.
    """

    candidates: int
    steps: int
    agents: int
    states: int
    threads: int
    candidates_per_s: float
    milliseconds_per_state: float
    cpu_candidates_per_s: float
    peak_memory_mb: float
    collided: float


def measure(
    candidates: int = 512, steps: int = 20, agents: int = 20, states: int = 8, threads: int = 1, repeats: int = 5
) -> BenchmarkResult:
    """Best of `repeats` evaluations; compiling is not measured.

    Args:
        candidates: G.
        steps: H.
        agents: Other vehicles within reach of the ego, on the other lanes.
        states: B.
        threads: Cores.
        repeats: Evaluations.
    """
    world = CounterfactualWorld(CounterfactualConfig(steps=steps), threads=threads)
    scene, group = benchmark_scene(states, agents), benchmark_candidates(candidates)
    result = world.evaluate(scene, group)
    wall, cpu = math.inf, math.inf
    for _ in range(repeats):
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        world.evaluate(scene, group)
        wall, cpu = min(wall, time.perf_counter() - wall_start), min(cpu, time.process_time() - cpu_start)
    return BenchmarkResult(
        candidates=candidates,
        steps=steps,
        agents=agents,
        states=states,
        threads=threads,
        candidates_per_s=states * candidates / wall,
        milliseconds_per_state=1e3 * wall / states,
        cpu_candidates_per_s=states * candidates / cpu,
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        collided=float(result.collision.float().mean()),
    )


def warm_up() -> None:
    """Compile the kernel, or load it from the cache on disk, so that the first decision does not wait for it."""
    CounterfactualWorld(threads=1).evaluate(benchmark_scene(1, 1), benchmark_candidates(1))


def benchmark_road() -> RoadMap:
    """A straight road along x of four lanes and two shoulders; y = 0 is the middle of the right lane."""
    quads, kinds, yaws, lanes = [], [], [], []
    for lane in range(-1, LANES + 1):
        right, left = (lane - 0.5) * LANE_M, (lane + 0.5) * LANE_M
        backward = lane >= LANES // 2
        for low in np.arange(-0.25 * ROAD_M, 0.75 * ROAD_M, PIECE_M):
            corners = [[low, left], [low, right], [low + PIECE_M, right], [low + PIECE_M, left]]
            quads.append(corners[2:] + corners[:2] if backward else corners)
            kinds.append(LaneKind.DRIVING if 0 <= lane < LANES else LaneKind.SHOULDER)
            yaws.append(math.pi if backward else 0.0)
            lanes.append(lane)
    return RoadMap(
        name="benchmark",
        quads=np.array(quads, np.float32),
        quad_kind=np.array(kinds, np.uint8),
        quad_yaw=np.array(yaws, np.float32),
        quad_lane=np.array(lanes, np.int32),
        quad_junction=np.zeros(len(quads), np.bool_),
        quad_speed_limit=np.full(len(quads), 13.9, np.float32),
        stop_lines=np.zeros((0, 2, 2), np.float32),
        stop_yaw=np.zeros(0, np.float32),
        stop_kind=np.zeros(0, np.uint8),
        stop_id=np.zeros(0, np.int64),
        crosswalks=np.zeros((0, 4, 2), np.float32),
    )


def benchmark_scene(states: int, agents: int) -> Scene:
    """States at 8 m/s with traffic on the other lanes and a red light 30 m ahead."""
    rng = np.random.default_rng(0)
    ego = torch.zeros(states, len(EgoField))
    ego[:, EgoField.SPEED] = 8.0
    ego[:, EgoField.HALF_LENGTH], ego[:, EgoField.HALF_WIDTH] = 2.446, 0.918
    others = np.zeros((states, agents, len(AgentField)), np.float32)
    lane = rng.integers(1, LANES, (states, agents))
    direction = np.where(lane >= LANES // 2, -1.0, 1.0)
    others[..., AgentField.X] = rng.uniform(-20.0, 40.0, (states, agents))
    others[..., AgentField.Y] = lane * LANE_M
    others[..., AgentField.YAW] = np.where(direction < 0.0, math.pi, 0.0)
    others[..., AgentField.VX] = direction * rng.uniform(0.0, 12.0, (states, agents))
    others[..., AgentField.HALF_LENGTH], others[..., AgentField.HALF_WIDTH] = 2.4, 0.95
    route = torch.zeros(states, ROUTE_POINTS, len(RouteField))
    route[..., RouteField.X] = torch.arange(ROUTE_POINTS) - 4.0
    line = torch.zeros(states, 1, len(StopField))
    line[..., StopField.X], line[..., StopField.HALF_WIDTH] = 30.0, 0.5 * LANE_M
    line[..., StopField.KIND] = float(StopKind.LIGHT)
    return Scene(
        road=benchmark_road(),
        ego=ego,
        agents=torch.from_numpy(others),
        agent_valid=torch.ones(states, agents, dtype=torch.bool),
        route=route,
        route_valid=torch.ones(states, ROUTE_POINTS, dtype=torch.bool),
        stop_lines=line,
        stop_valid=torch.ones(states, 1, dtype=torch.bool),
    )


def benchmark_candidates(count: int) -> Candidates:
    """Arcs of 0 to 14 m/s and curvatures up to 0.05 1/m, as a vocabulary spreads them."""
    index = np.arange(count)
    speed = 14.0 * (index % 32) / 31.0
    curvature = np.linspace(-0.05, 0.05, count) + 1e-6
    travelled = speed[:, None] * TRAJECTORY_DT_S * np.arange(1, TRAJECTORY_STEPS + 1)
    yaw = travelled * curvature[:, None]
    trajectories = np.stack([np.sin(yaw) / curvature[:, None], (1.0 - np.cos(yaw)) / curvature[:, None], yaw], -1)
    return Candidates(torch.from_numpy(trajectories.astype(np.float32)), torch.ones(count, dtype=torch.bool))
