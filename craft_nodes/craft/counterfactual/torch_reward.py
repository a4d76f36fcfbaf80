"""The counterfactual reward of one step for many rollouts at once, in torch; all tensors are float64 [N].

See craft.counterfactual.reward, whose functions have the same names and the same order of arithmetic.
"""

import math

import torch

from craft.counterfactual.config import CounterfactualNumbers


def wrapped(angle: torch.Tensor) -> torch.Tensor:
    """Absolute value of an angle brought into [-pi, pi] [rad]."""
    return torch.abs(angle - 2.0 * math.pi * torch.floor(angle / (2.0 * math.pi) + 0.5))


def recovery_term(before, after, weight: float, numbers: CounterfactualNumbers) -> torch.Tensor:
    """Recovery from one normalised deviation: positive when it shrinks, nothing below the threshold."""
    change = (after - before).clamp(-numbers.max_deviation_change, numbers.max_deviation_change)
    return torch.where(after <= numbers.deviation_threshold, 0.0, -weight * change)


def driving_reward(
    advance, route, centerline, heading, route_after, centerline_after, heading_after, numbers: CounterfactualNumbers
) -> torch.Tensor:
    """8 dphat eta + recovery."""
    progress = advance / numbers.max_progress_m
    efficiency = torch.exp(
        -numbers.route_decay * route_after
        - numbers.centerline_decay * centerline_after
        - numbers.heading_decay * heading_after
    )
    recovery = (
        recovery_term(route, route_after, numbers.route_recovery, numbers)
        + recovery_term(centerline, centerline_after, numbers.centerline_recovery, numbers)
        + recovery_term(heading, heading_after, numbers.heading_recovery, numbers)
    ).clamp(-numbers.max_recovery, numbers.max_recovery)
    return numbers.progress_weight * progress * efficiency + recovery * (0.5 + 0.5 * progress)


def collision_multiplier(speed: torch.Tensor, numbers: CounterfactualNumbers) -> torch.Tensor:
    """m_coll = 1 + alpha_v clip(v / v_ref, nu_min, nu_max) for ego speeds [m/s]."""
    ratio = speed / numbers.collision_speed_mps
    ratio = ratio.clamp(numbers.min_collision_speed_ratio, numbers.max_collision_speed_ratio)
    return 1.0 + numbers.collision_speed_gain * ratio
