"""On-policy self-distillation from the EMA teacher."""

from torch import Tensor
from torch.nn.functional import kl_div

from craft.algorithm.checks import check_shape
from craft.algorithm.distribution import masked_log_prob


def distillation(logits: Tensor, teacher_logits: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Reverse KL(pi_theta || pi_T) and forward KL(pi_T || pi_theta) over the valid candidates (CRAFT Eqs. 12-14).

    Args:
        logits: [B, G] of the policy being trained.
        teacher_logits: [B, G] of the teacher; carries no gradient.
        valid: bool [B, G]. A state without a valid candidate contributes 0 to the means over B.

    Returns:
        (reverse_kl, forward_kl), scalars [nat].

    Raises:
        ValueError: Shapes or types do not fit, or a valid logit is not finite.
    """
    check_shape("teacher_logits", teacher_logits, tuple(logits.shape))
    log_p = masked_log_prob(logits, valid)
    log_q = masked_log_prob(teacher_logits.detach(), valid)
    # batchmean: summed over the candidates, averaged over the states
    reverse_kl = kl_div(log_q, log_p, reduction="batchmean", log_target=True)
    forward_kl = kl_div(log_p, log_q, reduction="batchmean", log_target=True)
    return reverse_kl, forward_kl
