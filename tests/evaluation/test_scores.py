"""Driving scores against hand calculations."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from craft.evaluation import ABILITIES, ABILITY_NAMES, aggregate, comparison_markdown, comparison_table, score_episode
from craft.events import EpisodeRecord, EventKind

WALKER, VEHICLE, LAYOUT = EventKind.COLLISION_PEDESTRIAN, EventKind.COLLISION_VEHICLE, EventKind.COLLISION_LAYOUT
RED, STOP, OFF_ROAD = EventKind.RED_LIGHT, EventKind.STOP_SIGN, EventKind.OFF_ROAD


def record(number=1, infractions=(), status="Completed", completion=100.0, driven=200.0, scenario="", outside=0.0):
    score = score_episode(status, completion, infractions, outside)
    return EpisodeRecord(
        episode=number,
        status=status,
        route_completion=completion,
        infraction_score=score.infraction_score,
        driving_score=score.driving_score,
        success=score.success,
        driven_m=driven,
        duration_s=20.0,
        truncated=False,
        infractions=tuple(infractions),
        events=tuple(infractions),
        outside_percentage=outside,
        scenario=scenario,
        route_id=f"route-{number}",
    )


@pytest.mark.parametrize(
    ("infractions", "penalty"),
    [
        ([], 1.0),
        ([WALKER], 0.5),
        ([VEHICLE], 0.6),
        ([LAYOUT], 0.65),
        ([RED], 0.7),
        ([STOP], 0.8),
        ([VEHICLE, RED, RED], 0.294),  # 0.6 x 0.7 x 0.7
        ([WALKER, VEHICLE, LAYOUT, RED, STOP], 0.1092),  # 0.5 x 0.6 x 0.65 x 0.7 x 0.8
        ([OFF_ROAD, EventKind.OFF_ROUTE], 1.0),  # no factor of their own
    ],
)
def test_factors_multiply(infractions, penalty):
    score = score_episode("Completed", 80.0, infractions, 0.0)
    assert score.infraction_score == pytest.approx(penalty)
    assert score.driving_score == pytest.approx(80.0 * penalty)


def test_distance_outside_the_lanes_is_a_factor():
    score = score_episode("Completed", 100.0, [RED], 25.0)
    assert score.driving_score == pytest.approx(100.0 * 0.7 * 0.75)


@pytest.mark.parametrize(
    ("status", "infractions", "outside", "success"),
    [
        ("Completed", [], 0.0, True),
        ("Perfect", [], 0.0, True),
        ("Completed", [STOP], 0.0, False),
        ("Completed", [], 0.1, False),
        ("Failed - Agent got blocked", [], 0.0, False),
    ],
)
def test_success_is_completion_without_any_infraction(status, infractions, outside, success):
    assert score_episode(status, 100.0, infractions, outside).success is success


@pytest.mark.parametrize("bad", [-1.0, 101.0, float("nan")])
def test_percentages_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="route_completion"):
        score_episode("Completed", bad, [], 0.0)
    with pytest.raises(ValueError, match="outside_percentage"):
        score_episode("Completed", 100.0, [], bad)


def test_aggregate_by_hand():
    scores = aggregate(
        [
            record(1, scenario="ParkedObstacle"),  # 100
            record(2, [RED, STOP], scenario="T_Junction", driven=300.0),  # 56
            record(3, [VEHICLE], "Failed - Agent got blocked", 50.0, driven=100.0, scenario="StaticCutIn"),  # 30
            record(4, status="Failed - Simulation crashed", completion=0.0, driven=0.0),  # 0, and still counted
        ]
    )
    assert scores.episodes == 4
    assert scores.driving_score == pytest.approx((100.0 + 56.0 + 30.0 + 0.0) / 4)
    assert scores.route_completion == pytest.approx(62.5)
    assert scores.infraction_score == pytest.approx((1.0 + 0.56 + 0.6 + 1.0) / 4)
    assert scores.success_rate == 25.0
    assert scores.driven_km == pytest.approx(0.6)
    assert scores.infractions_per_km == pytest.approx(3 / 0.6)
    assert scores.infractions == {"RED_LIGHT": 1, "STOP_SIGN": 1, "COLLISION_VEHICLE": 1}
    assert scores.failed == (
        (3, "route-3", "Failed - Agent got blocked"),
        (4, "route-4", "Failed - Simulation crashed"),
    )
    assert {name: score.driving_score for name, score in scores.abilities.items()} == pytest.approx(
        {"Overtaking": 100.0, "Traffic_Signs": 56.0, "Emergency_Brake": 30.0}
    )
    assert scores.abilities["Overtaking"].success_rate == 100.0


def test_a_scenario_counts_for_all_its_abilities():
    scores = aggregate([record(1, scenario="VehicleTurningRoute")])
    assert set(scores.abilities) == {"Emergency_Brake", "Traffic_Signs"}


def test_nothing_driven_gives_no_rate_of_infractions():
    assert aggregate([record(1, completion=0.0, driven=0.0)]).infractions_per_km == 0.0


def test_no_episodes_are_refused():
    with pytest.raises(ValueError, match="no episodes"):
        aggregate([])


def test_intervals_repeat_with_the_seed_and_match_the_normal_approximation():
    rng = np.random.default_rng(1)
    records = [
        record(k, [STOP] if rng.random() < 0.5 else [], completion=float(rng.uniform(40, 100))) for k in range(200)
    ]
    first, again, other = aggregate(records, 3), aggregate(records, 3), aggregate(records, 4)
    assert first.intervals == again.intervals != other.intervals
    values = np.array([r.driving_score for r in records])
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert first.intervals["driving_score"] == pytest.approx((values.mean() - half, values.mean() + half), abs=0.5)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.lists(st.sampled_from([WALKER, VEHICLE, RED, STOP]), max_size=4)),
        min_size=1,
        max_size=8,
    )
)
def test_scores_stay_in_their_ranges_and_inside_their_intervals_hull(rows):
    records = [record(k, infractions, completion=completion) for k, (completion, infractions) in enumerate(rows)]
    scores = aggregate(records)
    assert 0.0 <= scores.driving_score <= scores.route_completion + 1e-9 <= 100.0 + 1e-8
    low, high = scores.intervals["driving_score"]
    values = [r.driving_score for r in records]
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    # Order of the episodes does not matter to a mean.
    assert aggregate(records[::-1]).driving_score == pytest.approx(scores.driving_score)


def test_abilities_have_bench2drives_denominators():
    # bench2drive220: types per ability, with 5 routes each.
    counts = {name: sum(name in abilities for abilities in ABILITIES.values()) for name in ABILITY_NAMES}
    assert counts == {"Overtaking": 9, "Merging": 16, "Emergency_Brake": 12, "Give_Way": 2, "Traffic_Signs": 19}
    assert len(ABILITIES) == 44


def test_table_shows_both_sides_the_change_and_the_world():
    before = aggregate([record(1, [RED], scenario="T_Junction"), record(2, scenario="ParkedObstacle")])
    after = aggregate([record(1, scenario="T_Junction"), record(2, scenario="ParkedObstacle")])
    text = io.StringIO()
    Console(file=text, width=160).print(comparison_table(before, after, "carla_light"))
    markdown = comparison_markdown(before, after, "carla_light")
    for shown in (text.getvalue(), markdown):
        assert "carla_light" in shown and "85.0" in shown and "100.0" in shown and "+15.0" in shown
        # Before: 1 infraction on 0.4 km.
        assert "2.50" in shown and "-2.50" in shown
    columns = {line.count("|") for line in markdown.strip().splitlines()}
    assert columns == {5}
