"""Before and after over several training seeds."""

from dataclasses import replace

import numpy as np
import pytest

from craft.evaluation.comparison import compare
from craft.evaluation.records import read_records, write_records
from craft.events import EpisodeRecord, EventKind


def episode(number, driving_score, infractions=(), driven_m=100.0, seed=0):
    return EpisodeRecord(
        episode=number,
        status="Completed",
        route_completion=100.0,
        infraction_score=driving_score / 100.0,
        driving_score=driving_score,
        success=driving_score == 100.0,
        driven_m=driven_m,
        duration_s=20.0,
        truncated=False,
        infractions=infractions,
        events=infractions,
        scenario="ParkedObstacle",
        route_id=f"route-{number}",
        seed=seed,
    )


def test_by_hand():
    """Two episodes, two seeds.

    Before: (60 + 100) / 2 = 80, one infraction in 0.2 km = 5 / km, success 50 %.
    After: seed A (100 + 100) / 2 = 100, 0 / km; seed B (60 + 100) / 2 = 80, 5 / km. Mean 90 and 2.5 / km, success 75 %.
    """
    hit = (EventKind.COLLISION_VEHICLE,)
    before = [episode(1, 60.0, hit), episode(2, 100.0)]
    changes = compare(before, [[episode(1, 100.0), episode(2, 100.0)], before])
    assert changes["driving_score"].before == 80.0
    assert changes["driving_score"].after == 90.0
    assert changes["driving_score"].per_seed == (100.0, 80.0)
    assert changes["infractions_per_km"].before == pytest.approx(5.0)
    assert changes["infractions_per_km"].after == pytest.approx(2.5)
    assert changes["success_rate"].after == 75.0
    assert changes["driving_score"].low <= 10.0 <= changes["driving_score"].high
    # Both seeds drive the second episode with 100; of the first, no draw is below 60 or above 100.
    assert changes["driving_score"].after_low == 60.0
    assert changes["driving_score"].after_high == 100.0


def test_what_did_not_change_has_an_interval_of_nothing():
    """The same episodes are drawn before and after, so equal results differ by zero in every resample."""
    records = [episode(n, float(10 * n)) for n in range(1, 8)]
    changes = compare(records, [records, records, records])
    for change in changes.values():
        assert (change.low, change.high) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_a_constant_gain_has_no_width_and_a_noisy_one_covers_its_mean():
    before = [episode(n, 40.0) for n in range(20)]
    gained = [replace(r, driving_score=r.driving_score + 7.0) for r in before]
    change = compare(before, [gained, gained])["driving_score"]
    assert (change.low, change.high) == pytest.approx((7.0, 7.0))
    random = np.random.default_rng(0)
    noisy = [replace(r, driving_score=r.driving_score + 7.0 + random.normal(0, 5)) for r in before]
    change = compare(before, [noisy])["driving_score"]
    # The mean of 20 gains with standard deviation 5 has a standard error of 1.1: the interval is about 4.4 wide.
    assert change.low < change.after - change.before < change.high
    assert 2.5 < change.high - change.low < 6.5


def test_other_episodes_are_refused():
    with pytest.raises(ValueError, match="different episodes"):
        compare([episode(1, 50.0)], [[episode(1, 50.0, seed=1)]])


def test_records_survive_the_disk(tmp_path):
    records = [episode(1, 60.0, (EventKind.RED_LIGHT, EventKind.STOP_SIGN)), episode(2, 100.0)]
    write_records(tmp_path / "evaluations" / "before.jsonl", records)
    assert read_records(tmp_path / "evaluations" / "before.jsonl") == records


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "before.jsonl"
    write_records(path, [episode(1, 60.0), episode(2, 100.0)])
    path.write_text(path.read_text().replace('"episode": 2', '"nothing": 2'))
    with pytest.raises(ValueError, match="line 2: not an episode record"):
        read_records(path)
    with pytest.raises(ValueError, match="evaluate first"):
        read_records(tmp_path / "none.jsonl")
