"""Algorithm 1 on a problem small enough to know its answer: a proxy with a bias, and execution that shows it.

Three states, four candidates, one table of logits. The world judges candidate 0 best in every state, though executing
it ends in a collision (r = -5); candidate 1 is nearly as good and safe. With a uniform, unmoving teacher (m = 1) and
the reverse KL alone, Prop. A.1 gives the policy at which training must end: pi = exp(U / beta_r) / Z with
U = lambda_cp A_cp + lambda_gr A_gr.
"""

import dataclasses

import pytest
import torch
from torch import nn

from craft.algorithm import CraftConfig, CraftObjective, EmaTeacher, RolloutBatch, craft_update, group_advantage
from craft.scene.candidates import Candidates

STATES, CANDIDATES = 3, 4
BIASED, SAFE = 0, 1
RETURNS = torch.tensor([[20.0, 18.0, 0.0, 0.0], [30.0, 27.0, 5.0, 20.0], [12.0, 11.0, 9.0, -40.0]])
REWARD = torch.tensor([-5.0, 0.0, 0.0, 0.0])
VOCABULARY = Candidates(torch.zeros(CANDIDATES, 6, 3), torch.ones(CANDIDATES, dtype=torch.bool))
CONFIG = CraftConfig(beta_f=0.0, teacher_momentum=1.0)


class Table(nn.Module):
    """Logits of each state (features: which state, one-hot), uniform at first."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(STATES, CANDIDATES))

    def forward(self, features, candidates):
        return features @ self.logits


def drive(policy, per_state, generator):
    """On-policy transitions of one step each: sample from the present policy, and execute."""
    features = torch.eye(STATES).repeat_interleave(per_state, dim=0)
    with torch.no_grad():
        log_prob = policy(features, VOCABULARY).log_softmax(1)
    selected = torch.multinomial(log_prob.exp(), 1, generator=generator)
    everything = torch.ones(len(features), CANDIDATES, dtype=torch.bool)
    return RolloutBatch(
        features=features,
        candidates=VOCABULARY,
        valid=everything,
        returns=RETURNS.repeat_interleave(per_state, dim=0),
        returns_valid=everything,
        selected=selected[:, 0],
        old_log_prob=log_prob.gather(1, selected)[:, 0],
        reward=REWARD[selected[:, 0]],
        last=torch.ones(len(features), dtype=torch.bool),
        event=REWARD[selected[:, 0]] < 0,
    )


def train(config, rounds=150, per_state=1000):
    policy = Table()
    teacher = EmaTeacher(policy, config.teacher_momentum)
    optimiser = torch.optim.Adam(policy.parameters(), lr=0.1)
    rate = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, total_iters=rounds)
    generator = torch.Generator().manual_seed(0)

    def step(loss):
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return {}

    for _ in range(rounds):
        rollout = drive(policy, per_state, generator)
        everything = torch.arange(len(rollout))
        report = craft_update(rollout, policy, teacher, CraftObjective(config), [everything], 512, step)
        rate.step()
    return policy.logits.detach().softmax(1), report


def closed_form(config):
    everything = torch.ones(STATES, CANDIDATES, dtype=torch.bool)
    utility = config.lambda_cp * group_advantage(RETURNS, everything, config.sigma_min)
    utility = utility + config.lambda_gr * REWARD / config.correction_scale
    return (utility / config.beta_r).softmax(1)


def test_the_proxy_alone_converges_to_the_biased_optimum():
    config = dataclasses.replace(CONFIG, lambda_gr=0.0)
    policy, _ = train(config, rounds=1000, per_state=1)  # an exact expectation needs no samples
    torch.testing.assert_close(policy, closed_form(config), atol=1e-3, rtol=0)
    assert (policy.argmax(1) == BIASED).all()


def test_craft_converges_to_the_true_optimum():
    policy, report = train(CONFIG)
    torch.testing.assert_close(policy, closed_form(CONFIG), atol=1.5e-2, rtol=0)
    assert (policy.argmax(1) == SAFE).all()
    # and the diagnostics say that the proxy is not to be trusted on these states: what it likes best collides
    assert report.alignment.pearson < 0


def test_the_correction_alone_finds_what_execution_shows():
    config = dataclasses.replace(CONFIG, lambda_cp=0.0, lambda_gr=2.0)
    policy, _ = train(config)
    torch.testing.assert_close(policy, closed_form(config), atol=1.5e-2, rtol=0)
    assert (policy.argmin(1) == BIASED).all()


def test_with_the_papers_coefficients_and_a_moving_teacher_craft_collides_less_than_the_proxy_alone():
    craft, _ = train(CraftConfig())
    proxy, _ = train(CraftConfig(lambda_gr=0.0), per_state=1)
    assert (craft[:, BIASED] < proxy[:, BIASED] - 0.05).all()
    assert (craft.argmax(1) == SAFE).all() and (proxy.argmax(1) == BIASED).all()


def test_advantages_and_teacher_are_fixed_within_a_round_and_the_teacher_moves_once():
    config = dataclasses.replace(CONFIG, teacher_momentum=0.5)
    policy, objective = Table(), CraftObjective(config)
    teacher = EmaTeacher(policy, 0.5)
    seen = []

    class Recording:
        config = objective.config

        def __call__(self, batch):
            seen.append(batch)
            return objective(batch)

    def step(loss):
        loss.backward()
        with torch.no_grad():
            policy.logits -= policy.logits.grad
        policy.logits.grad = None
        return {"own": 1.0}

    rollout = drive(policy, 5, torch.Generator().manual_seed(1))
    everything = torch.arange(len(rollout))
    report = craft_update(rollout, policy, teacher, Recording(), [everything] * 3, 4, step)
    for batch in seen:
        assert torch.equal(batch.teacher_logits, torch.zeros(15, CANDIDATES))
        assert torch.equal(batch.proxy_advantage, seen[0].proxy_advantage)
        assert torch.equal(batch.corrective_advantage, seen[0].corrective_advantage)
    assert not torch.equal(seen[0].logits, seen[2].logits)
    torch.testing.assert_close(teacher.module.logits, policy.logits / 2)
    assert [s["own"] for s in report.steps] == [1.0] * 3
    assert report.grounded_return == pytest.approx(rollout.reward.mean().item())


def test_candidates_that_the_world_did_not_judge_have_no_advantage_but_stay_in_the_policy():
    # the world judges candidates 1 and 2 only; the probability of 0 and 3 changes through the softmax alone
    policy, config = Table(), dataclasses.replace(CONFIG, lambda_gr=0.0, beta_r=0.0)
    rollout = drive(policy, 1, torch.Generator().manual_seed(1))
    judged = torch.tensor([[False, True, True, False]] * STATES)
    rollout = dataclasses.replace(
        rollout, returns=rollout.returns.masked_fill(~judged, float("nan")), returns_valid=judged
    )

    def step(loss):
        loss.backward()
        return {}

    everything = torch.arange(STATES)
    craft_update(rollout, policy, EmaTeacher(policy, 1.0), CraftObjective(config), [everything], 4, step)
    # two values a > b, A = +1, -1 (or less by sigma_min); uniform pi = 1/4 and E[A] = 0: dL/dz = -A / 4 / 3
    advantage = group_advantage(rollout.returns, judged, config.sigma_min)
    torch.testing.assert_close(policy.logits.grad, -advantage / 12)
    assert advantage[:, [0, 3]].eq(0).all() and advantage[:, 1].gt(0).all()
