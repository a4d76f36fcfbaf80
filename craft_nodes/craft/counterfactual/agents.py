"""Where the other agents go: the decay rollout."""

import math

from craft.scene.observation import AgentField, AgentKind
from craft.vehicle.compiled import inner
from craft.vehicle.response import TICK_S

POSE_COLUMNS = 4  # x [m], y [m], cos(yaw), sin(yaw)

_X, _Y, _YAW, _VX, _VY = (
    int(field) for field in (AgentField.X, AgentField.Y, AgentField.YAW, AgentField.VX, AgentField.VY)
)
_YAW_RATE, _ACCELERATION = int(AgentField.YAW_RATE), int(AgentField.ACCELERATION)
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
