"""Driving scores of Bench2Drive over episodes, abilities and comparisons."""

from craft.evaluation.abilities import ABILITIES, ABILITY_NAMES
from craft.evaluation.scores import AbilityScore, Scores, aggregate
from craft.evaluation.table import comparison_markdown, comparison_table
from craft.events.record import EpisodeRecord, EpisodeScore, score_episode

__all__ = [
    "ABILITIES",
    "ABILITY_NAMES",
    "AbilityScore",
    "EpisodeRecord",
    "EpisodeScore",
    "Scores",
    "aggregate",
    "comparison_markdown",
    "comparison_table",
    "score_episode",
]
