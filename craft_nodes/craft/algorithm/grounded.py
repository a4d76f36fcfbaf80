"""The grounded residual objective: a clipped ratio with a dual clip for negative advantages."""

from dataclasses import dataclass

import torch
from torch import Tensor

from craft.algorithm.checks import check_series, check_shape

MAX_LOG_RATIO = 20.0  # |log rho| beyond this is cut off before exp: e^20 is far outside of every clip range


@dataclass(frozen=True)
class GroundedUtility:
    """What the ratio was made into.

    Attributes:
        utility: [N] u_t.
        ratio: [N] rho_t.
        clipped: bool [N], the PPO clip at 1 +- eps decides the value.
        dual_clipped: bool [N], the dual clip decides the value.
    """

    utility: Tensor
    ratio: Tensor
    clipped: Tensor
    dual_clipped: Tensor


def grounded_utility(
    log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float, dual_clip: float
) -> GroundedUtility:
    """Utility u = min(rho A, clip(rho, 1 - eps, 1 + eps) A); max(u, c A) where A < 0 (CRAFT Eqs. 8-9, 52-53).

    With |A| <= A_max the result keeps -c A_max <= u <= (1 + eps) A_max (Prop. A.2).

    Args:
        log_prob: [N] log pi_theta(tau_t | s_t) of the executed candidates.
        old_log_prob: [N] log pi_old(tau_t | s_t), as of the time of driving; carries no gradient.
        advantage: [N] from `corrective_advantage`.
        clip: eps, in (0, 1).
        dual_clip: c, > 1.

    Returns:
        The utilities and which clip decided them.

    Raises:
        ValueError: Shapes, types or ranges do not fit, or an input is not finite.
    """
    for name, values in (("log_prob", log_prob), ("old_log_prob", old_log_prob), ("advantage", advantage)):
        check_series(name, values)
        check_shape(name, values, tuple(log_prob.shape))
    if not 0.0 < clip < 1.0:
        raise ValueError(f"clip is {clip}, expected a number in (0, 1)")
    if not dual_clip > 1.0:
        raise ValueError(f"dual_clip is {dual_clip}, expected a number above 1")
    ratio = (log_prob - old_log_prob).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
    unclipped = ratio * advantage
    within = ratio.clamp(1.0 - clip, 1.0 + clip) * advantage
    pessimistic = torch.minimum(unclipped, within)
    floor = dual_clip * advantage
    dual_clipped = (advantage < 0.0) & (pessimistic < floor)
    return GroundedUtility(
        utility=torch.where(dual_clipped, floor, pessimistic),
        ratio=ratio,
        clipped=within < unclipped,
        dual_clipped=dual_clipped,
    )


def grounded_loss(log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float, dual_clip: float) -> Tensor:
    """L_gr = - mean_t u_t (CRAFT Eq. 9); arguments and errors as of `grounded_utility`.

    Returns:
        Scalar; 0 for no samples.
    """
    utility = grounded_utility(log_prob, old_log_prob, advantage, clip, dual_clip).utility
    return -utility.sum() / max(len(utility), 1)
