"""A driving problem with a known answer: an expert that follows an arc, and stops for a leader or a red light."""

import numpy as np

from craft.policies.dataset import DatasetWriter
from craft.scene import (
    MAX_AGENTS,
    MAX_STOP_LINES,
    ROUTE_POINTS,
    AgentField,
    EgoField,
    LightState,
    Observation,
    RouteField,
    StopField,
    StopKind,
)
from craft.scene.observation import ROUTE_POINTS_BEHIND
from craft.scene.timing import FRAME_DT_S

HALF_LENGTH, HALF_WIDTH = 2.446, 0.918  # lincoln.mkz_2020 [m]
ACCELERATION, BRAKING = 2.0, 3.0  # [m/s2]
STANDSTILL_GAP = 2.0  # [m], from the front bumper to the line or to the leader's rear


def arc_pose(distance, curvature):
    """Pose [..., 3] after `distance` [m] on an arc that starts at the origin along x."""
    yaw = curvature * distance
    x = distance * np.sinc(yaw / np.pi)
    y = distance * np.sin(yaw / 2.0) * np.sinc(yaw / 2.0 / np.pi)
    return np.stack([x, y, yaw], axis=-1)


def arc_scene(
    *, speed, limit, curvature, episode=1, frame=0, pose=(0.0, 0.0, 0.0), leader=None, light=None, state=LightState.RED
) -> Observation:
    """What is seen on an arc: a leader `leader` = (distance to its centre, speed), a light `light` metres ahead."""
    ego = np.zeros(len(EgoField), np.float32)
    ego[:5] = *pose, speed, speed * curvature
    ego[[EgoField.SPEED_LIMIT, EgoField.HALF_LENGTH, EgoField.HALF_WIDTH]] = limit, HALF_LENGTH, HALF_WIDTH
    route = np.zeros((ROUTE_POINTS, len(RouteField)), np.float32)
    route[:, :3] = arc_pose(np.arange(ROUTE_POINTS) - float(ROUTE_POINTS_BEHIND), curvature)
    route[:, [RouteField.HALF_WIDTH, RouteField.SPEED_LIMIT]] = 1.75, limit
    agents = np.zeros((MAX_AGENTS, len(AgentField)), np.float32)
    if leader is not None:
        distance, leader_speed = leader
        x, y, yaw = arc_pose(np.float64(distance), curvature)
        velocity = leader_speed * np.cos(yaw), leader_speed * np.sin(yaw)
        agents[0, :9] = x, y, yaw, *velocity, leader_speed * curvature, 0.0, HALF_LENGTH, HALF_WIDTH
    lines = np.zeros((MAX_STOP_LINES, len(StopField)), np.float32)
    if light is not None:
        lines[0] = *arc_pose(np.float64(light), curvature), 1.75, light, StopKind.LIGHT, state, 0.0
    return Observation(
        stamp_s=FRAME_DT_S * frame,
        episode=episode,
        frame=frame,
        ego=ego,
        agents=agents,
        agent_valid=np.arange(MAX_AGENTS) < (leader is not None),
        agent_id=np.where(np.arange(MAX_AGENTS) < (leader is not None), 7, 0),
        route=route,
        route_valid=np.ones(ROUTE_POINTS, bool),
        stop_lines=lines,
        stop_valid=np.arange(MAX_STOP_LINES) < (light is not None),
        stop_id=np.where(np.arange(MAX_STOP_LINES) < (light is not None), 3, 0),
        route_progress_m=10.0,
        route_length_m=500.0,
        route_offset_m=0.0,
    )


def expert_speed(speed, limit, leader, light):
    """Speed after one frame: the limit, unless the braking distance to leader or light ends before."""
    target = limit
    obstacles = ([(leader[0] - HALF_LENGTH, leader[1])] if leader else []) + ([(light, 0.0)] if light else [])
    for gap, other in obstacles:
        free = max(gap - HALF_LENGTH - STANDSTILL_GAP, 0.0)
        target = min(target, np.sqrt(2.0 * BRAKING * free + other**2))
    return max(speed + np.clip(target - speed, -2.0 * BRAKING * FRAME_DT_S, ACCELERATION * FRAME_DT_S), 0.0)


def record_expert(folder, episodes, seed, frames=140):
    """Writes `episodes` shards of the expert's driving."""
    rng = np.random.default_rng(seed)
    writer = DatasetWriter(folder)
    for episode in range(1, episodes + 1):
        curvature, limit = rng.uniform(-0.05, 0.05), rng.uniform(5.0, 10.0)
        speed, driven = rng.uniform(0.0, limit), 0.0
        kind = rng.integers(0, 3)
        leader = [rng.uniform(15.0, 40.0), rng.uniform(0.0, 5.0)] if kind == 1 else None
        light = rng.uniform(15.0, 40.0) if kind == 2 else None
        for frame in range(frames):
            to_light = None if light is None else light - driven
            pose = arc_pose(np.float64(driven), curvature)
            writer.add(
                arc_scene(
                    speed=speed, limit=limit, curvature=curvature, episode=episode, frame=frame, pose=pose,
                    leader=leader, light=to_light,
                )
            )  # fmt: skip
            speed = expert_speed(speed, limit, leader, to_light)
            driven += speed * FRAME_DT_S
            if leader is not None:
                leader[0] += (leader[1] - speed) * FRAME_DT_S
        writer.end_episode()
