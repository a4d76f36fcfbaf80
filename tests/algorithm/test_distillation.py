"""CRAFT Eqs. 12-14 and Prop. A.1: self-distillation."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Categorical, kl_divergence

from craft.algorithm import NotFiniteError, distillation, masked_entropy, masked_log_prob

NAN = float("nan")
ALL2 = torch.ones(1, 2, dtype=torch.bool)


def test_hand_calculation():
    # p = 3/4, 1/4; q = 1/2, 1/2
    # KL(p||q) = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.130812;  KL(q||p) = 1/2 ln(2/3) + 1/2 ln 2 = 0.143841
    reverse, forward = distillation(torch.tensor([[math.log(3.0), 0.0]]), torch.zeros(1, 2), ALL2)
    assert reverse.item() == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), abs=1e-6)
    assert forward.item() == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2.0), abs=1e-6)


def test_agrees_with_torch_distributions_on_the_valid_candidates():
    torch.manual_seed(3)
    logits, teacher = torch.randn(6, 7, dtype=torch.float64), torch.randn(6, 7, dtype=torch.float64)
    valid = torch.rand(6, 7) < 0.6
    valid[:, 2] = True
    reverse = forward = 0.0
    for i in range(6):
        p, q = Categorical(logits=logits[i][valid[i]]), Categorical(logits=teacher[i][valid[i]])
        reverse += kl_divergence(p, q).item() / 6
        forward += kl_divergence(q, p).item() / 6
    have = distillation(logits, teacher, valid)
    assert [x.item() for x in have] == pytest.approx([reverse, forward], rel=1e-12)


def test_numerical_gradients():
    torch.manual_seed(4)
    logits = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(2, 4, dtype=torch.float64)
    valid = torch.tensor([[True, True, False, True], [True, True, True, True]])
    assert torch.autograd.gradcheck(lambda x: distillation(x, teacher, valid), (logits,))


def test_gradient_of_the_forward_kl_is_the_difference_of_the_distributions():
    # d KL(q||p) / dz = (p - q) / B
    torch.manual_seed(5)
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(3, 4, dtype=torch.float64)
    distillation(logits, teacher, torch.ones(3, 4, dtype=torch.bool))[1].backward()
    torch.testing.assert_close(logits.grad, (logits.detach().softmax(1) - teacher.softmax(1)) / 3)


@pytest.mark.parametrize("part", [0, 1])
def test_masked_entries_change_neither_value_nor_gradient(part):
    valid = torch.tensor([[True, False, True], [False, False, False], [False, True, False]])
    results = []
    for filler in (0.0, 1e30, NAN, -math.inf):
        logits = torch.tensor([[1.0, filler, 2.0], [filler] * 3, [filler, -4.0, filler]], requires_grad=True)
        teacher = torch.tensor([[0.5, filler, -1.0], [filler] * 3, [filler, 8.0, filler]])
        loss = distillation(logits, teacher, valid)[part]
        loss.backward()
        results.append((loss.item(), logits.grad))
    for value, gradient in results[1:]:
        assert value == results[0][0]
        assert torch.equal(gradient, results[0][1])
    assert torch.isfinite(results[0][1]).all()
    # masked entries, the group without a candidate and the group of one carry no gradient
    assert torch.equal(results[0][1][~valid], torch.zeros(int((~valid).sum())))
    assert results[0][1][2, 1] == 0.0
    # and only the first state has a divergence: twice its own would be the mean over one and a half
    alone = distillation(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, -1.0]]), ALL2)[part]
    assert results[0][0] == pytest.approx(alone.item() / 3, rel=1e-6)


def test_distributions_that_hardly_overlap_have_a_finite_divergence_and_gradient():
    # the probability of the other candidate underflows to 0 in fp32, its logarithm does not: KL = 400 both ways
    logits = torch.tensor([[400.0, 0.0]], requires_grad=True)
    reverse, forward = distillation(logits, torch.tensor([[0.0, 400.0]]), ALL2)
    assert (reverse.item(), forward.item()) == (pytest.approx(400.0), pytest.approx(400.0))
    (reverse + forward).backward()
    assert torch.isfinite(logits.grad).all()


def test_the_teacher_receives_no_gradient():
    teacher = torch.zeros(1, 2, requires_grad=True)
    logits = torch.ones(1, 2, requires_grad=True)
    sum(distillation(logits, teacher, ALL2)).backward()
    assert teacher.grad is None and logits.grad is not None


@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_divergence_is_never_negative_and_zero_only_for_equal_distributions(rows):
    p, q = (torch.tensor([column], dtype=torch.float64) for column in zip(*rows, strict=True))
    valid = torch.ones_like(p, dtype=torch.bool)
    reverse, forward = distillation(p, q, valid)
    assert reverse >= -1e-12 and forward >= -1e-12
    assert max(x.item() for x in distillation(p, p + 7.0, valid)) < 1e-12
    # Pinsker: KL >= total variation^2 / 2 (of the sum of differences)
    distance = (p.softmax(1) - q.softmax(1)).abs().sum()
    assert min(reverse, forward) >= distance**2 / 2 - 1e-9


def test_refused_input_is_named():
    with pytest.raises(ValueError, match=r"teacher_logits has shape \[1, 3\], expected \[1, 2\]"):
        distillation(torch.zeros(1, 2), torch.zeros(1, 3), ALL2)
    with pytest.raises(NotFiniteError, match="logits"):
        distillation(torch.tensor([[0.0, math.inf]]), torch.zeros(1, 2), ALL2)
    with pytest.raises(NotFiniteError, match="logits"):
        distillation(torch.zeros(1, 2), torch.tensor([[0.0, NAN]]), ALL2)


# -- Prop. A.1: the maximum of E_p[U] - eta KL(p || q) is p* = q exp(U / eta) / Z, with value eta ln Z

problems = st.integers(2, 5).flatmap(
    lambda g: st.tuples(
        st.lists(st.floats(-2, 2), min_size=g, max_size=g),
        st.lists(st.floats(-2, 2), min_size=g, max_size=g),
        st.floats(0.3, 2.0),
    )
)


def regularised(logits, utility, teacher, eta):
    valid = torch.ones_like(logits, dtype=torch.bool)
    reverse, _ = distillation(logits, teacher, valid)
    return (logits.softmax(1) * utility).sum() - eta * reverse


@given(problems, st.lists(st.floats(-5, 5), min_size=5, max_size=5))
@settings(max_examples=80, deadline=None)
def test_proposition_a1_no_distribution_is_better_than_the_closed_form(problem, other):
    utility, teacher, eta = problem
    utility, teacher = torch.tensor([utility], dtype=torch.float64), torch.tensor([teacher], dtype=torch.float64)
    best = regularised(teacher + utility / eta, utility, teacher, eta)
    z = (teacher.softmax(1) * (utility / eta).exp()).sum()
    assert best.item() == pytest.approx(eta * z.log().item(), abs=1e-9)
    logits = torch.tensor([other[: utility.shape[1]]], dtype=torch.float64)
    assert regularised(logits, utility, teacher, eta) <= best + 1e-9


@given(problems)
@settings(max_examples=10, deadline=None)
def test_proposition_a1_gradient_ascent_ends_at_the_closed_form(problem):
    utility, teacher, eta = problem
    utility, teacher = torch.tensor([utility], dtype=torch.float64), torch.tensor([teacher], dtype=torch.float64)
    logits = torch.zeros_like(utility, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [logits], max_iter=200, tolerance_grad=1e-12, tolerance_change=0.0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        loss = -regularised(logits, utility, teacher, eta)
        loss.backward()
        return loss

    optimiser.step(closure)
    torch.testing.assert_close(logits.detach().softmax(1), (teacher + utility / eta).softmax(1), atol=1e-5, rtol=0)


# -- the distribution underneath


def test_masked_log_prob_is_a_softmax_over_the_valid_candidates():
    # e^1, e^2 of the three: 0.268941, 0.731059
    log_prob = masked_log_prob(torch.tensor([[1.0, NAN, 2.0]]), torch.tensor([[True, False, True]]))
    assert log_prob.exp().tolist()[0] == pytest.approx([0.2689414, 0.0, 0.7310586], abs=1e-6)
    # entropy -sum p ln p
    entropy = masked_entropy(log_prob, torch.tensor([[True, False, True]]))
    assert entropy.item() == pytest.approx(
        -(0.2689414 * math.log(0.2689414) + 0.7310586 * math.log(0.7310586)), abs=1e-6
    )


def test_entropy_of_no_candidates_is_zero():
    none = torch.zeros(1, 3, dtype=torch.bool)
    assert masked_entropy(masked_log_prob(torch.zeros(1, 3), none), none).item() == 0.0
