"""A road, traffic and candidates that a benchmark can make of any size."""

import math

import numpy as np
import torch

from craft.counterfactual.scene import Scene
from craft.scene import ROUTE_POINTS, AgentField, EgoField, LaneKind, RoadMap, RouteField, StopField, StopKind
from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS, Candidates

ROAD_M = 400.0  # length of the road [m]
PIECE_M = 2.0  # length of its pieces [m]
LANE_M = 3.5  # width of a lane [m]
LANES = 4  # two in each direction, and a shoulder on each side

_SPEED_MPS = 8.0  # of the ego
_BEHIND_M, _FAR_M = -7.0, 1000.0  # x of the agents that are in reach but never touched, and of those out of reach


def benchmark_road(length_m: float = ROAD_M) -> RoadMap:
    """A straight road along x of four lanes and two shoulders; y = 0 is the middle of the right lane."""
    quads, kinds, yaws, lanes = [], [], [], []
    for lane in range(-1, LANES + 1):
        right, left = (lane - 0.5) * LANE_M, (lane + 0.5) * LANE_M
        backward = lane >= LANES // 2
        for low in np.arange(-0.25 * length_m, 0.75 * length_m, PIECE_M):
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
    others = np.zeros((states, agents, len(AgentField)), np.float32)
    lane = rng.integers(1, LANES, (states, agents))
    direction = np.where(lane >= LANES // 2, -1.0, 1.0)
    others[..., AgentField.X] = rng.uniform(-20.0, 40.0, (states, agents))
    others[..., AgentField.Y] = lane * LANE_M
    others[..., AgentField.YAW] = np.where(direction < 0.0, math.pi, 0.0)
    others[..., AgentField.VX] = direction * rng.uniform(0.0, 12.0, (states, agents))
    return _scene(others, benchmark_road())


def scene_without_contacts(states: int, agents: int, out_of_reach: int = 0, road: RoadMap | None = None) -> Scene:
    """The same, but nothing ends a rollout early: agents that stand just behind the ego, and agents far away."""
    others = np.zeros((states, agents + out_of_reach, len(AgentField)), np.float32)
    others[:, :agents, AgentField.X], others[:, agents:, AgentField.X] = _BEHIND_M, _FAR_M
    return _scene(others, road or benchmark_road())


def _scene(others, road):
    states, agents = others.shape[:2]
    others[..., AgentField.HALF_LENGTH], others[..., AgentField.HALF_WIDTH] = 2.4, 0.95
    ego = torch.zeros(states, len(EgoField))
    ego[:, EgoField.SPEED] = _SPEED_MPS
    ego[:, EgoField.HALF_LENGTH], ego[:, EgoField.HALF_WIDTH] = 2.446, 0.918
    route = torch.zeros(states, ROUTE_POINTS, len(RouteField))
    route[..., RouteField.X] = torch.arange(ROUTE_POINTS) - 4.0
    line = torch.zeros(states, 1, len(StopField))
    line[..., StopField.X], line[..., StopField.HALF_WIDTH] = 30.0, 0.5 * LANE_M
    line[..., StopField.KIND] = float(StopKind.LIGHT)
    return Scene(
        road=road,
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
