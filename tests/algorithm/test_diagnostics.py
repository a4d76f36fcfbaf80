"""Alignment of the proxy (Prop. 3.2) and steadiness."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from craft.algorithm import NotFiniteError, coefficient_of_variation, optimal_coefficient, proxy_alignment

pairs = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=20)


def slow_ranks(values):
    """Mean of the places that the equal values share in the sorted series."""
    return [
        sum(place for place, other in enumerate(sorted(values), start=1) if other == value) / values.count(value)
        for value in values
    ]


def test_optimal_coefficient_by_hand():
    # C = 0, 1, 2: deviations -1, 0, 1, Var 2/3; Y = 1, 1, 4: deviations -1, -1, 2, Cov (1 + 0 + 2) / 3 = 1
    assert optimal_coefficient(torch.tensor([1.0, 1.0, 4.0]), torch.tensor([0.0, 1.0, 2.0])) == pytest.approx(1.5)


@given(pairs, st.floats(-3, 3))
@settings(max_examples=80, deadline=None)
def test_proposition_32_no_other_coefficient_leaves_less_variance(rows, alpha):
    y, c = (torch.tensor(column, dtype=torch.float64) for column in zip(*rows, strict=True))
    best = optimal_coefficient(y, c)
    if math.isnan(best):
        assert (c == c[0]).all()
        return
    variance = lambda a: (y - a * c).var(correction=0).item()  # noqa: E731
    assert variance(best) <= variance(alpha) + 1e-9
    # Var[Y - C] < Var[Y] exactly where Cov > Var[C] / 2, that is alpha* > 1/2
    if abs(best - 0.5) > 1e-9:
        assert (variance(1.0) < variance(0.0)) == (best > 0.5)


@given(pairs)
@settings(max_examples=80, deadline=None)
def test_correlations_agree_with_numpy_and_slow_ranks(rows):
    proxy, executed = (list(map(float, column)) for column in zip(*rows, strict=True))
    alignment = proxy_alignment(torch.tensor(proxy), torch.tensor(executed))
    if len(set(proxy)) == 1 or len(set(executed)) == 1:
        assert math.isnan(alignment.pearson) and math.isnan(alignment.spearman)
        return
    assert alignment.pearson == pytest.approx(np.corrcoef(proxy, executed)[0, 1], abs=1e-9)
    ranks = np.corrcoef(slow_ranks(proxy), slow_ranks(executed))[0, 1]
    assert alignment.spearman == pytest.approx(ranks, abs=1e-9)


def test_a_monotone_but_crooked_relation_has_full_rank_correlation():
    proxy = torch.tensor([0.0, 1.0, 2.0, 3.0])
    alignment = proxy_alignment(proxy, proxy.exp())
    assert alignment.spearman == pytest.approx(1.0)
    assert 0.8 < alignment.pearson < 0.95
    assert proxy_alignment(proxy, -proxy.exp()).spearman == pytest.approx(-1.0)


def test_coefficient_of_variation_by_hand():
    # 1, 3: mean 2, population std 1
    assert coefficient_of_variation([1.0, 3.0]) == pytest.approx(0.5)
    assert coefficient_of_variation([-1.0, -3.0]) == pytest.approx(0.5)
    assert math.isnan(coefficient_of_variation([4.0]))
    assert math.isnan(coefficient_of_variation([1.0, -1.0]))


def test_refused_input_is_named():
    with pytest.raises(ValueError, match=r"executed has shape \[2\], expected \[1\]"):
        proxy_alignment(torch.zeros(1), torch.zeros(2))
    with pytest.raises(NotFiniteError, match="executed"):
        proxy_alignment(torch.zeros(1), torch.tensor([float("nan")]))
