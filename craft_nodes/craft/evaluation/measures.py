"""Bench2Drive's measures of an evaluation, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from craft.evaluation.abilities import ABILITIES, ABILITY_NAMES
from craft.evaluation.bench2drive_record import is_success, scored_infractions, speed_percentages_of
from craft.evaluation.comfort import comfort, motion_of
from craft.evaluation.efficiency import route_efficiency
from craft.evaluation.quirks import Quirks

RESAMPLES = 2000  # of the bootstrap
CONFIDENCE = 0.95
ABILITY_MEAN = "ability_mean"
ORDER = (
    "driving_score",
    "route_completion",
    "infraction_score",
    "success_rate",
    "infractions_per_km",
    *ABILITY_NAMES,
    ABILITY_MEAN,
    "efficiency",
    "comfort",
)


@dataclass(frozen=True)
class EpisodeMeasures:
    """What one episode adds to the measures.

    Attributes:
        route: Episodes on one route belong together.
        scenario: Scenario type.
        driving_score, route_completion: [%].
        infraction_score: 0..1.
        success: Driven to the end without an infraction.
        infractions: Number of those that lower the score.
        driven_km: Along the route [km].
        efficiency: Mean of the speed checkpoints [%]; None without any.
        comfort: Share of comfortable chunks, 0..1; None if too short.
    """

    route: str
    scenario: str
    driving_score: float
    route_completion: float
    infraction_score: float
    success: bool
    infractions: int
    driven_km: float
    efficiency: float | None
    comfort: float | None


@dataclass(frozen=True)
class Measure:
    """One figure.

    Attributes:
        value: The figure itself.
        low, high: 95 % interval over routes: what other routes of the kind would give.
        same_low, same_high: 95 % interval over seeds: what the same routes would give again; None where a route was
            driven only once.
        episodes: Number of episodes that it is made from.
    """

    value: float
    low: float
    high: float
    same_low: float | None
    same_high: float | None
    episodes: int


def measures_of(
    record: Mapping[str, Any], metric_info: Mapping[str, Any], quirks: Quirks = Quirks.NONE
) -> EpisodeMeasures:
    """What a record of a results file and its metric_info tell.

    Args:
        record: Of a results file in Bench2Drive's layout.
        metric_info: Content of the route's metric_info.json; empty for a route that crashed.
        quirks: See `comfort`.
    """
    scores = record["scores"]
    return EpisodeMeasures(
        route=record["route_id"].rsplit("_rep", 1)[0],
        scenario=_scenario(record["scenario_name"]),
        driving_score=scores["score_composed"],
        route_completion=scores["score_route"],
        infraction_score=scores["score_penalty"],
        success=is_success(record),
        infractions=scored_infractions(record),
        driven_km=record["meta"]["route_length"] / 1000.0 * scores["score_route"] / 100.0,
        efficiency=route_efficiency(speed_percentages_of(record)),
        comfort=comfort(motion_of(metric_info), quirks) if metric_info else None,
    )


def _scenario(name: str) -> str:
    """The scenario's type: Bench2Drive numbers the scenarios of a route (ParkedObstacle_1)."""
    head, _, tail = name.rpartition("_")
    return head if tail.isdigit() else name


def evaluate_measures(episodes: Sequence[EpisodeMeasures], seed: int = 0) -> dict[str, Measure]:
    """All measures, with intervals from two bootstraps.

    Over routes: repetitions of a route are alike, so a route is drawn with all of its episodes. Over seeds: of each
    route as many episodes are drawn as it has, less one, which gives the mean its true variance.

    An ability is the success rate on the scenario types that test it; the mean is that of the abilities tested. A
    measure that nothing was measured for is left out.

    Args:
        episodes: All that were begun, crashed ones included.
        seed: Of the bootstrap.

    Returns:
        driving_score, route_completion, success_rate [%], infraction_score [0..1], infractions_per_km [1/km], the
        abilities and ability_mean [%], efficiency [%], comfort [%].

    Raises:
        ValueError: There are no episodes.
    """
    if not episodes:
        raise ValueError("no episodes to measure; the evaluation drove none")
    ratios = _ratios(episodes)  # every measure is a sum over the episodes by another
    names = list(ratios)
    top = np.stack([ratios[name][0] for name in names], axis=1)  # [E, M]
    bottom = np.stack([ratios[name][1] for name in names], axis=1)
    tested = [i for i, name in enumerate(names) if name in ABILITY_NAMES]
    counts = (bottom > 0.0).sum(axis=0)
    if tested:
        names.append(ABILITY_MEAN)
        counts = np.append(counts, (bottom[:, tested] > 0.0).any(axis=1).sum())

    def measure(times: np.ndarray) -> np.ndarray:  # [R, E] -> [R, M]; NaN where nothing was drawn
        known = times @ bottom
        found = np.divide(times @ top, known, out=np.full_like(known, np.nan), where=known > 0.0)
        return np.column_stack([found, _mean_of_known(found[:, tested])]) if tested else found

    def interval(times: np.ndarray | None) -> list[list[float | None]]:  # [M][2]
        if times is None:
            return [[None, None]] * len(names)
        tail = 50.0 * (1.0 - CONFIDENCE)
        return np.nanpercentile(measure(times), [tail, 100.0 - tail], axis=0).T.tolist()

    (values,) = measure(np.ones((1, len(episodes)))).tolist()
    routes = np.unique([episode.route for episode in episodes], return_inverse=True)[1]
    over_routes, over_seeds = interval(_draw_routes(routes, seed)), interval(_draw_episodes(routes, seed))
    measures = {
        name: Measure(values[i], *over_routes[i], *over_seeds[i], int(counts[i])) for i, name in enumerate(names)
    }
    return {name: measures[name] for name in ORDER if name in measures}


def _ratios(episodes: Sequence[EpisodeMeasures]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Measure -> numerators [E] and denominators [E], without those whose denominators are all zero."""
    ones = np.ones(len(episodes))
    success = np.array([100.0 * e.success for e in episodes])
    ratios = {
        "driving_score": (np.array([e.driving_score for e in episodes]), ones),
        "route_completion": (np.array([e.route_completion for e in episodes]), ones),
        "infraction_score": (np.array([e.infraction_score for e in episodes]), ones),
        "success_rate": (success, ones),
        "infractions_per_km": (
            np.array([float(e.infractions) for e in episodes]),
            np.array([e.driven_km for e in episodes]),
        ),
    }
    for name in ABILITY_NAMES:
        tests = np.array([float(name in ABILITIES.get(e.scenario, ())) for e in episodes])
        ratios[name] = success * tests, tests
    for name, scale in (("efficiency", 1.0), ("comfort", 100.0)):
        known = np.array([getattr(e, name) is not None for e in episodes], float)
        ratios[name] = np.array([scale * (getattr(e, name) or 0.0) for e in episodes]), known
    return {name: ratio for name, ratio in ratios.items() if ratio[1].any()}


def _draw_routes(route: np.ndarray, seed: int) -> np.ndarray:
    """How often each episode counts when routes are drawn: float64 [RESAMPLES, E]; `route`: number of its route [E]."""
    count = int(route.max()) + 1
    drawn = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    times = np.zeros((RESAMPLES, count))
    np.add.at(times, (np.arange(RESAMPLES)[:, None], drawn), 1.0)
    return times[:, route]


def _draw_episodes(route: np.ndarray, seed: int) -> np.ndarray | None:
    """The same when episodes are drawn within each route; None where a route has but one."""
    if np.bincount(route).min() < 2:
        return None
    random, times = np.random.default_rng([seed, 1]), np.zeros((RESAMPLES, len(route)))
    for number in range(route.max() + 1):
        own = np.flatnonzero(route == number)
        drawn = own[random.integers(len(own), size=(RESAMPLES, len(own) - 1))]
        np.add.at(times, (np.arange(RESAMPLES)[:, None], drawn), len(own) / (len(own) - 1))
    return times


def _mean_of_known(table: np.ndarray) -> np.ndarray:
    """Mean over the columns [R, K] -> [R] without those that are NaN; NaN where all are."""
    known = np.isfinite(table)
    with np.errstate(invalid="ignore"):
        return np.where(known, table, 0.0).sum(axis=1) / known.sum(axis=1)
