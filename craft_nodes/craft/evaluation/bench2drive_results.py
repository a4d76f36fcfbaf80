"""A results file in Bench2Drive's layout: written record by record, and recovered up to its last whole one."""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from craft.evaluation.bench2drive_record import DIGITS, INFRACTIONS, OUTSIDE, PERFECT, SCORE_DIGITS
from craft.files import write_atomically

SCORES = ("score_composed", "score_route", "score_penalty")
LABELS = {  # label -> key among the global record's infractions, in Bench2Drive's order after the three scores
    "Collisions with pedestrians": "collisions_pedestrian",
    "Collisions with vehicles": "collisions_vehicle",
    "Collisions with layout": "collisions_layout",
    "Red lights infractions": "red_light",
    "Stop sign infractions": "stop_infraction",
    "Off-road infractions": OUTSIDE,
    "Route deviations": "route_dev",
    "Route timeouts": "route_timeout",
    "Agent blocked": "vehicle_blocked",
    "Yield emergency vehicles infractions": "yield_emergency_vehicle_infractions",
    "Scenario timeouts": "scenario_timeouts",
    "Min speed infractions": "min_speed_infractions",
}
SCORE_LABELS = ("Avg. driving score", "Avg. route completion", "Avg. infraction penalty")
_RECORDS = re.compile(r'"records"\s*:\s*\[')
_GAP = re.compile(r"[\s,]*")
_LEAST_KM = 0.001  # driven distance is taken to be at least this [km]; leaderboard
_OUTSIDE_WORD = 8  # the message's word that tells the metres outside; leaderboard


def write_results(path: Path, records: Sequence[dict[str, Any]], total: int) -> None:
    """Write the records of an evaluation so far; with the last one the file is finished.

    Args:
        path: Of the file, which is replaced atomically.
        records: In their order.
        total: Number of records that the evaluation will have.
    """
    finished = len(records) == total
    overall = global_record(records) if finished else {}
    crashed = any("Simulation crashed" in record["status"] for record in records)
    status = ("Crashed" if crashed else "Finished") if finished else "Started"
    values = []
    if finished:
        values = [str(overall["scores_mean"][name]) for name in SCORES]
        values += [str(overall["infractions"][name]) for name in LABELS.values()]
    content = {
        "_checkpoint": {
            "global_record": overall,
            "progress": [len(records), total],
            "records": [record | {"index": index} for index, record in enumerate(records)],
        },
        "entry_status": status,
        "eligible": status == "Finished",
        "sensors": [],  # the policy is told of objects and of the map
        "values": values,
        "labels": [*SCORE_LABELS, *LABELS] if finished else [],
    }
    write_atomically(path, (json.dumps(content, indent=4) + "\n").encode())


def global_record(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The means over all records, infractions per driven kilometre, and who failed.

    Off-road is no count but the distance outside the lanes [km].
    """
    count = len(records)
    mean = {name: round(sum(r["scores"][name] for r in records) / count, SCORE_DIGITS) for name in SCORES}
    spread = {
        name: round(math.sqrt(sum((r["scores"][name] - mean[name]) ** 2 for r in records) / max(count - 1, 1)), DIGITS)
        for name in SCORES
    }
    km = max(sum(r["meta"]["route_length"] / 1000.0 * r["scores"]["score_route"] / 100.0 for r in records), _LEAST_KM)
    rates = {name: sum(len(r["infractions"][name]) for r in records) / km for name in INFRACTIONS}
    rates[OUTSIDE] = sum(_outside_km(record) for record in records)
    failed = [[r["route_id"], i, r["status"]] for i, r in enumerate(records) if r["status"].startswith("Failed")]
    perfect = all(record["status"] == PERFECT for record in records)
    return {
        "index": -1,
        "route_id": -1,
        "status": "Failed" if failed else (PERFECT if perfect else "Completed"),
        "infractions": {name: round(rate, DIGITS) for name, rate in rates.items()},
        "scores_mean": mean,
        "scores_std_dev": spread,
        "meta": {
            "total_length": round(sum(r["meta"]["route_length"] for r in records), DIGITS),
            "duration_game": round(sum(r["meta"]["duration_game"] for r in records), DIGITS),
            "duration_system": round(sum(r["meta"]["duration_system"] for r in records), DIGITS),
            "exceptions": failed,
        },
    }


def _outside_km(record: dict[str, Any]) -> float:
    messages = record["infractions"][OUTSIDE]
    return float(messages[0].split(" ")[_OUTSIDE_WORD]) / 1000.0 if messages else 0.0


def read_results(path: Path) -> list[dict[str, Any]]:
    """The whole records of a results file, finished, unfinished or cut short anywhere; none where there is no file."""
    try:
        text = path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return []
    begin = _RECORDS.search(text)
    records: list[dict[str, Any]] = []
    at = begin.end() if begin else len(text)
    while True:
        at = _GAP.match(text, at).end()
        try:
            record, at = json.JSONDecoder().raw_decode(text, at)
        except json.JSONDecodeError:
            return records
        if not isinstance(record, dict) or "route_id" not in record:
            return records
        records.append(record)
