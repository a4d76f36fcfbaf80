"""The counterfactual reward of one step (CRAFT, "counterfactual reward per step")."""

import math

from craft.vehicle.compiled import inner


@inner
def wrapped(angle):
    """Absolute value of an angle brought into [-pi, pi] [rad]."""
    return abs(angle - 2.0 * math.pi * math.floor(angle / (2.0 * math.pi) + 0.5))


@inner
def recovery_term(before, after, weight, numbers):
    """Recovery from one normalised deviation: positive when it shrinks, nothing below the threshold."""
    if after <= numbers.deviation_threshold:
        return 0.0
    change = min(max(after - before, -numbers.max_deviation_change), numbers.max_deviation_change)
    return -weight * change


@inner
def driving_reward(advance, route, centerline, heading, route_after, centerline_after, heading_after, numbers):
    """8 dphat eta + recovery.

    Args:
        advance: Along the route in this step, already clipped to [0, max_progress_m] [m].
        route, centerline, heading: Normalised deviations before the step.
        route_after, centerline_after, heading_after: After it.
        numbers: CounterfactualNumbers.
    """
    progress = advance / numbers.max_progress_m
    efficiency = math.exp(
        -numbers.route_decay * route_after
        - numbers.centerline_decay * centerline_after
        - numbers.heading_decay * heading_after
    )
    recovery = (
        recovery_term(route, route_after, numbers.route_recovery, numbers)
        + recovery_term(centerline, centerline_after, numbers.centerline_recovery, numbers)
        + recovery_term(heading, heading_after, numbers.heading_recovery, numbers)
    )
    recovery = min(max(recovery, -numbers.max_recovery), numbers.max_recovery)
    return numbers.progress_weight * progress * efficiency + recovery * (0.5 + 0.5 * progress)


@inner
def collision_multiplier(speed, numbers):
    """m_coll = 1 + alpha_v clip(v / v_ref, nu_min, nu_max) for an ego speed [m/s]."""
    ratio = speed / numbers.collision_speed_mps
    ratio = min(max(ratio, numbers.min_collision_speed_ratio), numbers.max_collision_speed_ratio)
    return 1.0 + numbers.collision_speed_gain * ratio
