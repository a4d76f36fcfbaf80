"""What the counterfactual world says about candidates."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class CandidateReturns:
    """Outcome of B x G counterfactual rollouts. Entries that are not valid are 0 or False.

    Attributes:
        returns: float32 [B, G], discounted return (CRAFT Eq. 37).
        valid: bool [B, G].
        collision: bool [B, G], a contact that counts happened; the rollout ended there.
        red_light: bool [B, G], a stop line whose light is red was crossed.
        stop_sign: bool [B, G], a stop sign was passed without standing before it.
        off_road: bool [B, G], a corner left the road at least once.
        progress_m: float32 [B, G], advance along the route, clipped each step as in the reward [m].
    """

    returns: torch.Tensor
    valid: torch.Tensor
    collision: torch.Tensor
    red_light: torch.Tensor
    stop_sign: torch.Tensor
    off_road: torch.Tensor
    progress_m: torch.Tensor
