"""CRAFT Eqs. 38-39: the advantage of a candidate within its group."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from craft.algorithm import NotFiniteError, group_advantage

NAN, INF = float("nan"), float("inf")


def slow_group_advantage(returns, valid, sigma_min):
    """The same in plain Python numbers, one candidate after the other."""
    out = []
    for row, mask in zip(returns, valid, strict=True):
        group = [r for r, m in zip(row, mask, strict=True) if m]
        if len(group) < 2:
            out.append([0.0] * len(row))
            continue
        mean = math.fsum(group) / len(group)
        std = math.sqrt(math.fsum((r - mean) ** 2 for r in group) / len(group))
        out.append([(r - mean) / max(std, sigma_min) if m else 0.0 for r, m in zip(row, mask, strict=True)])
    return out


groups = st.integers(1, 6).flatmap(
    lambda g: st.lists(
        st.lists(st.tuples(st.floats(-100, 100, width=32), st.booleans()), min_size=g, max_size=g),
        min_size=1,
        max_size=4,
    )
)


def test_hand_calculation():
    # R = 10, 20, 30, 40: mean 25, population variance (225 + 25 + 25 + 225) / 4 = 125, std 11.1803
    # A = -15, -5, 5, 15 over 11.1803 = -1.3416, -0.4472, 0.4472, 1.3416
    advantage = group_advantage(torch.tensor([[10.0, 20.0, 30.0, 40.0]]), torch.ones(1, 4, dtype=torch.bool), 5.0)
    torch.testing.assert_close(
        advantage, torch.tensor([[-1.341641, -0.4472136, 0.4472136, 1.341641]]), atol=1e-6, rtol=0
    )


def test_small_differences_are_divided_by_sigma_min():
    # R = 1, 3: std 1 < 5, so A = -1/5, 1/5
    advantage = group_advantage(torch.tensor([[1.0, 3.0]]), torch.ones(1, 2, dtype=torch.bool), 5.0)
    torch.testing.assert_close(advantage, torch.tensor([[-0.2, 0.2]]))


def test_masked_entries_count_neither_in_the_mean_nor_in_the_deviation():
    # valid 2 and 6: mean 4, std 2
    returns = torch.tensor([[2.0, NAN, 6.0, INF]])
    valid = torch.tensor([[True, False, True, False]])
    torch.testing.assert_close(group_advantage(returns, valid, 1.0), torch.tensor([[-1.0, 0.0, 1.0, 0.0]]))


@pytest.mark.parametrize("valid", [[False, True, False], [False, False, False]])
def test_groups_without_a_comparison_have_no_advantage(valid):
    advantage = group_advantage(torch.tensor([[7.0, 1e6, -3.0]]), torch.tensor([valid]), 1e-3)
    assert advantage.tolist() == [[0.0, 0.0, 0.0]]


@given(groups, st.floats(0.01, 10.0))
@settings(max_examples=80, deadline=None)
def test_agrees_with_a_slow_loop(rows, sigma_min):
    returns = [[r for r, _ in row] for row in rows]
    valid = [[v for _, v in row] for row in rows]
    fast = group_advantage(torch.tensor(returns), torch.tensor(valid), sigma_min)
    # fp32 of returns up to 100 resolves 1e-5; a small sigma_min magnifies that
    torch.testing.assert_close(
        fast, torch.tensor(slow_group_advantage(returns, valid, sigma_min)), atol=1e-4 / sigma_min, rtol=1e-4
    )


@given(groups, st.floats(-50, 50))
@settings(max_examples=50, deadline=None)
def test_centred_bounded_and_independent_of_an_offset(rows, offset):
    returns = torch.tensor([[r for r, _ in row] for row in rows], dtype=torch.float64)
    valid = torch.tensor([[v for _, v in row] for row in rows])
    advantage = group_advantage(returns, valid, 5.0)
    assert advantage.sum(dim=1).abs().max() < 1e-9
    # the largest standard score of n numbers is sqrt(n - 1)
    assert (advantage.abs().amax(dim=1) <= (valid.sum(dim=1) - 1).clamp(min=0).double().sqrt() + 1e-9).all()
    torch.testing.assert_close(group_advantage(returns + offset, valid, 5.0), advantage, atol=1e-9, rtol=0)


def test_a_large_common_offset_does_not_drown_the_differences():
    # fp32 has 0.0078 between neighbours at 1e5: 100000, 100008 stay -1, 1
    returns = torch.tensor([[100_000.0, 100_008.0]])
    torch.testing.assert_close(
        group_advantage(returns, torch.ones(1, 2, dtype=torch.bool), 1.0), torch.tensor([[-1.0, 1.0]])
    )


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_a_valid_return_that_is_not_finite_is_refused_by_name(bad):
    returns = torch.tensor([[1.0, 2.0], [3.0, bad]])
    with pytest.raises(NotFiniteError, match=r"returns has 1 valid entries that are not finite.*state 1, candidate 1"):
        group_advantage(returns, torch.ones(2, 2, dtype=torch.bool), 5.0)


@pytest.mark.parametrize(
    ("returns", "valid", "sigma_min", "message"),
    [
        (torch.zeros(2, 3), torch.ones(2, 4, dtype=torch.bool), 5.0, r"valid has shape \[2, 4\], expected \[2, 3\]"),
        (torch.zeros(3), torch.ones(3, dtype=torch.bool), 5.0, r"returns has shape \[3\], expected \[B, G\]"),
        (torch.zeros(2, 3), torch.ones(2, 3), 5.0, "valid is torch.float32, expected torch.bool"),
        (torch.zeros(2, 3).long(), torch.ones(2, 3, dtype=torch.bool), 5.0, "returns is torch.int64"),
        (torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool), 0.0, "sigma_min is 0.0"),
        (torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool), NAN, "sigma_min is nan"),
    ],
)
def test_refused_input_is_named(returns, valid, sigma_min, message):
    with pytest.raises(ValueError, match=message):
        group_advantage(returns, valid, sigma_min)
