"""What fine-tuning changed, over several training seeds, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from craft.events import EpisodeRecord

RESAMPLES = 5000  # of the bootstrap
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Change:
    """One measure before and after.

    Attributes:
        before: Of the pre-trained policy.
        after: Mean over the training seeds.
        low, high: Interval of `after - before`.
        after_low, after_high: Interval of `after`.
        per_seed: `after` of every training seed.
    """

    before: float
    after: float
    low: float
    high: float
    after_low: float
    after_high: float
    per_seed: tuple[float, ...]


def compare(
    before: Sequence[EpisodeRecord], after: Sequence[Sequence[EpisodeRecord]], seed: int = 0
) -> dict[str, Change]:
    """Compares one pre-trained policy with its fine-tuned versions on the very same episodes.

    The interval is a two-level bootstrap: training seeds are drawn with replacement, and so are the episodes (the same
    ones before and after, so that what an episode adds on both sides cancels).

    Args:
        before: E episodes.
        after: For each training seed the same E episodes, in the same order.
        seed: Of the bootstrap.

    Returns:
        driving_score [%], success_rate [%], route_completion [%], infraction_score, infractions_per_km.

    Raises:
        ValueError: The episodes of a training seed are others than those before.
    """
    for records in after:
        if [(r.route_id, r.seed) for r in records] != [(r.route_id, r.seed) for r in before]:
            raise ValueError("the evaluations were made on different episodes; use one evaluation seed for all of them")
    first, last = _table(before), np.stack([_table(records) for records in after])
    random = np.random.default_rng(seed)
    seeds = random.integers(len(last), size=(RESAMPLES, len(last)))
    episodes = random.integers(len(first), size=(RESAMPLES, len(first)))
    drawn_before = _measures(first[episodes])  # [N, M]
    drawn_after = np.stack([_measures(last[s][:, e]).mean(axis=0) for s, e in zip(seeds, episodes, strict=True)])
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(drawn_after - drawn_before, [tail, 100.0 - tail], axis=0)
    after_low, after_high = np.percentile(drawn_after, [tail, 100.0 - tail], axis=0)
    measured_before, measured_after = _measures(first), _measures(last)
    return {
        name: Change(
            before=float(measured_before[i]),
            after=float(measured_after[:, i].mean()),
            low=float(low[i]),
            high=float(high[i]),
            after_low=float(after_low[i]),
            after_high=float(after_high[i]),
            per_seed=tuple(map(float, measured_after[:, i])),
        )
        for i, name in enumerate(MEASURES)
    }


MEASURES = ("driving_score", "success_rate", "route_completion", "infraction_score", "infractions_per_km")


def _table(records: Sequence[EpisodeRecord]) -> np.ndarray:
    """[E, 6]: what the measures are computed from."""
    return np.array(
        [
            (r.driving_score, 100.0 * r.success, r.route_completion, r.infraction_score, len(r.infractions), r.driven_m)
            for r in records
        ]
    )


def _measures(table: np.ndarray) -> np.ndarray:
    """[..., 5] from [..., E, 6]."""
    kilometres = table[..., 5].sum(axis=-1) / 1000.0
    per_km = table[..., 4].sum(axis=-1) / np.maximum(kilometres, 1e-9)
    return np.concatenate([table[..., :4].mean(axis=-2), per_km[..., None]], axis=-1)
