"""CRAFT Eqs. 14, 54: the whole objective."""

import dataclasses
import math

import pytest
import torch

from craft.algorithm import CraftBatch, CraftConfig, CraftObjective, NotFiniteError

NAN = float("nan")


def random_batch(seed, states=6, candidates=5, dtype=torch.float64):
    torch.manual_seed(seed)
    valid = torch.rand(states, candidates) < 0.7
    valid[:, 1] = True
    selected = torch.ones(states, dtype=torch.int64)
    return CraftBatch(
        logits=torch.randn(states, candidates, dtype=dtype),
        teacher_logits=torch.randn(states, candidates, dtype=dtype),
        valid=valid,
        proxy_advantage=torch.randn(states, candidates, dtype=dtype) * valid,
        selected=selected,
        old_log_prob=-torch.rand(states, dtype=dtype) * 3,
        corrective_advantage=torch.randn(states, dtype=dtype),
    )


def slow_objective(batch, config):
    """The objective in plain Python numbers, one candidate after the other."""
    parts = {"loss_proxy": 0.0, "loss_grounded": 0.0, "reverse_kl": 0.0, "forward_kl": 0.0, "entropy": 0.0}
    parts |= {"clip_fraction": 0.0, "dual_clip_fraction": 0.0}
    n = len(batch.logits)
    for i in range(n):
        group = [g for g in range(batch.valid.shape[1]) if batch.valid[i, g]]
        if not group:
            continue
        p, q = ({g: math.exp(x[i, g]) for g in group} for x in (batch.logits, batch.teacher_logits))
        p, q = ({g: w / sum(d.values()) for g, w in d.items()} for d in (p, q))
        parts["loss_proxy"] -= sum(p[g] * float(batch.proxy_advantage[i, g]) for g in group) / n
        parts["reverse_kl"] += sum(p[g] * math.log(p[g] / q[g]) for g in group) / n
        parts["forward_kl"] += sum(q[g] * math.log(q[g] / p[g]) for g in group) / n
        parts["entropy"] -= sum(p[g] * math.log(p[g]) for g in group) / n
        rho = p[int(batch.selected[i])] / math.exp(batch.old_log_prob[i])
        a = float(batch.corrective_advantage[i])
        clipped = min(max(rho, 1 - config.clip), 1 + config.clip) * a
        u = min(rho * a, clipped)
        dual = a < 0 and u < config.dual_clip * a
        parts["clip_fraction"] += (clipped < rho * a) / n
        parts["dual_clip_fraction"] += dual / n
        parts["loss_grounded"] -= (config.dual_clip * a if dual else u) / n
    parts["expected_advantage"] = -parts["loss_proxy"]
    parts["loss"] = (
        config.lambda_cp * parts["loss_proxy"]
        + config.lambda_gr * parts["loss_grounded"]
        + config.beta_r * parts["reverse_kl"]
        + config.beta_f * parts["forward_kl"]
    )
    return parts


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_slow_loop(seed):
    batch, config = random_batch(seed), CraftConfig(lambda_cp=0.7, lambda_gr=1.3, beta_r=0.4, beta_f=0.2)
    loss, metrics = CraftObjective(config)(batch)
    expected = slow_objective(batch, config)
    assert metrics.keys() == expected.keys()
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, abs=1e-6), name  # fractions are fp32
    assert loss.item() == pytest.approx(expected["loss"], rel=1e-12)


def test_random_batches_reach_both_clips():
    metrics = [CraftObjective(CraftConfig())(random_batch(seed))[1] for seed in range(5)]
    assert sum(m["clip_fraction"] for m in metrics) > 0 and sum(m["dual_clip_fraction"] for m in metrics) > 0


@pytest.mark.parametrize("seed", range(3))
def test_numerical_gradient(seed):
    batch = random_batch(seed)
    objective = CraftObjective(CraftConfig())
    logits = batch.logits.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: objective(dataclasses.replace(batch, logits=x))[0], (logits,))


def test_masked_entries_change_neither_value_nor_gradient():
    batch = random_batch(7, dtype=torch.float32)
    objective = CraftObjective(CraftConfig())
    results = []
    for filler in (0.0, 1e30, NAN, -math.inf):
        filled = {
            name: getattr(batch, name).masked_fill(~batch.valid, filler)
            for name in ("logits", "teacher_logits", "proxy_advantage")
        }
        logits = filled["logits"].requires_grad_()
        loss, metrics = objective(dataclasses.replace(batch, **filled))
        loss.backward()
        results.append((metrics, logits.grad))
    for metrics, gradient in results[1:]:
        assert metrics == results[0][0]
        assert torch.equal(gradient, results[0][1])
    assert not results[0][1][~batch.valid].any()


def test_a_state_without_a_valid_candidate_contributes_nothing_but_counts_in_the_mean():
    # the first state, which is repeated without its candidates, would be clipped: rho > 1.2, A > 0
    batch = random_batch(8)
    batch.old_log_prob[0], batch.corrective_advantage[0] = -30.0, 1.0
    objective = CraftObjective(CraftConfig())
    loss, whole = objective(batch)
    empty = CraftBatch(
        *(
            torch.cat([x, torch.zeros_like(x[:1]) if x.dtype == torch.bool else x[:1]])
            for x in (getattr(batch, f.name) for f in dataclasses.fields(batch))
        )
    )
    logits = empty.logits.clone().requires_grad_()
    with_empty, metrics = objective(dataclasses.replace(empty, logits=logits))
    assert with_empty.item() == pytest.approx(loss.item() * 6 / 7, rel=1e-12)
    with_empty.backward()
    assert not logits.grad[-1].any()
    assert whole["clip_fraction"] > 0.0
    for name, value in whole.items():
        assert metrics[name] == pytest.approx(value * 6 / 7, rel=1e-6), name


def test_at_the_start_of_a_round_nothing_is_clipped_and_no_divergence_is_there():
    # pi = pi_old = pi_T: rho = 1, so L_gr = -mean A, and both KLs are 0
    batch = random_batch(9)
    log_pi = batch.logits.masked_fill(~batch.valid, -math.inf).log_softmax(1)
    batch = dataclasses.replace(
        batch, teacher_logits=batch.logits, old_log_prob=log_pi.gather(1, batch.selected[:, None])[:, 0]
    )
    _, metrics = CraftObjective(CraftConfig())(batch)
    assert metrics["reverse_kl"] == metrics["forward_kl"] == 0.0
    assert metrics["clip_fraction"] == metrics["dual_clip_fraction"] == 0.0
    assert metrics["loss_grounded"] == pytest.approx(-batch.corrective_advantage.mean().item())


def test_every_part_can_be_switched_off():
    batch = random_batch(10)
    off = dict.fromkeys(("lambda_cp", "lambda_gr", "beta_r", "beta_f"), 0.0)
    for weight, part in zip(off, ("loss_proxy", "loss_grounded", "reverse_kl", "forward_kl"), strict=True):
        loss, metrics = CraftObjective(CraftConfig(**off | {weight: 2.0}))(batch)
        assert loss.item() == pytest.approx(2.0 * metrics[part])


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("logits", torch.full((6, 5), NAN), NotFiniteError, "logits has"),
        ("teacher_logits", torch.zeros(6, 4), ValueError, "teacher_logits has shape"),
        ("teacher_logits", torch.full((6, 5), math.inf), NotFiniteError, "logits has"),
        ("proxy_advantage", torch.zeros(5, 5), ValueError, "advantage has shape|valid has shape"),
        ("selected", torch.full((6,), 5), ValueError, "selected must hold candidate numbers from 0 to 4"),
        ("selected", torch.ones(4, dtype=torch.int64), ValueError, "selected has shape"),
        ("old_log_prob", torch.zeros(5), ValueError, "old_log_prob has shape"),
        ("corrective_advantage", torch.full((6,), NAN), NotFiniteError, "advantage has 6"),
    ],
)
def test_refused_input_is_named(name, value, error, message):
    with pytest.raises(error, match=message):
        CraftObjective(CraftConfig())(dataclasses.replace(random_batch(0, dtype=torch.float32), **{name: value}))


def test_an_executed_candidate_that_is_not_valid_is_refused():
    batch = random_batch(0)
    batch.valid[3, 1] = False
    batch.valid[3, 0] = True
    with pytest.raises(ValueError, match="candidate 1 of state 3 was executed, but is not valid"):
        CraftObjective(CraftConfig())(batch)


def test_the_coefficients_are_the_papers():
    config = CraftConfig()
    assert (config.lambda_cp, config.lambda_gr, config.beta_r, config.beta_f) == (1.0, 0.5, 0.5, 0.1)
    assert (config.sigma_min, config.gamma_c, config.correction_scale) == (5.0, 0.8, 8.0)
    assert (config.clip, config.dual_clip) == (0.2, 2.0)


def test_all_coefficients_out_of_range_are_reported_together():
    with pytest.raises(ValueError, match=r"lambda_cp is -1.*clip is 1\.0.*teacher_momentum is nan"):
        CraftConfig(lambda_cp=-1, clip=1.0, teacher_momentum=NAN)
    for field in dataclasses.fields(CraftConfig):
        with pytest.raises(ValueError, match=f"{field.name} is inf"):
            CraftConfig(**{field.name: math.inf})
