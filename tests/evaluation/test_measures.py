"""Measures of an evaluation by hand, and their intervals."""

import numpy as np
import pytest

from craft.evaluation.measures import EpisodeMeasures, evaluate_measures


def episode(route, score=100.0, success=True, scenario="T_Junction", efficiency=None, comfort=None, **others):
    given = {"route_completion": 100.0, "infraction_score": 1.0, "infractions": 0, "driven_km": 0.1} | others
    return EpisodeMeasures(
        route=route,
        scenario=scenario,
        driving_score=score,
        success=success,
        efficiency=efficiency,
        comfort=comfort,
        **given,
    )


def test_by_hand():
    measures = evaluate_measures(
        [
            episode("a", efficiency=80.0, comfort=0.5),
            episode("b", 60.0, False, "VehicleTurningRoute", infractions=2, infraction_score=0.6, comfort=0.25),
            episode(
                "c", 0.0, False, "ParkedObstacle", route_completion=0.0, driven_km=0.0
            ),  # crashed, and still counted
            episode("d", 100.0, True, "ParkedObstacle", efficiency=120.0),
        ]
    )
    values = {name: measure.value for name, measure in measures.items()}
    assert values == pytest.approx(
        {
            "driving_score": 65.0,
            "route_completion": 75.0,
            "infraction_score": 0.9,
            "success_rate": 50.0,
            "infractions_per_km": 2 / 0.3,
            "Overtaking": 50.0,
            "Emergency_Brake": 0.0,
            "Traffic_Signs": 50.0,
            "ability_mean": 100.0 / 3.0,
            "efficiency": 100.0,
            "comfort": 37.5,
        }
    )
    assert {name: measures[name].episodes for name in ("driving_score", "Overtaking", "Traffic_Signs")} == {
        "driving_score": 4,
        "Overtaking": 2,
        "Traffic_Signs": 2,
    }
    assert (measures["efficiency"].episodes, measures["ability_mean"].episodes) == (2, 4)


def test_an_interval_matches_the_normal_approximation():
    random = np.random.default_rng(0)
    episodes = [episode(str(k), score) for k, score in enumerate(random.uniform(0.0, 100.0, 400))]
    measure = evaluate_measures(episodes)["driving_score"]
    scores = np.array([e.driving_score for e in episodes])
    half = 1.96 * scores.std() / np.sqrt(len(scores))
    assert (measure.low, measure.high) == pytest.approx((scores.mean() - half, scores.mean() + half), abs=0.4)


def test_repeating_the_same_routes_does_not_narrow_the_interval():
    """Four equal repetitions of twenty routes know no more than the twenty; eighty routes do."""
    scores = np.linspace(0.0, 95.0, 20)
    once = evaluate_measures([episode(f"r{k}", s) for k, s in enumerate(scores)])["driving_score"]
    again = evaluate_measures([episode(f"r{k}", s) for _ in range(4) for k, s in enumerate(scores)])["driving_score"]
    others = [episode(f"r{k}-{n}", s) for n in range(4) for k, s in enumerate(scores)]
    more = evaluate_measures(others)["driving_score"]
    assert again.high - again.low == pytest.approx(once.high - once.low)
    assert more.high - more.low == pytest.approx(0.5 * (once.high - once.low), rel=0.1)


def test_equal_seeds_give_equal_intervals():
    episodes = [episode(str(k), float(k)) for k in range(30)]
    assert evaluate_measures(episodes, 1) == evaluate_measures(episodes, 1) != evaluate_measures(episodes, 2)


def test_what_was_not_measured_is_left_out():
    measures = evaluate_measures([episode("a", scenario="of my own", driven_km=0.0)])
    assert list(measures) == ["driving_score", "route_completion", "infraction_score", "success_rate"]
    with pytest.raises(ValueError, match="no episodes"):
        evaluate_measures([])
