"""The policy's distribution over the valid candidates of a state."""

import torch
from torch import Tensor

from craft.algorithm.checks import check_groups


def masked_log_prob(logits: Tensor, valid: Tensor) -> Tensor:
    """Log-probabilities of the softmax over the valid candidates.

    A masked candidate gets a huge negative, but finite number: its probability is exactly 0, and neither 0 * log 0 nor
    its gradient becomes NaN. A group without a valid candidate comes out uniform and carries no gradient.

    Args:
        logits: [B, G]; masked entries may be anything, NaN included.
        valid: bool [B, G].

    Returns:
        [B, G] log pi(tau_g | s_i).

    Raises:
        ValueError: Shapes or types do not fit, or a valid logit is not finite.
    """
    check_groups("logits", logits, valid)
    return logits.masked_fill(~valid, torch.finfo(logits.dtype).min / 2).log_softmax(dim=1)


def masked_entropy(log_prob: Tensor, valid: Tensor) -> Tensor:
    """Entropy of each group [nat].

    Args:
        log_prob: [B, G] from `masked_log_prob`.
        valid: bool [B, G].

    Returns:
        [B], 0 where no candidate is valid.
    """
    return -torch.where(valid, log_prob.exp() * log_prob, 0.0).sum(dim=1)
