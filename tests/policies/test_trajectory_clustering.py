"""Clustering: separable clusters are found, entries were really driven, and equal seeds give equal vocabularies."""

import numpy as np
import pytest

from craft.policies.vocabulary import build_vocabulary
from craft.policies.vocabulary.clustering import kmeans, squared_distances
from small_vocabulary import arcs


def test_separable_clusters_are_recovered():
    rng = np.random.default_rng(0)
    means = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    label = rng.integers(0, 4, 400)
    points = means[label] + rng.normal(0.0, 0.3, (400, 2))
    centres, assigned = kmeans(points, 4, np.random.default_rng(1))
    # Each true cluster is one found cluster, and its centre is the mean of its points.
    for cluster in range(4):
        members = label == cluster
        assert len(set(assigned[members])) == 1
        np.testing.assert_allclose(centres[assigned[members][0]], points[members].mean(0), atol=1e-9)
    assert len(set(assigned)) == 4


def test_lloyd_ends_at_a_fixed_point():
    rng = np.random.default_rng(3)
    points = rng.normal(size=(300, 2))
    centres, assigned = kmeans(points, 5, rng)
    assert (squared_distances(points, centres).argmin(1) == assigned).all()
    for cluster in range(5):
        np.testing.assert_allclose(centres[cluster], points[assigned == cluster].mean(0), atol=1e-9)


def test_squared_distances_by_hand():
    distances = squared_distances(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0], [3.0, 0.0]]))
    np.testing.assert_allclose(distances, [[0.0, 9.0], [25.0, 16.0]], atol=1e-12)


@pytest.fixture(scope="module")
def driven():
    rng = np.random.default_rng(5)
    standing = np.zeros((50, 6, 3), np.float32)
    return np.concatenate([standing, arcs(rng.uniform(0.5, 12.0, 60), rng.uniform(-0.05, 0.05, 10))])


def test_entries_were_driven_and_the_first_one_stands(driven):
    vocabulary = build_vocabulary(driven, 32, seed=0)
    assert vocabulary.shape == (32, 6, 3) and vocabulary.dtype == np.float32
    assert not vocabulary[0].any()
    rows = {future.tobytes() for future in driven}
    assert all(entry.tobytes() in rows for entry in vocabulary)
    assert len({entry.tobytes() for entry in vocabulary}) == 32
    length = np.linalg.norm(np.diff(vocabulary[..., :2], axis=1, prepend=0.0), axis=-1).sum(1)
    assert (np.diff(length) >= 0.0).all()


def test_equal_seeds_give_equal_vocabularies(driven):
    assert np.array_equal(build_vocabulary(driven, 16, seed=1), build_vocabulary(driven, 16, seed=1))
    assert not np.array_equal(build_vocabulary(driven, 16, seed=1), build_vocabulary(driven, 16, seed=2))


def test_as_many_entries_as_different_futures_is_possible_and_more_is_refused():
    few = np.repeat(arcs(), 4, axis=0)  # 12 different ones, 3 of them standing
    vocabulary = build_vocabulary(few, 10, seed=0)
    wanted = [np.zeros((6, 3), np.float32), *arcs()[3:]]
    assert {entry.tobytes() for entry in vocabulary} == {entry.tobytes() for entry in wanted}
    with pytest.raises(ValueError, match="9 different expert futures do not make a vocabulary of 11.*craft collect"):
        build_vocabulary(few, 11, seed=0)


def test_futures_that_are_not_finite_are_refused(driven):
    broken = driven.copy()
    broken[3, 2, 1] = np.nan
    with pytest.raises(ValueError, match="1 values that are not finite"):
        build_vocabulary(broken, 8, seed=0)
