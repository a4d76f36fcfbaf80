"""A finished episode and its driving score (Bench2Drive)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from craft.events.kinds import EventKind

# Bench2Drive's leaderboard: the score is multiplied by this for every infraction of the kind.
PENALTY = {
    EventKind.COLLISION_PEDESTRIAN: 0.50,
    EventKind.COLLISION_VEHICLE: 0.60,
    EventKind.COLLISION_LAYOUT: 0.65,
    EventKind.RED_LIGHT: 0.70,
    EventKind.STOP_SIGN: 0.80,
}
FINISHED = ("Completed", "Perfect")  # the status of a route driven to its end


@dataclass(frozen=True)
class EpisodeScore:
    """The score of one episode.

    Attributes:
        infraction_score: Product of the infraction factors, 0..1.
        driving_score: Route completion x infraction score [%].
        success: Driven to the end without an infraction.
    """

    infraction_score: float
    driving_score: float
    success: bool


def score_episode(
    status: str, route_completion: float, infractions: Sequence[EventKind], outside_percentage: float
) -> EpisodeScore:
    """Score an episode as Bench2Drive does.

    Args:
        status: Bench2Drive's words; "Completed" and "Perfect" are finished routes.
        route_completion: [%].
        infractions: One entry per collision, red light and stop sign; other kinds carry no factor.
        outside_percentage: Share of the driven distance outside the lanes or in the wrong one [%].

    Raises:
        ValueError: A percentage is outside 0..100 or not finite.
    """
    for name, value in (("route_completion", route_completion), ("outside_percentage", outside_percentage)):
        if not 0.0 <= value <= 100.0:
            raise ValueError(f"{name} must be within 0..100 %, not {value}")
    counted = [kind for kind in infractions if kind in PENALTY]
    penalty = prod((PENALTY[kind] for kind in counted), start=1.0) * (1.0 - outside_percentage / 100.0)
    success = status in FINISHED and not counted and outside_percentage == 0.0
    return EpisodeScore(penalty, route_completion * penalty, success)


@dataclass(frozen=True)
class EpisodeRecord:
    """One finished episode, judged.

    Attributes:
        episode: Its number.
        status: Completed, Perfect, "Failed - ..." (Bench2Drive's words).
        route_completion: [%].
        infraction_score, driving_score, success: See EpisodeScore.
        driven_m: Driven distance [m].
        duration_s: Simulated time [s].
        truncated: Ended by the run, not by what happened in it.
        infractions: Kinds that lower the score, in order; OFF_ROAD once, last, if any distance was outside the lanes.
        events: Kinds of all events, in order, including those that only cost reward.
        outside_percentage: Share of the driven distance outside the lanes or in the wrong one [%].
        scenario: Scenario type, empty if unknown; abilities are reported by it.
        route_id: Route, empty if unknown.
        seed: Of the episode.
    """

    episode: int
    status: str
    route_completion: float
    infraction_score: float
    driving_score: float
    success: bool
    driven_m: float
    duration_s: float
    truncated: bool
    infractions: tuple[EventKind, ...]
    events: tuple[EventKind, ...]
    outside_percentage: float = 0.0
    scenario: str = ""
    route_id: str = ""
    seed: int = 0
