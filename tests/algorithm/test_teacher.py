"""CRAFT Eq. 12: the EMA teacher."""

import copy

import pytest
import torch
from torch import nn

from craft.algorithm import EmaTeacher


def linear(weight):
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, weight)
    return module


def test_begins_at_the_pre_trained_weights_and_averages_from_the_first_update_on():
    # m = 0.9, pre-trained 1, then the policy jumps to 11:
    # 0.9 * 1 + 0.1 * 11 = 2;  0.9 * 2 + 0.1 * 11 = 2.9;  closed form 11 - 10 * 0.9^n
    policy = linear(1.0)
    teacher = EmaTeacher(policy, 0.9)
    nn.init.constant_(policy.weight, 11.0)
    assert teacher.module.weight.item() == 1.0
    for n, expected in ((1, 2.0), (2, 2.9)):
        teacher.update(policy)
        assert teacher.module.weight.item() == pytest.approx(expected) == pytest.approx(11 - 10 * 0.9**n)


@pytest.mark.parametrize(("momentum", "after"), [(0.0, 11.0), (1.0, 1.0)])
def test_ends_of_the_range(momentum, after):
    policy = linear(1.0)
    teacher = EmaTeacher(policy, momentum)
    nn.init.constant_(policy.weight, 11.0)
    teacher.update(policy)
    assert teacher.module.weight.item() == after


def test_never_receives_a_gradient_and_does_not_touch_the_policy():
    policy = linear(2.0)
    teacher = EmaTeacher(policy, 0.5)
    x = torch.ones(3, 1, requires_grad=True)
    out = teacher(x)
    assert out.tolist() == [[2.0]] * 3 and not out.requires_grad
    (policy(x).sum() + teacher(x).sum()).backward()
    teacher.update(policy)
    assert policy.weight.grad is not None and policy.weight.requires_grad
    assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())


def test_buffers_follow_the_policy():
    policy = nn.BatchNorm1d(1)
    teacher = EmaTeacher(policy, 0.9)
    policy(torch.tensor([[1.0], [3.0]]))
    teacher.update(policy)
    assert torch.equal(teacher.module.running_mean, policy.running_mean)


def test_goes_on_from_a_checkpoint_as_if_nothing_had_happened():
    torch.manual_seed(0)
    policy = nn.Linear(4, 4)
    teacher = EmaTeacher(policy, 0.99)
    nn.init.normal_(policy.weight)
    teacher.update(policy)
    saved = copy.deepcopy(teacher.state_dict())

    other = EmaTeacher(nn.Linear(4, 4), 0.99)
    other.load_state_dict(saved)
    nn.init.normal_(policy.weight)
    for each in (teacher, other):
        each.update(policy)
    for a, b in zip(teacher.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("momentum", [-0.1, 1.1, float("nan")])
def test_momentum_out_of_range_is_refused(momentum):
    with pytest.raises(ValueError, match=f"momentum is {momentum}"):
        EmaTeacher(linear(1.0), momentum)
