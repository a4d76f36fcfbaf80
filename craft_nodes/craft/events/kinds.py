"""Interaction-critical events and how they are weighed."""

from dataclasses import dataclass, fields
from enum import IntEnum
from math import isfinite


class EventKind(IntEnum):
    """Kinds of events, numbered as in craft_msgs/InteractionEvent."""

    COLLISION_PEDESTRIAN = 1
    COLLISION_VEHICLE = 2
    COLLISION_LAYOUT = 3
    RED_LIGHT = 4
    STOP_SIGN = 5
    OFF_ROAD = 6
    OFF_ROUTE = 7
    EMERGENCY_LANE = 8


COLLISIONS = (EventKind.COLLISION_PEDESTRIAN, EventKind.COLLISION_VEHICLE, EventKind.COLLISION_LAYOUT)


@dataclass(frozen=True)
class Event:
    """Something that happened in the executed driving.

    Attributes:
        kind: What.
        stamp_s: When; simulation time [s].
        x, y: Where the vehicle was, map frame [m].
        other_id: Actor, light or sign involved, 0 if none.
        infraction: Whether it lowers the driving score by itself (Bench2Drive); the others only cost reward.
        detail: One sentence for people.
    """

    kind: EventKind
    stamp_s: float
    x: float
    y: float
    other_id: int
    infraction: bool
    detail: str


@dataclass(frozen=True)
class EventConfig:
    """Weights of the grounded reward (CRAFT Eq. 46) and the thresholds of the rules."""

    offroad_weight: float = 0.5  # CRAFT Eq. 46
    emergency_lane_weight: float = 0.2  # CRAFT Eq. 46
    offroute_weight: float = 0.5  # CRAFT Eq. 46
    red_light_weight: float = 2.0  # CRAFT Eq. 46
    stop_sign_weight: float = 2.0  # CRAFT Eq. 46
    collision_weight: float = 5.0  # CRAFT Eq. 46

    v_stop_mps: float = 0.1  # faster in a stop-required zone is penalised [m/s] CRAFT
    v_go_mps: float = 2.0  # slower in a go-required zone with a clear path is penalised [m/s] CRAFT
    go_zone_m: float = 6.0  # the go-required zone: front bumper at most this far before the line [m] ours
    go_grace_s: float = 2.0  # time to start moving once going is required; 0 to 2 m/s takes about 1 s [s] ours
    clear_ahead_m: float = 20.0  # length of the route ahead that must be clear before going is required [m] ours
    clear_time_s: float = 4.0  # for this long, others moving on as they do [s] ours
    clear_side_m: float = 1.5  # beyond half the lane's width [m] ours

    line_margin: float = 1.2  # stop lines are this much wider than the lane's half width; leaderboard: 0.6 lane widths
    tail_front: float = 0.8  # the tail segment begins at -0.8 half lengths; leaderboard
    tail_rear_m: float = 1.0  # and ends this far behind the rear bumper [m] leaderboard

    collision_speed_mps: float = 0.1  # slower, a contact is not the vehicle's doing [m/s] leaderboard
    collision_repeat_s: float = 5.0  # the same actor is not counted again within [s] leaderboard
    collision_repeat_m: float = 5.0  # nor before the vehicle is this far from the place [m] leaderboard

    outside_margin_m: float = 0.5  # a centre this far off all lanes is outside for the score [m] leaderboard
    corner_margin_m: float = (
        0.05  # a corner farther off the surface is off-road; as in the counterfactual world [m] ours
    )
    offroute_m: float = 6.0  # farther from the route is off it; as in the counterfactual world [m] ours
    wrong_way_rad: float = 2.0944  # lane and heading differ by more: the wrong lane [rad] leaderboard (120 deg)
    obstacle_mps: float = 3.0  # a slower road user on the route is an obstacle that one may pass [m/s] ours
    obstacle_range_m: float = 40.0  # as long as it is within this distance [m] ours

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if not (isfinite(value) and value >= 0.0):
                raise ValueError(f"EventConfig.{field.name} must be finite and >= 0, not {value}")

    def weight(self, kind: EventKind) -> float:
        """What one decision with this kind of event costs (CRAFT Eq. 46)."""
        if kind in COLLISIONS:
            return self.collision_weight
        return {
            EventKind.RED_LIGHT: self.red_light_weight,
            EventKind.STOP_SIGN: self.stop_sign_weight,
            EventKind.OFF_ROAD: self.offroad_weight,
            EventKind.OFF_ROUTE: self.offroute_weight,
            EventKind.EMERGENCY_LANE: self.emergency_lane_weight,
        }[kind]


@dataclass(frozen=True)
class GroundedReward:
    """The reward of one executed decision.

    Attributes:
        reward: r^gr <= 0 (CRAFT Eq. 46); each of its terms counts at most once in a decision.
        events: EventKinds that it is made of, ascending.
        progress_m: Along the route while the decision was executed [m].
    """

    reward: float
    events: tuple[EventKind, ...]
    progress_m: float
