"""Where the other agents go: the decay rollout."""

import math
from collections import namedtuple

from craft.scene.observation import AgentField, AgentKind, EgoField
from craft.vehicle.compiled import inner
from craft.vehicle.response import TICK_S

POSE_COLUMNS = 4  # x [m], y [m], cos(yaw), sin(yaw)

Traffic = namedtuple(
    "Traffic",
    [
        "count",  # agents kept: the first rows of everything below
        "poses",  # float64 [A, steps + 1, POSE_COLUMNS]
        "centres",  # float64 [steps + 1, 2, A], x and y once more, side by side for the broad phase [m]
        "sizes",  # float64 [A, 2], half length and half width [m]
        "reach_m2",  # float64 [A], boxes whose centres are this far apart cannot touch, squared [m2]
        "touching",  # bool [A], boxes overlap before the first step
    ],
)

_MAX_EGO_ACCELERATION_MPS2 = 8.0  # above the 7.61 of the longitudinal map at full throttle [m/s2]

_X, _Y, _YAW, _VX, _VY = (
    int(field) for field in (AgentField.X, AgentField.Y, AgentField.YAW, AgentField.VX, AgentField.VY)
)
_YAW_RATE, _ACCELERATION = int(AgentField.YAW_RATE), int(AgentField.ACCELERATION)
_HALF_LENGTH, _HALF_WIDTH = int(AgentField.HALF_LENGTH), int(AgentField.HALF_WIDTH)
_EGO_SPEED, _EGO_HALF_LENGTH, _EGO_HALF_WIDTH = (
    int(field) for field in (EgoField.SPEED, EgoField.HALF_LENGTH, EgoField.HALF_WIDTH)
)
_KIND, _ON_CONNECTOR, _WALKER = int(AgentField.KIND), int(AgentField.ON_CONNECTOR), int(AgentKind.WALKER)

_MIN_DIRECTION_MPS = 0.1  # slower: the velocity gives no direction, the heading does


@inner
def roll_out_agent(agent, poses, numbers):
    """Decay rollout of one agent, in the frame in which it is given.

    For `hold_s` it holds its acceleration and steer; then the throttle goes off and braking grows linearly to
    `agent_brake_mps2` over `ramp_s`, or `connector_ramp_s` on a lane connector. One that already brakes never eases
    off. It moves as a bicycle at fixed steer: the angle between heading and motion stays and the yaw rate goes with the
    speed. Walkers walk straight on at their speed while others hold their action, then slow down likewise.

    Args:
        agent: [11], AgentField.
        poses: float64 [steps + 1, POSE_COLUMNS], written.
        numbers: CounterfactualNumbers.
    """
    x, y, yaw = agent[_X], agent[_Y], agent[_YAW]
    vx, vy = agent[_VX], agent[_VY]
    speed = math.sqrt(vx * vx + vy * vy)
    motion = math.atan2(vy, vx) if speed >= _MIN_DIRECTION_MPS else yaw

    held, curvature = 0.0, 0.0
    if int(agent[_KIND]) != _WALKER:
        held = agent[_ACCELERATION]
        if math.cos(motion - yaw) < 0.0:  # it reverses: gaining speed along the motion means losing along the heading
            held = -held
        held = min(max(held, -numbers.max_agent_deceleration_mps2), numbers.max_agent_acceleration_mps2)
        if speed >= numbers.min_turning_speed_mps:
            limit = numbers.max_agent_curvature_per_m
            curvature = min(max(agent[_YAW_RATE] / speed, -limit), limit)

    ramp = numbers.connector_ramp_s if agent[_ON_CONNECTOR] > 0.5 else numbers.ramp_s
    dt = numbers.ticks_per_step * TICK_S
    for step in range(numbers.steps + 1):
        poses[step, 0], poses[step, 1], poses[step, 2], poses[step, 3] = x, y, math.cos(yaw), math.sin(yaw)
        time = step * dt
        acceleration = held
        if time >= numbers.hold_s - 1e-9:
            brake = numbers.agent_brake_mps2 * min((time - numbers.hold_s) / ramp, 1.0)
            acceleration = min(held, 0.0, -brake)
        x += speed * math.cos(motion) * dt
        y += speed * math.sin(motion) * dt
        yaw += curvature * speed * dt
        motion += curvature * speed * dt
        speed = max(speed + acceleration * dt, 0.0)


@inner
def fill_traffic(agents, agent_valid, ego, traffic, numbers):
    """Decay rollouts of the valid agents that the ego can reach within the horizon; the others are left out.

    Args:
        agents: [A, 11], AgentField.
        agent_valid: bool [A].
        ego: [12], EgoField.
        traffic: Traffic, its arrays are written, all but `touching`.
        numbers: CounterfactualNumbers.

    Returns:
        Number of agents kept.
    """
    count = 0
    poses, centres, sizes = traffic.poses, traffic.centres, traffic.sizes
    ego_radius = math.hypot(ego[_EGO_HALF_LENGTH], ego[_EGO_HALF_WIDTH])
    dt = numbers.ticks_per_step * TICK_S
    for a in range(agents.shape[0]):
        if not agent_valid[a]:
            continue
        half_length, half_width = agents[a, _HALF_LENGTH], agents[a, _HALF_WIDTH]
        radius = math.hypot(half_length, half_width)
        roll_out_agent(agents[a], poses[count], numbers)
        reached = False
        for k in range(numbers.steps + 1):
            x, y = poses[count, k, 0], poses[count, k, 1]
            centres[k, 0, count], centres[k, 1, count] = x, y
            time = k * dt
            reach = max(ego[_EGO_SPEED], 0.0) * time + 0.5 * _MAX_EGO_ACCELERATION_MPS2 * time * time
            if not reached and math.hypot(x, y) <= reach + radius + ego_radius:
                reached = True
        if reached:
            sizes[count, 0], sizes[count, 1] = half_length, half_width
            traffic.reach_m2[count] = (ego_radius + radius) * (ego_radius + radius)
            count += 1
    return count
