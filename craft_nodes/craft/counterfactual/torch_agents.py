"""The other agents of many states at once, and the contacts of many egos with them, in torch.

S is the number of states, A the number of agents, N the number of rollouts; everything is float64.
"""

from collections.abc import Iterator

import torch

from craft.counterfactual.config import CounterfactualNumbers
from craft.scene import AgentField, AgentKind, EgoField
from craft.vehicle.response import TICK_S

_MIN_DIRECTION_MPS = 0.1  # slower: the velocity gives no direction, the heading does
_MAX_EGO_ACCELERATION_MPS2 = 8.0  # above the 7.61 of the longitudinal map at full throttle [m/s2]


def decay_rollouts(agents: torch.Tensor, numbers: CounterfactualNumbers) -> Iterator[torch.Tensor]:
    """Where the agents go, step by step; see craft.counterfactual.agents.roll_out_agent.

    Args:
        agents: [S, A, 11], AgentField.
        numbers: CounterfactualNumbers.

    Yields:
        [S, A, 4] at steps 0, 1, ..., H: x [m], y [m], cos(yaw), sin(yaw).
    """
    x, y, yaw = agents[..., AgentField.X], agents[..., AgentField.Y], agents[..., AgentField.YAW]
    vx, vy = agents[..., AgentField.VX], agents[..., AgentField.VY]
    speed = torch.sqrt(vx * vx + vy * vy)
    motion = torch.where(speed >= _MIN_DIRECTION_MPS, torch.atan2(vy, vx), yaw)

    walks = agents[..., AgentField.KIND] == AgentKind.WALKER
    held = agents[..., AgentField.ACCELERATION]
    held = torch.where(torch.cos(motion - yaw) < 0.0, -held, held)  # it reverses
    held = held.clamp(-numbers.max_agent_deceleration_mps2, numbers.max_agent_acceleration_mps2)
    held = torch.where(walks, 0.0, held)
    limit = numbers.max_agent_curvature_per_m
    curvature = (agents[..., AgentField.YAW_RATE] / speed.clamp(min=1e-9)).clamp(-limit, limit)
    curvature = torch.where(walks | (speed < numbers.min_turning_speed_mps), 0.0, curvature)

    on_connector = agents[..., AgentField.ON_CONNECTOR] > 0.5
    ramp = torch.full_like(speed, numbers.ramp_s).masked_fill(on_connector, numbers.connector_ramp_s)
    dt = numbers.ticks_per_step * TICK_S
    for step in range(numbers.steps + 1):
        yield torch.stack([x, y, torch.cos(yaw), torch.sin(yaw)], -1)
        time = step * dt
        acceleration = held
        if time >= numbers.hold_s - 1e-9:
            brake = numbers.agent_brake_mps2 * ((time - numbers.hold_s) / ramp).clamp(max=1.0)
            acceleration = torch.minimum(held.clamp(max=0.0), -brake)
        x = x + speed * torch.cos(motion) * dt
        y = y + speed * torch.sin(motion) * dt
        yaw, motion = yaw + curvature * speed * dt, motion + curvature * speed * dt
        speed = (speed + acceleration * dt).clamp(min=0.0)


def agents_in_reach(
    ego: torch.Tensor, agents: torch.Tensor, agent_valid: torch.Tensor, numbers: CounterfactualNumbers
) -> tuple[torch.Tensor, torch.Tensor]:
    """The valid agents that each state's ego can reach within the horizon, moved to the front.

    Args:
        ego: [S, 12], EgoField.
        agents: [S, A, 11], AgentField.
        agent_valid: bool [S, A].
        numbers: CounterfactualNumbers.

    Returns:
        agents: [S, A', 11], as many as the state with most of them has; rows that are not valid are zero.
        valid: bool [S, A'].
    """
    agents = torch.where(agent_valid[..., None], agents, 0.0)
    radius = torch.hypot(agents[..., AgentField.HALF_LENGTH], agents[..., AgentField.HALF_WIDTH])
    radius = radius + torch.hypot(ego[:, EgoField.HALF_LENGTH], ego[:, EgoField.HALF_WIDTH])[:, None]
    near = torch.zeros_like(agent_valid)
    for step, poses in enumerate(decay_rollouts(agents, numbers)):
        time = step * numbers.ticks_per_step * TICK_S
        reach = ego[:, EgoField.SPEED].clamp(min=0.0) * time + 0.5 * _MAX_EGO_ACCELERATION_MPS2 * time * time
        near |= torch.hypot(poses[..., 0], poses[..., 1]) <= reach[:, None] + radius
    near &= agent_valid
    order = torch.argsort(near.to(torch.uint8), dim=1, descending=True, stable=True)
    order = order[:, : int(near.sum(1).max()) if near.numel() else 0]
    return torch.take_along_dim(agents, order[..., None], 1), torch.take_along_dim(near, order, 1)


def touches(x, y, cos, sin, half_length, half_width, poses, sizes, valid) -> torch.Tensor:
    """[N, A], whether each ego's box overlaps each agent's; see craft.counterfactual.collision.boxes_overlap.

    Args:
        x, y, cos, sin, half_length, half_width: [N], the egos' boxes.
        poses: [N, A, 4], of `decay_rollouts`.
        sizes: [N, A, 2], half length and half width [m].
        valid: bool [N, A].
    """
    x, y, cos, sin, a_length, a_width = (t[:, None] for t in (x, y, cos, sin, half_length, half_width))
    other_x, other_y, other_cos, other_sin = poses.unbind(-1)
    b_length, b_width = sizes.unbind(-1)
    dx, dy = other_x - x, other_y - y
    turn_cos = torch.abs(cos * other_cos + sin * other_sin)
    turn_sin = torch.abs(cos * other_sin - sin * other_cos)
    return (
        valid
        & (torch.abs(dx * cos + dy * sin) < a_length + b_length * turn_cos + b_width * turn_sin)
        & (torch.abs(dy * cos - dx * sin) < a_width + b_length * turn_sin + b_width * turn_cos)
        & (torch.abs(dx * other_cos + dy * other_sin) < b_length + a_length * turn_cos + a_width * turn_sin)
        & (torch.abs(dy * other_cos - dx * other_sin) < b_width + a_length * turn_sin + a_width * turn_cos)
    )
