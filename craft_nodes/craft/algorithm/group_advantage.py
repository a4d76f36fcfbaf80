"""Group-normalised advantage of the counterfactual returns."""

import torch
from torch import Tensor

from craft.algorithm.checks import check_groups


def group_advantage(returns: Tensor, valid: Tensor, sigma_min: float) -> Tensor:
    """How much better each candidate is than its group: A = (R - mean) / max(std, sigma_min) (CRAFT Eqs. 38-39).

    Mean and population standard deviation go over the valid candidates of the state.

    Args:
        returns: [B, G] counterfactual returns; masked entries may be anything, NaN included.
        valid: bool [B, G].
        sigma_min: Smallest divisor, > 0, in units of the return: differences smaller than it stay small.

    Returns:
        [B, G]; 0 where masked, and in groups with fewer than two valid candidates.

    Raises:
        ValueError: Shapes or types do not fit, a valid return is not finite, or sigma_min is not positive.
    """
    check_groups("returns", returns, valid)
    if not sigma_min > 0.0:
        raise ValueError(f"sigma_min is {sigma_min}, expected a positive number")
    count = valid.sum(dim=1, keepdim=True).clamp(min=1)
    mean = torch.where(valid, returns, 0.0).sum(dim=1, keepdim=True) / count
    deviation = torch.where(valid, returns - mean, 0.0)  # exactly 0 in a group of one
    std = (deviation.square().sum(dim=1, keepdim=True) / count).sqrt()
    return deviation / std.clamp(min=sigma_min)
