"""Measures of an evaluation by hand, and their intervals."""

import io

import numpy as np
import pytest
from rich.console import Console

from craft.evaluation.measures import EpisodeMeasures, evaluate_measures
from craft.evaluation.measures_table import measures_table


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


def test_the_interval_over_seeds_knows_only_what_differs_within_a_route():
    """Two routes, 0 and 100 on the mean; each of their 16 episodes is 10 off it."""
    scores = {"easy": [90.0, 110.0] * 8, "hard": [-10.0, 10.0] * 8}
    episodes = [episode(route, score) for route, own in scores.items() for score in own]
    measure = evaluate_measures(episodes)["driving_score"]
    half = 1.96 * np.std(scores["easy"], ddof=1) / np.sqrt(32)
    assert (measure.same_low, measure.same_high) == pytest.approx((50.0 - half, 50.0 + half), abs=0.3)
    assert (measure.low, measure.high) == (0.0, 100.0), "other routes may all be easy, or all hard"
    once = evaluate_measures(episodes[:1] + episodes[16:])["driving_score"]
    assert once.same_low is once.same_high is None


def test_three_repetitions_are_not_taken_for_more_than_they_are():
    """The plain bootstrap of three values is too narrow by sqrt(2 / 3)."""
    random = np.random.default_rng(3)
    drawn = [
        evaluate_measures([episode(str(k // 3), s) for k, s in enumerate(random.normal(0.0, 10.0, 120))], n)[
            "driving_score"
        ]
        for n in range(12)
    ]
    width = np.mean([measure.same_high - measure.same_low for measure in drawn])
    assert width == pytest.approx(2 * 1.96 * 10.0 / np.sqrt(120), rel=0.1)


def test_the_table_shows_what_there_is():
    def shown(episodes):
        text = io.StringIO()
        Console(file=text, width=120).print(measures_table(evaluate_measures(episodes), "carla_light", len(episodes)))
        return text.getvalue()

    once = shown([episode("a", 40.0), episode("b", 60.0)])
    assert "carla_light" in once and "50.0" in once and "other routes" in once and "other seeds" not in once
    assert "other seeds" in shown([episode("a", 40.0), episode("a", 60.0)])


def test_equal_seeds_give_equal_intervals():
    episodes = [episode(str(k), float(k)) for k in range(30)]
    assert evaluate_measures(episodes, 1) == evaluate_measures(episodes, 1) != evaluate_measures(episodes, 2)


def test_what_was_not_measured_is_left_out():
    measures = evaluate_measures([episode("a", scenario="of my own", driven_km=0.0)])
    assert list(measures) == ["driving_score", "route_completion", "infraction_score", "success_rate"]
    with pytest.raises(ValueError, match="no episodes"):
        evaluate_measures([])
