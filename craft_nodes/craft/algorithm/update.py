"""One iteration of CRAFT's Algorithm 1, once the transitions are collected."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from craft.algorithm.correction import corrective_advantage, discounted_return
from craft.algorithm.diagnostics import ProxyAlignment, proxy_alignment
from craft.algorithm.group_advantage import group_advantage
from craft.algorithm.objective import CraftBatch, CraftObjective
from craft.algorithm.rollout import RolloutBatch
from craft.algorithm.teacher import EmaTeacher


@dataclass(frozen=True)
class UpdateReport:
    """What one round of updates did.

    Attributes:
        steps: Metrics of every optimiser step, in order.
        alignment: Of the proxy with what execution showed.
        grounded_return: Mean realised return of the executed decisions.
    """

    steps: list[dict[str, float]]
    alignment: ProxyAlignment
    grounded_return: float


def craft_update(
    rollout: RolloutBatch,
    trainable: nn.Module,
    teacher: EmaTeacher,
    objective: CraftObjective,
    minibatches: Iterable[Tensor],
    chunk: int,
    step: Callable[[Tensor], dict[str, float]],
) -> UpdateReport:
    """Changes the policy by one round of on-policy transitions (CRAFT Algorithm 1).

    Advantages and the teacher's opinion are fixed for the round; the teacher moves once, at its end.

    Args:
        rollout: The transitions.
        trainable: The only part of the policy that changes: (features [b, F], candidates) -> logits [b, G].
        teacher: EMA of `trainable`.
        objective: Loss of a batch.
        minibatches: Row numbers int64 [b] of each optimiser step.
        chunk: States that are scored at once for the teacher: bounds the memory.
        step: Backpropagates a loss, changes `trainable`, and returns metrics of its own.

    Raises:
        ValueError: Naming an input that does not fit; NotFiniteError for logits that are not finite.
    """
    config = objective.config

    # A_{i,g} of all stored candidates, against their own group                                 Eqs. 37-39
    proxy = group_advantage(rollout.returns, rollout.returns_valid, config.sigma_min)

    # A^gr_t from the executed rewards                                                          Eqs. 50-51
    correction = corrective_advantage(
        rollout.reward, rollout.last, config.gamma_c, config.correction_scale, config.correction_bounds
    )

    # pi_T on the visited states
    rows = torch.arange(len(rollout))
    teacher_logits = torch.cat([teacher(rollout.features[r], rollout.candidates_of(r)) for r in rows.split(chunk)])

    # minimise L                                                                                Eqs. 14, 54
    steps = []
    for r in minibatches:
        loss, metrics = objective(
            CraftBatch(
                logits=trainable(rollout.features[r], rollout.candidates_of(r)),
                teacher_logits=teacher_logits[r],
                valid=rollout.valid[r],
                proxy_advantage=proxy[r],
                selected=rollout.selected[r],
                old_log_prob=rollout.old_log_prob[r],
                corrective_advantage=correction[r],
            )
        )
        steps.append(metrics | step(loss))

    # theta_T <- m theta_T + (1 - m) theta                                                      Eq. 12
    teacher.update(trainable)

    grounded_return = discounted_return(rollout.reward, rollout.last, config.gamma_c)
    return UpdateReport(
        steps=steps,
        alignment=proxy_alignment(rollout.executed(proxy), grounded_return),
        grounded_return=float(grounded_return.mean()),
    )
