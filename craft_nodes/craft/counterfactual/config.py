"""Every number of the counterfactual world and its reward."""

import math
from collections import namedtuple
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class CounterfactualConfig:
    """The counterfactual world (CRAFT, "dense counterfactual proxy"). "ours" marks what the paper leaves open."""

    # Rollout
    steps: int = 20  # H, virtual steps; CRAFT
    ticks_per_step: int = 2  # ticks of 0.05 s, so dt = 0.1 s; CRAFT
    gamma: float = 0.98  # discount a step; CRAFT

    # Reward a step
    max_progress_m: float = 1.2  # progress a step is clipped to [0, this] and divided by it [m]; CRAFT
    progress_weight: float = 8.0  # CRAFT
    route_decay: float = 3.0  # in route efficiency; CRAFT
    centerline_decay: float = 0.8  # CRAFT
    heading_decay: float = 2.0  # CRAFT
    deviation_threshold: float = 0.08  # normalised; recovery counts above it; CRAFT
    max_deviation_change: float = 0.10  # normalised, a step; CRAFT
    route_recovery: float = 0.4  # CRAFT
    centerline_recovery: float = 0.2  # CRAFT
    heading_recovery: float = 0.4  # CRAFT
    max_recovery: float = 0.5  # CRAFT
    off_road_cost: float = 1.5  # CRAFT
    opposite_lane_cost: float = 0.1  # CRAFT
    off_route_cost: float = 1.5  # CRAFT
    emergency_lane_cost: float = 1.0  # CRAFT
    collision_cost: float = 40.0  # times m_coll; CRAFT
    collision_speed_gain: float = 1.0  # alpha_v; ours
    collision_speed_mps: float = 10.0  # v_ref [m/s]; ours
    min_collision_speed_ratio: float = 0.0  # nu_min; ours
    max_collision_speed_ratio: float = 2.0  # nu_max; ours
    red_light_cost: float = 40.0  # once, at the first reward; CRAFT
    stop_sign_cost: float = 40.0  # once, at the first reward; CRAFT

    # Deviations: distance or angle / its normaliser, at most 1
    route_scale_m: float = 10.0  # so the threshold lies at 0.8 m [m]; ours
    centerline_scale_m: float = 4.0  # the middle of the neighbouring lane is still below 1 [m]; ours
    heading_scale_rad: float = math.pi  # the largest angle there is [rad]; ours
    off_route_m: float = 6.0  # farther from the route is off it: one lane change is not, two are [m]; ours

    # Road surface
    surface_margin_m: float = 0.05  # a corner this far outside a piece is still on it: hides slivers [m]; ours
    same_direction_cos: float = 0.5  # a lane within 60 deg of the route's heading runs the same way; ours
    opposite_direction_cos: float = -0.5  # 120 deg or more is the wrong way; CARLA leaderboard

    # Stop lines
    stop_heading_cos: float = 0.5  # a line counts when crossed within 60 deg of its direction; ours
    standing_mps: float = 0.1  # v_stop; below it the vehicle stands [m/s]; CRAFT
    stop_zone_m: float = 4.0  # standing with the front this near before the line clears a stop sign [m]; leaderboard

    # Other agents: the decay rollout
    hold_s: float = 0.5  # they hold acceleration and steer this long [s]; ours
    ramp_s: float = 2.0  # then braking grows linearly to its most over this time [s]; ours
    connector_ramp_s: float = 1.0  # the same on a lane connector [s]; ours
    agent_brake_mps2: float = 4.0  # the most braking of the ramp [m/s2]; ours
    max_agent_acceleration_mps2: float = 3.0  # a measured acceleration is clipped to [-8, this] [m/s2]; ours
    max_agent_deceleration_mps2: float = 8.0  # [m/s2]; ours
    max_agent_curvature_per_m: float = 0.27  # yaw rate / speed is clipped to it: full steer of the bicycle [1/m]; ours
    min_turning_speed_mps: float = 0.5  # slower agents go straight: their yaw rate tells no curvature [m/s]; ours

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            signed = field.name.endswith("_cos")
            if not math.isfinite(value) or (not signed and value < 0.0):
                raise ValueError(
                    f"CounterfactualConfig.{field.name} must be finite{'' if signed else ' and >= 0'}, not {value}"
                )
        for name in ("steps", "ticks_per_step"):
            if getattr(self, name) != int(getattr(self, name)) or getattr(self, name) < 1:
                raise ValueError(f"CounterfactualConfig.{name} must be a whole number >= 1, not {getattr(self, name)}")
        for name in (
            "max_progress_m",
            "collision_speed_mps",
            "route_scale_m",
            "centerline_scale_m",
            "heading_scale_rad",
            "ramp_s",
            "connector_ramp_s",
        ):
            if getattr(self, name) <= 0.0:
                raise ValueError(f"CounterfactualConfig.{name} must be > 0, not {getattr(self, name)}")
        if self.min_collision_speed_ratio > self.max_collision_speed_ratio:
            raise ValueError("CounterfactualConfig.min_collision_speed_ratio is above max_collision_speed_ratio")
        if self.gamma > 1.0:
            raise ValueError(f"CounterfactualConfig.gamma must be at most 1, not {self.gamma}")

    @property
    def numbers(self) -> "CounterfactualNumbers":
        """The same values in the form that compiled functions take; `1` for `1.0` must not make them compile again."""
        return CounterfactualNumbers(*(field.type(getattr(self, field.name)) for field in fields(self)))


CounterfactualNumbers = namedtuple("CounterfactualNumbers", [field.name for field in fields(CounterfactualConfig)])
