"""CRAFT Eq. 7: the proxy objective is an exact expectation."""

import math

import pytest
import torch

from craft.algorithm import NotFiniteError, expected_advantage, proxy_loss

NAN = float("nan")


def test_hand_calculation():
    # state 0: logits ln 3, 0 -> pi = 3/4, 1/4; A = 1, -1 -> 1/2
    # state 1: equal logits -> pi = 1/2, 1/2; A = 2, 0 -> 1
    # L = -(1/2 + 1) / 2 = -3/4
    logits = torch.tensor([[math.log(3.0), 0.0], [5.0, 5.0]])
    advantage = torch.tensor([[1.0, -1.0], [2.0, 0.0]])
    valid = torch.ones(2, 2, dtype=torch.bool)
    torch.testing.assert_close(expected_advantage(logits, advantage, valid), torch.tensor([0.5, 1.0]))
    assert proxy_loss(logits, advantage, valid).item() == pytest.approx(-0.75)


def test_gradient_is_that_of_the_policy_gradient_theorem():
    # dL/dz_g = -pi_g (A_g - sum_h pi_h A_h) / B
    torch.manual_seed(1)
    logits = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    advantage = torch.randn(3, 5, dtype=torch.float64)
    valid = torch.rand(3, 5) < 0.7
    valid[:, 0] = True
    proxy_loss(logits, advantage, valid).backward()
    weight = logits.detach().exp() * valid
    pi = weight / weight.sum(dim=1, keepdim=True)
    expected = -pi * (advantage - (pi * advantage).sum(dim=1, keepdim=True)) / 3
    torch.testing.assert_close(logits.grad, expected)


def test_numerical_gradient():
    torch.manual_seed(2)
    logits = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    advantage = torch.randn(2, 4, dtype=torch.float64)
    valid = torch.tensor([[True, True, False, True], [False, True, True, True]])
    assert torch.autograd.gradcheck(lambda x: proxy_loss(x, advantage, valid), (logits,))


def test_masked_entries_change_neither_value_nor_gradient():
    valid = torch.tensor([[True, False, True], [False, False, False]])
    results = []
    for filler in (0.0, 1e30, NAN, -math.inf):
        logits = torch.tensor([[1.0, filler, 2.0], [filler, filler, filler]], requires_grad=True)
        advantage = torch.tensor([[1.0, filler, -1.0], [filler, filler, filler]])
        loss = proxy_loss(logits, advantage, valid)
        loss.backward()
        results.append((loss.item(), logits.grad))
    for value, gradient in results[1:]:
        assert value == results[0][0]
        assert torch.equal(gradient, results[0][1])
    assert torch.equal(results[0][1][~valid], torch.zeros(4))


def test_a_group_of_one_has_no_gradient():
    logits = torch.tensor([[3.0, 0.0]], requires_grad=True)
    proxy_loss(logits, torch.tensor([[0.0, 9.0]]), torch.tensor([[True, False]])).backward()
    assert torch.equal(logits.grad, torch.zeros(1, 2))


def test_states_without_a_valid_candidate_count_in_the_mean_as_zero():
    # -(1/2 + 0) / 2
    logits = torch.tensor([[math.log(3.0), 0.0], [NAN, NAN]])
    advantage = torch.tensor([[1.0, -1.0], [NAN, NAN]])
    valid = torch.tensor([[True, True], [False, False]])
    assert proxy_loss(logits, advantage, valid).item() == pytest.approx(-0.25)


def test_what_is_not_finite_is_refused_by_name():
    valid = torch.ones(1, 2, dtype=torch.bool)
    with pytest.raises(NotFiniteError, match="logits"):
        proxy_loss(torch.tensor([[0.0, NAN]]), torch.zeros(1, 2), valid)
    with pytest.raises(NotFiniteError, match="advantage"):
        proxy_loss(torch.zeros(1, 2), torch.tensor([[0.0, math.inf]]), valid)
    with pytest.raises(ValueError, match=r"advantage has shape|valid has shape"):
        proxy_loss(torch.zeros(1, 2), torch.zeros(1, 3), valid)
