"""CRAFT Eqs. 8-9, 52-53: the clipped ratio and its dual clip."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from craft.algorithm import NotFiniteError, grounded_loss, grounded_utility

EPS, C = 0.2, 2.0

# ratio, advantage -> utility, clipped, dual clipped, gradient flows
CASES = [
    (1.0, 1.0, 1.0, False, False, True),  # nothing to clip
    (1.1, 1.0, 1.1, False, False, True),
    (1.5, 1.0, 1.2, True, False, False),  # min(1.5, 1.2)
    (0.5, 1.0, 0.5, False, False, True),  # min(0.5, 0.8): the policy may come back
    (1.1, -1.0, -1.1, False, False, True),
    (0.5, -1.0, -0.8, True, False, False),  # min(-0.5, -0.8)
    (1.5, -1.0, -1.5, False, False, True),  # min(-1.5, -1.2), above -2
    (3.0, -1.0, -2.0, False, True, False),  # min(-3, -1.2) = -3, cut off at c A = -2
    (3.0, 0.0, 0.0, False, False, True),
]


@pytest.mark.parametrize(("ratio", "advantage", "utility", "clipped", "dual", "flows"), CASES)
def test_hand_cases(ratio, advantage, utility, clipped, dual, flows):
    log_prob = torch.tensor([math.log(ratio) - 3.0], requires_grad=True)
    result = grounded_utility(log_prob, torch.tensor([-3.0]), torch.tensor([advantage]), EPS, C)
    assert result.utility.item() == pytest.approx(utility, abs=1e-6)
    assert result.ratio.item() == pytest.approx(ratio, rel=1e-6)
    assert (result.clipped.item(), result.dual_clipped.item()) == (clipped, dual)
    grounded_loss(log_prob, torch.tensor([-3.0]), torch.tensor([advantage]), EPS, C).backward()
    # d(-rho A)/d log pi = -rho A wherever no clip decides
    assert log_prob.grad.item() == pytest.approx(-ratio * advantage if flows else 0.0, rel=1e-6)


def test_the_loss_is_the_mean_of_all_hand_cases():
    ratio = torch.tensor([case[0] for case in CASES])
    advantage = torch.tensor([case[1] for case in CASES])
    expected = -sum(case[2] for case in CASES) / len(CASES)
    loss = grounded_loss(ratio.log() - 1.0, torch.full_like(ratio, -1.0), advantage, EPS, C)
    assert loss.item() == pytest.approx(expected, rel=1e-6)


log_probs = st.floats(-40.0, 0.0)


@given(st.lists(st.tuples(log_probs, log_probs, st.floats(-3.0, 3.0)), min_size=1, max_size=30))
@settings(max_examples=150, deadline=None)
def test_proposition_a2_bounds(rows):
    # -c A_max <= u <= (1 + eps) A_max
    log_prob, old, advantage = (torch.tensor(column, dtype=torch.float64) for column in zip(*rows, strict=True))
    utility = grounded_utility(log_prob, old, advantage, EPS, C).utility
    a_max = 3.0
    assert (utility >= -C * a_max).all() and (utility <= (1 + EPS) * a_max).all()
    # and each one by its own advantage
    assert (utility >= C * advantage.clamp(max=0.0)).all()
    assert (utility <= (1 + EPS) * advantage.clamp(min=0.0)).all()


@given(st.lists(st.tuples(log_probs, log_probs, st.floats(-3.0, 3.0)), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_agrees_with_a_slow_loop(rows):
    log_prob, old, advantage = (torch.tensor(column, dtype=torch.float64) for column in zip(*rows, strict=True))
    expected = []
    for lp, lo, a in rows:
        rho = math.exp(min(max(lp - lo, -20.0), 20.0))
        u = min(rho * a, min(max(rho, 1 - EPS), 1 + EPS) * a)
        expected.append(max(u, C * a) if a < 0 else u)
    loss = grounded_loss(log_prob, old, advantage, EPS, C)
    assert loss.item() == pytest.approx(-sum(expected) / len(expected), rel=1e-9, abs=1e-12)


def test_the_bounds_are_reached():
    utility = grounded_utility(torch.tensor([0.0, 0.0]), torch.tensor([-9.0, -9.0]), torch.tensor([-3.0, 3.0]), EPS, C)
    assert utility.utility.tolist() == pytest.approx([-C * 3.0, (1 + EPS) * 3.0])


def test_a_ratio_beyond_e20_stays_finite():
    log_prob = torch.tensor([0.0, -500.0], requires_grad=True)
    old = torch.tensor([-500.0, 0.0])
    result = grounded_utility(log_prob, old, torch.tensor([1.0, -1.0]), EPS, C)
    assert result.ratio.tolist() == pytest.approx([math.exp(20.0), math.exp(-20.0)])
    (-result.utility.mean()).backward()
    assert torch.equal(log_prob.grad, torch.zeros(2))


def test_no_samples_is_no_loss():
    empty = torch.zeros(0)
    assert grounded_loss(empty, empty, empty, EPS, C).item() == 0.0


def test_numerical_gradient_away_from_the_kinks():
    log_prob = torch.tensor([-1.0, -2.0, -0.5, -3.0], dtype=torch.float64, requires_grad=True)
    old = torch.tensor([-1.1, -1.2, -1.5, -1.0], dtype=torch.float64)
    advantage = torch.tensor([1.0, -1.0, -2.0, 0.5], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: grounded_loss(x, old, advantage, EPS, C), (log_prob,))


ONE = torch.zeros(1)


@pytest.mark.parametrize(
    ("log_prob", "old", "advantage", "clip", "dual_clip", "message"),
    [
        (ONE, torch.zeros(2), ONE, 0.2, 2.0, r"old_log_prob has shape \[2\], expected \[1\]"),
        (ONE, ONE, torch.zeros(1, 1), 0.2, 2.0, "advantage has shape"),
        (ONE, ONE, ONE, 0.0, 2.0, "clip is 0.0"),
        (ONE, ONE, ONE, 0.2, 1.0, "dual_clip is 1.0"),
    ],
)
def test_refused_input_is_named(log_prob, old, advantage, clip, dual_clip, message):
    with pytest.raises(ValueError, match=message):
        grounded_loss(log_prob, old, advantage, clip, dual_clip)


@pytest.mark.parametrize("name", ["log_prob", "old_log_prob", "advantage"])
def test_what_is_not_finite_is_refused_by_name(name):
    values = {"log_prob": ONE, "old_log_prob": ONE, "advantage": ONE} | {name: torch.tensor([-math.inf])}
    with pytest.raises(NotFiniteError, match=f"^{name} has 1 entries"):
        grounded_loss(**values, clip=0.2, dual_clip=2.0)
