"""CRAFT Eqs. 50-51: the corrective advantage from executed rewards."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from craft.algorithm import NotFiniteError, corrective_advantage, discounted_return

steps = st.lists(st.tuples(st.floats(-10, 1, width=32), st.booleans()), min_size=0, max_size=20)


def test_hand_calculation():
    # gamma 0.8; from the end: G_3 = -5; G_2 = 0 + 0.8 * -5 = -4; G_1 = -2 + 0.8 * -4 = -5.2; G_0 = 0.8 * -5.2 = -4.16
    reward, done = torch.tensor([0.0, -2.0, 0.0, -5.0]), torch.tensor([False, False, False, True])
    torch.testing.assert_close(discounted_return(reward, done, 0.8), torch.tensor([-4.16, -5.2, -4.0, -5.0]))
    # over 8: -0.52, -0.65, -0.5, -0.625; the second is cut off at -0.6, so is the last
    torch.testing.assert_close(
        corrective_advantage(reward, done, 0.8, 8.0, (-0.6, 0.6)), torch.tensor([-0.52, -0.6, -0.5, -0.6])
    )


def test_the_return_restarts_after_a_done_step():
    # the collision of the second episode (step 3) is not charged to the first one (steps 0, 1)
    reward = torch.tensor([0.0, 0.0, 0.0, -5.0])
    done = torch.tensor([False, True, False, True])
    torch.testing.assert_close(discounted_return(reward, done, 0.8), torch.tensor([0.0, 0.0, -4.0, -5.0]))


def test_nothing_follows_the_last_step_even_where_it_is_not_done():
    torch.testing.assert_close(
        discounted_return(torch.tensor([-1.0]), torch.tensor([False]), 0.8), torch.tensor([-1.0])
    )


def test_constant_reward_is_a_geometric_series():
    # G_0 = -(1 - gamma^n) / (1 - gamma)
    n, gamma = 30, 0.8
    returns = discounted_return(-torch.ones(n), torch.zeros(n, dtype=torch.bool), gamma)
    assert returns[0].item() == pytest.approx(-(1 - gamma**n) / (1 - gamma), rel=1e-6)


@given(steps, st.floats(0.0, 1.0))
@settings(max_examples=80, deadline=None)
def test_agrees_with_the_definition_as_a_double_sum(rows, gamma):
    reward = torch.tensor([r for r, _ in rows], dtype=torch.float64)
    done = torch.tensor([d for _, d in rows], dtype=torch.bool)
    expected = []
    for t in range(len(rows)):
        total, weight = 0.0, 1.0
        for r, d in rows[t:]:
            total += weight * r
            weight *= gamma
            if d:
                break
        expected.append(total)
    torch.testing.assert_close(
        discounted_return(reward, done, gamma), torch.tensor(expected, dtype=torch.float64), atol=1e-9, rtol=1e-9
    )


@given(steps)
@settings(max_examples=50, deadline=None)
def test_stays_within_the_bounds(rows):
    advantage = corrective_advantage(
        torch.tensor([r for r, _ in rows], dtype=torch.float32),
        torch.tensor([d for _, d in rows], dtype=torch.bool),
        0.8,
        0.5,
        (-3.0, 1.0),
    )
    assert ((advantage >= -3.0) & (advantage <= 1.0)).all()


NONE_DONE = torch.zeros(2, dtype=torch.bool)


@pytest.mark.parametrize(
    ("reward", "done", "gamma", "scale", "bounds", "message"),
    [
        (torch.zeros(2, 1), NONE_DONE, 0.8, 8.0, (-3, 3), "reward has shape"),
        (torch.zeros(2), NONE_DONE[:1], 0.8, 8.0, (-3, 3), r"done has shape \[1\], expected \[2\]"),
        (torch.zeros(2), torch.zeros(2), 0.8, 8.0, (-3, 3), "done is torch.float32"),
        (torch.zeros(2), NONE_DONE, 1.5, 8.0, (-3, 3), "gamma is 1.5"),
        (torch.zeros(2), NONE_DONE, 0.8, 0.0, (-3, 3), "scale is 0.0"),
        (torch.zeros(2), NONE_DONE, 0.8, 8.0, (1, 3), "bounds are"),
    ],
)
def test_refused_input_is_named(reward, done, gamma, scale, bounds, message):
    with pytest.raises(ValueError, match=message):
        corrective_advantage(reward, done, gamma, scale, bounds)


def test_a_reward_that_is_not_finite_is_refused():
    with pytest.raises(NotFiniteError, match="reward has 1 entries that are not finite, the first one nan at 1"):
        corrective_advantage(torch.tensor([0.0, float("nan")]), NONE_DONE, 0.8, 8.0, (-3, 3))
