"""Scores over many episodes, with intervals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from craft.evaluation.abilities import ABILITIES, ABILITY_NAMES
from craft.events.record import FINISHED, EpisodeRecord

RESAMPLES = 2000  # of the bootstrap
CONFIDENCE = 0.95
METRICS = ("driving_score", "route_completion", "infraction_score", "success_rate", "infractions_per_km")


@dataclass(frozen=True)
class AbilityScore:
    """Mean over the episodes that test one ability.

    Attributes:
        episodes: How many.
        driving_score: [%].
        success_rate: [%].
    """

    episodes: int
    driving_score: float
    success_rate: float


@dataclass(frozen=True)
class Scores:
    """The result of an evaluation.

    Attributes:
        episodes: Number of episodes; all of them count.
        driving_score: Mean of route completion x infraction score [%].
        route_completion: Mean [%].
        infraction_score: Mean, 0..1.
        success_rate: Share of episodes completed without an infraction [%].
        infractions_per_km: Number of infractions / driven distance [1/km]; 0 if nothing was driven.
        driven_km: Distance over all episodes [km].
        intervals: Metric -> (low, high), bootstrap over episodes.
        abilities: Ability -> its score; only abilities that were tested.
        infractions: Name of the kind -> count.
        failed: Episodes that did not reach their goal: (episode, route, status). They are counted like all others.
    """

    episodes: int
    driving_score: float
    route_completion: float
    infraction_score: float
    success_rate: float
    infractions_per_km: float
    driven_km: float
    intervals: dict[str, tuple[float, float]]
    abilities: dict[str, AbilityScore]
    infractions: dict[str, int]
    failed: tuple[tuple[int, str, str], ...]


def _per_km(count: np.ndarray, km: np.ndarray) -> np.ndarray:
    return np.divide(count, km, out=np.zeros_like(km), where=km > 0.0)


def aggregate(records: Sequence[EpisodeRecord], seed: int = 0) -> Scores:
    """Scores of an evaluation.

    Args:
        records: One per episode that was begun, crashed ones included.
        seed: Of the bootstrap.

    Raises:
        ValueError: There are no records.
    """
    if not records:
        raise ValueError("no episodes to aggregate; the evaluation drove none")
    table = np.array(
        [
            (r.driving_score, r.route_completion, r.infraction_score, 100.0 * r.success, len(r.infractions), r.driven_m)
            for r in records
        ],
        np.float64,
    )

    def metrics(rows):  # [..., episodes, 6] -> [..., 5]
        mean = rows[..., :4].mean(axis=-2)
        per_km = _per_km(rows[..., 4].sum(axis=-1), rows[..., 5].sum(axis=-1) / 1000.0)
        return np.concatenate([mean, per_km[..., None]], axis=-1)

    values = metrics(table)
    drawn = np.random.default_rng(seed).integers(len(table), size=(RESAMPLES, len(table)))
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(metrics(table[drawn]), [tail, 100.0 - tail], axis=0)
    abilities = {}
    for name in ABILITY_NAMES:
        tested = table[[name in ABILITIES.get(r.scenario, ()) for r in records]]
        if len(tested):
            abilities[name] = AbilityScore(len(tested), float(tested[:, 0].mean()), float(tested[:, 3].mean()))
    return Scores(
        episodes=len(records),
        **dict(zip(METRICS, map(float, values), strict=True)),
        driven_km=float(table[:, 5].sum() / 1000.0),
        intervals={name: (float(a), float(b)) for name, a, b in zip(METRICS, low, high, strict=True)},
        abilities=abilities,
        infractions=dict(Counter(kind.name for r in records for kind in r.infractions)),
        failed=tuple((r.episode, r.route_id, r.status) for r in records if r.status not in FINISHED),
    )
