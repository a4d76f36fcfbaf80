"""The learner: rounds in, versions of weights out."""

import copy
import dataclasses
import hashlib
import math

import pytest
import safetensors.torch
import torch

from craft.algorithm import CraftConfig
from craft.training import Learner, LearnerConfig, RolloutBuffer
from small_training import VOCABULARY, SmallPolicy, transitions

CONFIG = LearnerConfig(rounds=4, epochs=2, minibatch_size=16, learning_rate=1e-2, final_learning_rate=1e-3)


def round_of(number, own_candidates=False):
    buffer = RolloutBuffer(40, None if own_candidates else VOCABULARY)
    buffer.extend(transitions(range(number * 4 + 1, number * 4 + 5), number, own_candidates))
    return buffer.take()


def trained(rounds, config=CONFIG):
    learner = Learner(SmallPolicy(), config)
    reports = [learner.update(round_of(number)) for number in range(rounds)]
    return learner, reports


def test_the_same_rounds_give_the_same_weights_bit_for_bit():
    (a, reports_a), (b, reports_b) = trained(3), trained(3)
    assert a.weights() == b.weights() and reports_a == reports_b


def test_the_seed_decides_the_minibatches():
    assert trained(2)[0].weights() != trained(2, dataclasses.replace(CONFIG, seed=1))[0].weights()


def test_every_round_makes_a_version_that_anyone_can_check_and_read():
    learner = Learner(SmallPolicy(), CONFIG)
    first = learner.weights()
    learner.update(round_of(0))
    second = learner.weights()
    assert (first.version, second.version) == (0, 1) and first.sha256 != second.sha256
    assert second.sha256 == hashlib.sha256(second.safetensors).hexdigest()
    stored = safetensors.torch.load(second.safetensors)
    assert all(torch.equal(stored[k], v) for k, v in learner.policy.trainable.state_dict().items())


def test_the_report_has_everything_and_nothing_that_is_not_finite():
    _, (first, second) = trained(2)
    required = {
        *("loss", "loss_proxy", "loss_grounded", "reverse_kl", "forward_kl", "clip_fraction", "dual_clip_fraction"),
        *("expected_advantage", "entropy", "learning_rate", "gradient_norm", "event_share", "reward"),
        *("grounded_return", "alignment_pearson", "alignment_spearman", "alignment_coefficient"),
        *("transitions", "updates", "skipped"),
    }
    assert required <= first.metrics.keys()
    # the variation over the rounds needs two of them
    assert "expected_advantage_variation" not in first.metrics
    a, b = (report.metrics["expected_advantage"] for report in (first, second))
    mean = (a + b) / 2
    assert second.metrics["expected_advantage_variation"] == pytest.approx(abs(a - b) / 2 / abs(mean))
    assert all(math.isfinite(v) for report in (first, second) for v in report.metrics.values())
    batch = round_of(0)
    assert first.metrics["event_share"] == pytest.approx(batch.event.float().mean().item())
    assert first.metrics["transitions"] == 40 and first.metrics["updates"] == 2 * 3  # ceil(40 / 16) = 3


def test_alignment_without_any_event_is_left_out():
    quiet = dataclasses.replace(round_of(0), reward=torch.zeros(40))
    metrics = Learner(SmallPolicy(), CONFIG).update(quiet).metrics
    assert "alignment_pearson" not in metrics and "alignment_spearman" not in metrics
    assert metrics["alignment_coefficient"] == 0.0  # Cov[0, C] / Var[C]


def test_the_learning_rate_falls_from_the_first_to_the_last_update():
    config = LearnerConfig(rounds=10, epochs=1, minibatch_size=40, learning_rate=1e-4)
    learner, rates = Learner(SmallPolicy(), config), []
    for number in range(10):
        rates.append(learner.update(round_of(number)).metrics["learning_rate"])
    # one update a round: half a cosine at 0, 1/10, ..., 9/10
    expected = [5e-6 + (1e-4 - 5e-6) * (1 + math.cos(math.pi * k / 10)) / 2 for k in range(10)]
    assert rates == pytest.approx(expected)
    with pytest.raises(ValueError, match="all 10 training rounds are done"):
        learner.update(round_of(11))


def test_the_learning_rate_falls_within_a_round_too():
    # 4 epochs of 1 update in the first of two rounds: 0, 1/8, 2/8, 3/8 of the way; their mean is reported
    learner = Learner(SmallPolicy(), LearnerConfig(rounds=2, epochs=4, minibatch_size=40, learning_rate=1e-4))
    rates = [5e-6 + (1e-4 - 5e-6) * (1 + math.cos(math.pi * k / 8)) / 2 for k in range(4)]
    assert learner.update(round_of(0)).metrics["learning_rate"] == pytest.approx(sum(rates) / 4)


def test_the_teacher_moves_once_a_round():
    config = dataclasses.replace(CONFIG, craft=CraftConfig(teacher_momentum=0.75))
    learner = Learner(SmallPolicy(), config)
    before = copy.deepcopy(learner.policy.trainable.state_dict())
    learner.update(round_of(0))
    after = learner.policy.trainable.state_dict()
    for name, value in learner.teacher.module.state_dict().items():
        torch.testing.assert_close(value, 0.75 * before[name] + 0.25 * after[name])


def test_no_more_states_than_a_minibatch_are_scored_at_once():
    learner, _ = trained(1)
    assert learner.policy.trainable.largest <= 16
    assert learner.teacher.module.largest <= 16


def test_one_step_is_adamw_on_the_clipped_gradient():
    """One epoch, one minibatch: the same step made by hand with the same objective, in plain torch."""
    config = dataclasses.replace(CONFIG, epochs=1, minibatch_size=40, max_grad_norm=1e-3)
    learner = Learner(SmallPolicy(), config)
    report = learner.update(round_of(0))

    from craft.algorithm import CraftBatch, CraftObjective, corrective_advantage, group_advantage

    policy, batch, craft = SmallPolicy().trainable, round_of(0), config.craft
    logits = policy(batch.features, VOCABULARY)
    loss, _ = CraftObjective(craft)(
        CraftBatch(
            logits=logits,
            teacher_logits=logits.detach(),
            valid=batch.valid,
            proxy_advantage=group_advantage(batch.returns, batch.returns_valid, craft.sigma_min),
            selected=batch.selected,
            old_log_prob=batch.old_log_prob,
            corrective_advantage=corrective_advantage(
                batch.reward, batch.last, craft.gamma_c, craft.correction_scale, craft.correction_bounds
            ),
        )
    )
    loss.backward()
    gradient = torch.cat([p.grad.flatten() for p in policy.parameters()])
    assert report.metrics["gradient_norm"] == pytest.approx(gradient.norm().item(), rel=1e-4)
    assert gradient.norm() > 1e-3
    # Adam's first step is lr * g / (|g| + eps) whatever the gradient's scale; decay is lr * wd * w
    scale = 1e-3 / gradient.norm()
    for mine, theirs in zip(policy.parameters(), learner.policy.trainable.parameters(), strict=True):
        g = mine.grad * scale
        expected = mine * (1 - 1e-2 * 1e-5) - 1e-2 * g / (g.abs() + 1e-8)
        # where the gradient is as small as rounding, its direction is not defined
        clear = g.abs() > 1e-6
        torch.testing.assert_close(theirs[clear], expected[clear], atol=1e-4, rtol=0)


def test_own_candidates_are_learnt_from_too():
    learner = Learner(SmallPolicy(), CONFIG)
    before = learner.weights()
    assert learner.update(round_of(0, own_candidates=True)).skipped == ""
    assert learner.weights().sha256 != before.sha256


def poison(learner, after):
    """Lets the policy's logits become NaN from the `after`-th time on that they are computed."""
    calls = 0

    def hook(module, args, output):
        nonlocal calls
        calls += 1
        return output * float("nan") if calls > after else output

    return learner.policy.trainable.register_forward_hook(hook)


@pytest.mark.parametrize("after", [0, 2])
def test_a_round_with_logits_that_are_not_finite_changes_nothing(after):
    """Also where some updates of the round were already made: the next good round ends as if there had been none."""
    learner, _ = trained(1)
    before = copy.deepcopy(learner.state_dict())
    hook = poison(learner, after)
    report = learner.update(round_of(1))
    hook.remove()
    assert report.round == learner.round == 2
    assert "round 2 was skipped" in report.skipped and "logits has" in report.skipped
    assert report.metrics["skipped"] == 1.0 and "loss" not in report.metrics
    state = learner.state_dict()
    for part in ("trainable", "teacher"):
        assert all(torch.equal(a, b) for a, b in zip(before[part].values(), state[part].values(), strict=True))
    for mine, old in zip(state["optimiser"]["state"].values(), before["optimiser"]["state"].values(), strict=True):
        assert all(torch.equal(mine[name], old[name]) for name in mine)
    assert learner.update(round_of(2)).skipped == ""


def test_a_gradient_that_is_not_finite_skips_the_round():
    learner = Learner(SmallPolicy(), CONFIG)
    before = learner.weights()
    handle = next(learner.policy.trainable.parameters()).register_hook(lambda g: g * float("inf"))
    report = learner.update(round_of(0))
    handle.remove()
    assert "the gradient's norm is" in report.skipped
    assert learner.weights().sha256 == before.sha256


def test_a_resumed_learner_goes_on_bit_for_bit():
    whole, _ = trained(4)
    first, _ = trained(2)
    saved = copy.deepcopy(first.state_dict())
    resumed = Learner(SmallPolicy(seed=5), CONFIG)
    resumed.load_state_dict(saved)
    assert resumed.round == 2 and resumed.weights() == first.weights()
    for number in (2, 3):
        resumed.update(round_of(number))
    assert resumed.weights() == whole.weights()
    assert all(
        torch.equal(a, b)
        for a, b in zip(resumed.teacher.state_dict().values(), whole.teacher.state_dict().values(), strict=True)
    )


def test_a_policy_that_draws_random_numbers_resumes_bit_for_bit_too():
    def dropping(seed=0):
        policy = SmallPolicy(seed)
        policy.trainable.register_forward_hook(lambda module, args, out: torch.nn.functional.dropout(out, 0.2))
        return Learner(policy, CONFIG)

    torch.manual_seed(3)
    learner = dropping()
    learner.update(round_of(0))
    saved = copy.deepcopy(learner.state_dict())
    learner.update(round_of(1))
    torch.manual_seed(99)
    resumed = dropping(seed=5)
    resumed.load_state_dict(saved)
    resumed.update(round_of(1))
    assert resumed.weights() == learner.weights()


def test_a_state_of_another_configuration_or_policy_is_refused():
    saved = trained(1)[0].state_dict()
    other = dataclasses.replace(CONFIG, epochs=3, craft=CraftConfig(lambda_gr=0.25))
    with pytest.raises(ValueError, match=r"craft.lambda_gr \(run: 0.5, now: 0.25\), epochs \(run: 2, now: 3\)"):
        Learner(SmallPolicy(), other).load_state_dict(saved)
    policy = SmallPolicy()
    policy.trainable.features = torch.nn.Linear(3, 8)
    with pytest.raises(ValueError, match="the checkpoint belongs to another policy"):
        Learner(policy, CONFIG).load_state_dict(saved)


def test_the_settings_are_the_papers_but_for_the_first_learning_rate():
    config = LearnerConfig()
    assert config.learning_rate == 3e-4  # the paper's 1e-4 is for runs of hours
    assert config.final_learning_rate == 5e-6
    assert (config.weight_decay, config.max_grad_norm) == (1e-5, 0.5)


def test_all_settings_out_of_range_are_reported_together():
    with pytest.raises(
        ValueError, match=r"rounds is 0.*minibatch_size is 0.*learning rates.*max_grad_norm is nan.*seed"
    ):
        LearnerConfig(rounds=0, minibatch_size=0, final_learning_rate=1.0, max_grad_norm=float("nan"), seed=-1)
