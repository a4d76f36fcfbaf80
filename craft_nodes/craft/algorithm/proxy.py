"""The dense counterfactual proxy objective."""

from torch import Tensor

from craft.algorithm.checks import check_groups
from craft.algorithm.diagnostics import expected_advantage


def proxy_loss(logits: Tensor, advantage: Tensor, valid: Tensor) -> Tensor:
    """L_cp = - mean_i sum_g pi(tau_g | s_i) A_{i,g} (CRAFT Eq. 7): an exact expectation over the group, not a sample.

    Args:
        logits: [B, G] of the policy being trained.
        advantage: [B, G] from `group_advantage`.
        valid: bool [B, G]. A state without a valid candidate contributes 0 to the mean over B.

    Returns:
        Scalar.

    Raises:
        ValueError: Shapes or types do not fit, or a valid logit or advantage is not finite.
    """
    check_groups("advantage", advantage, valid)
    return -expected_advantage(logits, advantage, valid).mean()
