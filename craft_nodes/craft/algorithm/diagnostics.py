"""What tells whether the method works as it should: alignment of the proxy, and steadiness of the training."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from craft.algorithm.checks import check_series, check_shape
from craft.algorithm.distribution import masked_log_prob


def expected_advantage(logits: Tensor, advantage: Tensor, valid: Tensor) -> Tensor:
    """sum_g pi(tau_g | s_i) A_{i,g} of each state.

    Args:
        logits: [B, G].
        advantage: [B, G]; masked entries may be anything.
        valid: bool [B, G].

    Returns:
        [B], 0 where no candidate is valid.

    Raises:
        ValueError: Shapes or types do not fit, or a valid logit is not finite.
    """
    check_shape("advantage", advantage, tuple(logits.shape))
    return (masked_log_prob(logits, valid).exp() * torch.where(valid, advantage, 0.0)).sum(dim=1)


@dataclass(frozen=True)
class ProxyAlignment:
    """How well the proxy tells what was grounded in execution; NaN where one side does not vary.

    Attributes:
        pearson: Linear correlation.
        spearman: Correlation of the ranks, ties sharing their mean rank.
        coefficient: alpha* = Cov[Y, C] / Var[C].
    """

    pearson: float
    spearman: float
    coefficient: float


def proxy_alignment(proxy: Tensor, executed: Tensor) -> ProxyAlignment:
    """Alignment of the proxy advantage of the executed candidates with the returns that followed.

    Args:
        proxy: [N] proxy advantage of the candidate that was executed.
        executed: [N] realised grounded return.

    Raises:
        ValueError: Shapes or types do not fit, or an input is not finite.
    """
    check_series("proxy", proxy)
    check_series("executed", executed)
    check_shape("executed", executed, tuple(proxy.shape))
    proxy, executed = proxy.double(), executed.double()
    return ProxyAlignment(
        pearson=_correlation(proxy, executed),
        spearman=_correlation(_ranks(proxy), _ranks(executed)),
        coefficient=optimal_coefficient(executed, proxy),
    )


def optimal_coefficient(target: Tensor, control: Tensor) -> float:
    """alpha* = Cov[Y, C] / Var[C], which makes Var[Y - alpha C] smallest (CRAFT Prop. 3.2).

    Args:
        target: [N] Y, what is to be estimated.
        control: [N] C, the proxy.

    Returns:
        alpha*, NaN where the control does not vary.
    """
    target, control = target.double(), control.double()
    if _constant(control):
        return float("nan")
    control = control - control.mean()
    return float(((target - target.mean()) * control).sum() / control.square().sum())


def coefficient_of_variation(values: Sequence[float]) -> float:
    """Population standard deviation over the mean's magnitude; NaN for fewer than two values or a mean of zero."""
    series = torch.tensor(values, dtype=torch.float64)
    if len(series) < 2 or series.mean() == 0.0:
        return float("nan")
    return float(series.std(correction=0) / series.mean().abs())


def _constant(values: Tensor) -> bool:
    return len(values) < 2 or bool((values == values[0]).all())


def _correlation(a: Tensor, b: Tensor) -> float:
    if _constant(a) or _constant(b):
        return float("nan")
    return float(torch.corrcoef(torch.stack((a, b)))[0, 1])


def _ranks(values: Tensor) -> Tensor:
    """Ranks from 1, ties sharing their mean rank."""
    _, group, size = torch.unique(values, return_inverse=True, return_counts=True)
    last = size.cumsum(0)
    return (last - (size - 1).double() / 2.0)[group]
