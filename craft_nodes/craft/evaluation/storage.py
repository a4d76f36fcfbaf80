"""Scores as plain data for JSON files and checkpoints, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from craft.evaluation.scores import AbilityScore, Scores


def scores_to_dict(scores: Scores) -> dict[str, Any]:
    """Numbers, strings, lists and dictionaries only."""
    data = asdict(scores)
    data["intervals"] = {name: list(interval) for name, interval in scores.intervals.items()}
    data["failed"] = [list(entry) for entry in scores.failed]
    return data


def scores_from_dict(data: Mapping[str, Any]) -> Scores:
    """Inverse of `scores_to_dict`."""
    return Scores(
        **{
            **data,
            "intervals": {name: tuple(interval) for name, interval in data["intervals"].items()},
            "abilities": {name: AbilityScore(**score) for name, score in data["abilities"].items()},
            "failed": tuple(tuple(entry) for entry in data["failed"]),
        }
    )
