"""Which route is driven when; and the steering mistakes of the collection."""

from itertools import islice

import numpy as np
import pytest

from craft.scene.timing import FRAME_DT_S
from craft.world.collect import CollectConfig, disturbance_of
from craft.world.disturbance import Disturbance, DisturbanceConfig
from craft.world.schedule import schedule

ROUTES = ["a", "b", "c", "d"]  # the schedule only passes them on


def first(n, seed, in_order):
    return list(islice(schedule(ROUTES, seed, in_order=in_order), n))


def test_evaluation_keeps_the_order_and_changes_the_seeds():
    drawn = first(8, seed=3, in_order=True)
    assert [route for route, _ in drawn] == ROUTES * 2
    assert len({seed for _, seed in drawn}) == 8


def test_training_drives_each_route_once_before_any_twice():
    drawn = [route for route, _ in first(12, seed=3, in_order=False)]
    for at in (0, 4, 8):
        assert sorted(drawn[at : at + 4]) == ROUTES
    assert drawn[:4] != drawn[4:8] or drawn[4:8] != drawn[8:]


@pytest.mark.parametrize("in_order", [False, True])
def test_a_function_of_the_seed_alone(in_order):
    assert first(10, 5, in_order) == first(10, 5, in_order)
    assert first(10, 5, in_order) != first(10, 6, in_order)


def test_an_empty_suite_is_refused():
    with pytest.raises(ValueError, match="list of routes is empty"):
        next(schedule([], 0, in_order=True))


def test_bursts_have_the_length_and_size_that_was_configured():
    config = DisturbanceConfig(mean_pause_s=1.0, duration_s=(0.3, 0.8), steer=(0.05, 0.25))
    disturbance = Disturbance(config, seed=0)
    offsets = np.array([disturbance(0.0) for _ in range(20_000)])
    edges = np.flatnonzero(np.diff(np.concatenate([[0.0], offsets, [0.0]])))
    starts, ends = edges[:-1], edges[1:]
    bursts = [(e - s, offsets[s]) for s, e in zip(starts, ends, strict=True) if offsets[s] != 0.0]
    lengths = np.array([n for n, _ in bursts[:-1]]) * FRAME_DT_S
    sizes = np.abs([size for _, size in bursts])
    assert len(bursts) > 300
    assert lengths.min() >= 0.3 - 0.026 and lengths.max() <= 0.8 + 0.026  # rounded to frames of 0.05 s
    assert sizes.min() >= 0.05 and sizes.max() <= 0.25
    assert abs(np.mean(np.sign([size for _, size in bursts]))) < 0.2  # both sides


def test_steering_stays_within_its_range_and_activity_is_reported():
    disturbance = Disturbance(DisturbanceConfig(mean_pause_s=0.1), seed=1)
    for _ in range(500):
        steer = disturbance(0.95)
        assert -1.0 <= steer <= 1.0
        assert disturbance.active == (steer != 0.95)


def test_every_other_episode_is_disturbed_and_none_if_asked():
    kinds = [disturbance_of(n, 7, CollectConfig(disturbed_share=0.5)) is not None for n in range(1, 9)]
    assert kinds == [False, True] * 4
    assert all(disturbance_of(n, 7, CollectConfig(disturbed_share=0.0)) is None for n in range(1, 9))
