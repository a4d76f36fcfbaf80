"""One episode in Bench2Drive's layout: its record in the results file, and its metric_info.json."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from craft.evaluation.comfort import SAMPLE_DT_S
from craft.evaluation.quirks import Quirks
from craft.evaluation.trace import Trace
from craft.events import EpisodeRecord, Event, EventKind
from craft.events.record import FINISHED

SCORE_DIGITS, DIGITS = 6, 3  # Bench2Drive's rounding
METRIC_DIGITS = 6  # of metric_info.json
COMPLETED, PERFECT = FINISHED
SIMULATION_CRASHED = "Failed - Simulation crashed"
AGENT_CRASHED = "Failed - Agent crashed"
MIN_SPEED = "min_speed_infractions"
OUTSIDE = "outside_route_lanes"
ENDS = {  # status -> infraction that ended the route and lowers nothing
    "Failed - Agent deviated from the route": "route_dev",
    "Failed - Agent got blocked": "vehicle_blocked",
    "Failed - Agent timed out": "route_timeout",
}
INFRACTIONS = (
    "collisions_layout",
    "collisions_pedestrian",
    "collisions_vehicle",
    "red_light",
    "stop_infraction",
    OUTSIDE,
    MIN_SPEED,
    "yield_emergency_vehicle_infractions",
    "scenario_timeouts",
    "route_dev",
    "vehicle_blocked",
    "route_timeout",
)
_KEYS = {
    EventKind.COLLISION_LAYOUT: "collisions_layout",
    EventKind.COLLISION_PEDESTRIAN: "collisions_pedestrian",
    EventKind.COLLISION_VEHICLE: "collisions_vehicle",
    EventKind.RED_LIGHT: "red_light",
    EventKind.STOP_SIGN: "stop_infraction",
}
_PERCENTAGE = re.compile(r"\b\d+\.?\d*%")  # how Bench2Drive's script finds the value of a speed checkpoint


def begin_record(route: str, repetition: int, scenario: str, town: str) -> dict[str, Any]:
    """The record of an episode that has no result yet.

    Args:
        route: The route's number; without "_", for the scripts split there.
        repetition: From 0.
        scenario: Scenario type.
        town: Name of the town.
    """
    route_id = f"RouteScenario_{route}_rep{repetition}"
    return {
        "index": -1,
        "route_id": route_id,
        "scenario_name": scenario,
        "weather_id": None,
        "save_name": f"{route_id}_{town}_{scenario}",
        "town_name": town,
        "status": "Started",
        "num_infractions": 0,
        "infractions": {name: [] for name in INFRACTIONS},
        "scores": {"score_route": 0.0, "score_penalty": 0.0, "score_composed": 0.0},
        "meta": {"route_length": 0.0, "duration_game": 0.0, "duration_system": 0.0},
    }


def finish_record(
    record: dict[str, Any],
    episode: EpisodeRecord,
    events: Sequence[Event],
    begin_s: float,
    percentages: Sequence[float],
    route_length_m: float,
) -> None:
    """Fill in what an episode gave.

    `duration_system` is that of the simulation, as `duration_game`: a wall time would make equal evaluations differ.

    Args:
        record: From `begin_record`.
        episode: As judged.
        events: Of the episode, in order.
        begin_s: Stamp of its frame 0 [s].
        percentages: Of its speed checkpoints [%].
        route_length_m: [m].
    """
    lists = record["infractions"]
    for event in events:
        if event.infraction:
            where = f"at {event.stamp_s - begin_s:.2f} s and (x={event.x:.2f}, y={event.y:.2f})"
            lists[_KEYS[event.kind]].append(f"{event.detail} {where}")
    if episode.outside_percentage > 0.0:
        # The ninth word is the distance: Bench2Drive's reader takes it from there.
        share = episode.outside_percentage
        outside_m = episode.driven_m * share / 100.0
        lists[OUTSIDE].append(f"The vehicle was outside its route lanes for {outside_m:.3f} m, {share:.3f}% of its way")
    lists[MIN_SPEED] += [f"The mean speed was {value:.2f}% of that of the traffic around" for value in percentages]
    if episode.status in ENDS:
        lists[ENDS[episode.status]].append(f"{episode.status} after {episode.duration_s:.2f} s")
    record["num_infractions"] = sum(map(len, lists.values()))
    record["status"] = episode.status
    if episode.status in FINISHED:
        record["status"] = COMPLETED if record["num_infractions"] else PERFECT
    record["scores"] = {
        "score_route": round(episode.route_completion, SCORE_DIGITS),
        "score_penalty": round(episode.infraction_score, SCORE_DIGITS),
        "score_composed": round(max(episode.driving_score, 0.0), SCORE_DIGITS),
    }
    duration_s = round(episode.duration_s, DIGITS)
    record["meta"] = {
        "route_length": round(route_length_m, DIGITS),
        "duration_game": duration_s,
        "duration_system": duration_s,
    }


def speed_percentages_of(record: dict[str, Any]) -> list[float]:
    """The speed checkpoints of a record [%]."""
    found = (_PERCENTAGE.search(message) for message in record["infractions"][MIN_SPEED])
    return [float(match.group().rstrip("%")) for match in found if match]


def scored_infractions(record: dict[str, Any]) -> int:
    """How many infractions of a record lower its score."""
    free = (MIN_SPEED, *ENDS.values())
    return sum(len(messages) for name, messages in record["infractions"].items() if name not in free)


def is_success(record: dict[str, Any]) -> bool:
    """Driven to the end without an infraction; speed checkpoints do not count as such."""
    clean = not any(messages for name, messages in record["infractions"].items() if name != MIN_SPEED)
    return clean and record["status"] in FINISHED


def metric_info(trace: Trace, quirks: Quirks = Quirks.NONE) -> dict[str, dict[str, list[float]]]:
    """What Bench2Drive's script reads: frame -> vectors in CARLA's frame (y right, angular velocity in deg/s).

    The script takes the frames to be 0.1 s apart, and so are these. Bench2Drive's agents write every frame of 0.05 s (a
    quirk): its script then halves every jerk.
    """
    step = 1 if quirks is Quirks.BENCH2DRIVE else round(SAMPLE_DT_S / trace.dt_s)
    return {str(k): _vectors(trace, k) for k in range(0, len(trace.pose), step)}


def _vectors(trace: Trace, k: int) -> dict[str, list[float]]:
    x, y, yaw = trace.pose[k].tolist()
    ax, ay = trace.acceleration[k].tolist()
    cos, sin = math.cos(yaw), math.sin(yaw)
    vectors = {
        "acceleration": (ax, -ay, 0.0),
        "angular_velocity": (0.0, 0.0, -math.degrees(float(trace.yaw_rate[k]))),
        "forward_vector": (cos, -sin, 0.0),
        "right_vector": (sin, cos, 0.0),
        "location": (x, -y, 0.0),
        "rotation": (0.0, 0.0, -math.degrees(yaw)),  # roll, pitch, yaw
    }
    return {name: np.round(vector, METRIC_DIGITS).tolist() for name, vector in vectors.items()}
