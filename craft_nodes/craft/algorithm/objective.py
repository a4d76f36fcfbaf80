"""The whole CRAFT objective and all of its coefficients."""

from dataclasses import dataclass

from torch import Tensor

from craft.algorithm.checks import check_shape
from craft.algorithm.distillation import distillation
from craft.algorithm.distribution import masked_entropy, masked_log_prob
from craft.algorithm.grounded import grounded_utility
from craft.algorithm.proxy import proxy_loss


@dataclass(frozen=True)
class CraftConfig:
    """Coefficients of the objective. Values are the paper's where a source is given.

    Attributes:
        lambda_cp: Weight of the counterfactual proxy.
        lambda_gr: Weight of the grounded correction; 0 leaves the proxy alone (GRPO, CRAFT Eq. 49).
        beta_r: Weight of the reverse KL to the teacher.
        beta_f: Weight of the forward KL from the teacher.
        sigma_min: Smallest divisor of the group normalisation, in units of the counterfactual return.
        gamma_c: Discount of the grounded return per decision.
        correction_scale: Divisor of the grounded return, in units of the grounded reward.
        correction_bound: A_max = -A_min, dimensionless.
        clip: eps of the ratio's clip.
        dual_clip: c of the dual clip.
        teacher_momentum: m of the teacher, applied once a training round.
    """

    lambda_cp: float = 1.0  # [-] CRAFT Eq. 54
    lambda_gr: float = 0.5  # [-] CRAFT Eq. 54
    beta_r: float = 0.5  # [-] CRAFT Eq. 14
    beta_f: float = 0.1  # [-] CRAFT Eq. 14
    sigma_min: float = 5.0  # [return] CRAFT Eq. 39
    gamma_c: float = 0.8  # [-] CRAFT Eq. 50
    correction_scale: float = 8.0  # [reward] CRAFT Eq. 51
    correction_bound: float = 3.0  # [-] ours: where a normalised proxy advantage ends, too
    clip: float = 0.2  # [-] CRAFT Eq. 52
    dual_clip: float = 2.0  # [-] CRAFT Eq. 53
    teacher_momentum: float = 0.9  # [-] ours: for runs of a dozen rounds; CRAFT Eq. 12 has 0.99, for runs of hours

    def __post_init__(self):
        inf = float("inf")
        ranges = {  # name -> (lowest, highest, lowest and highest allowed themselves)
            "lambda_cp": (0.0, inf, True),
            "lambda_gr": (0.0, inf, True),
            "beta_r": (0.0, inf, True),
            "beta_f": (0.0, inf, True),
            "sigma_min": (0.0, inf, False),
            "gamma_c": (0.0, 1.0, True),
            "correction_scale": (0.0, inf, False),
            "correction_bound": (0.0, inf, False),
            "clip": (0.0, 1.0, False),
            "dual_clip": (1.0, inf, False),
            "teacher_momentum": (0.0, 1.0, True),
        }
        wrong = []
        for name, (low, high, closed) in ranges.items():
            value = getattr(self, name)
            inside = low <= value <= high if closed else low < value < high
            if not inside or value == inf:
                wrong.append(f"{name} is {value}, expected {low} to {high}" + ("" if closed else ", both excluded"))
        if wrong:
            raise ValueError("CraftConfig: " + "; ".join(wrong))

    @property
    def correction_bounds(self) -> tuple[float, float]:
        """(A_min, A_max)."""
        return -self.correction_bound, self.correction_bound


@dataclass(frozen=True)
class CraftBatch:
    """What the objective is computed from.

    Attributes:
        logits: [B, G] of the policy being trained.
        teacher_logits: [B, G] of the teacher.
        valid: bool [B, G].
        proxy_advantage: [B, G] from `group_advantage`.
        selected: int64 [B], the executed candidates; each must be valid where its state has a valid candidate.
        old_log_prob: [B] log pi_old of the executed candidates.
        corrective_advantage: [B].
    """

    logits: Tensor
    teacher_logits: Tensor
    valid: Tensor
    proxy_advantage: Tensor
    selected: Tensor
    old_log_prob: Tensor
    corrective_advantage: Tensor


class CraftObjective:
    """L = lambda_cp L_cp + lambda_gr L_gr + beta_r L_dist + beta_f L_KL (CRAFT Eqs. 14, 54)."""

    def __init__(self, config: CraftConfig):
        self.config = config

    def __call__(self, batch: CraftBatch) -> tuple[Tensor, dict[str, float]]:
        """The loss of a batch and its parts.

        A state without a valid candidate contributes 0 to every part.

        Returns:
            The scalar loss, and the metrics: loss, loss_proxy, loss_grounded, reverse_kl, forward_kl,
            expected_advantage, clip_fraction, dual_clip_fraction (each among all samples), entropy [nat].

        Raises:
            ValueError: Naming the input that does not fit or is not finite.
        """
        config = self.config
        states = batch.valid.any(dim=1)
        log_policy = masked_log_prob(batch.logits, batch.valid)
        check_shape("selected", batch.selected, (len(batch.logits),))
        _check_selected(batch.selected, batch.valid, states)

        # L_cp = - mean_i sum_g pi(tau_g | s_i) A_{i,g}                                        Eq. 7
        loss_proxy = proxy_loss(batch.logits, batch.proxy_advantage, batch.valid)

        # L_gr = - mean_t u_t, over the executed candidates                                    Eqs. 8-9
        log_prob = log_policy.gather(1, batch.selected[:, None])[:, 0]
        executed = grounded_utility(
            log_prob, batch.old_log_prob, batch.corrective_advantage, config.clip, config.dual_clip
        )
        loss_grounded = -(executed.utility * states).mean()

        # L_dist = KL(pi || pi_T), L_KL = KL(pi_T || pi)                                       Eqs. 12-13
        reverse_kl, forward_kl = distillation(batch.logits, batch.teacher_logits, batch.valid)

        loss = (
            config.lambda_cp * loss_proxy
            + config.lambda_gr * loss_grounded
            + config.beta_r * reverse_kl
            + config.beta_f * forward_kl
        )
        metrics = {
            "loss": loss,
            "loss_proxy": loss_proxy,
            "loss_grounded": loss_grounded,
            "reverse_kl": reverse_kl,
            "forward_kl": forward_kl,
            "expected_advantage": -loss_proxy,
            "clip_fraction": (executed.clipped & states).float().mean(),
            "dual_clip_fraction": (executed.dual_clipped & states).float().mean(),
            "entropy": masked_entropy(log_policy, batch.valid).mean(),
        }
        return loss, {name: float(value.detach()) for name, value in metrics.items()}


def _check_selected(selected: Tensor, valid: Tensor, states: Tensor) -> None:
    if selected.is_floating_point() or ((selected < 0) | (selected >= valid.shape[1])).any():
        raise ValueError(f"selected must hold candidate numbers from 0 to {valid.shape[1] - 1}")
    wrong = states & ~valid.gather(1, selected[:, None])[:, 0]
    if wrong.any():
        state = int(wrong.nonzero()[0])
        raise ValueError(f"selected: candidate {int(selected[state])} of state {state} was executed, but is not valid")
