"""Corrective advantage from the grounded, executed rewards."""

import torch
from torch import Tensor

from craft.algorithm.checks import check_series, check_shape


def discounted_return(reward: Tensor, done: Tensor, gamma: float) -> Tensor:
    """G_t = r_t + gamma (1 - done_t) G_{t+1} (CRAFT Eq. 50); nothing follows the last step.

    Args:
        reward: [T] grounded rewards in time order; several episodes may follow each other.
        done: bool [T], the return does not continue past this step.
        gamma: Discount per decision, in [0, 1].

    Returns:
        [T], without a gradient.

    Raises:
        ValueError: Shapes or types do not fit, a reward is not finite, or gamma is out of range.
    """
    check_series("reward", reward)
    check_shape("done", done, tuple(reward.shape))
    if done.dtype != torch.bool:
        raise ValueError(f"done is {done.dtype}, expected torch.bool")
    if not 0.0 <= gamma <= 1.0:
        raise ValueError(f"gamma is {gamma}, expected a number in [0, 1]")
    returns, following = [], 0.0
    for r, d in zip(reversed(reward.tolist()), reversed(done.tolist()), strict=True):
        following = r if d else r + gamma * following
        returns.append(following)
    return reward.new_tensor(returns[::-1])


def corrective_advantage(
    reward: Tensor, done: Tensor, gamma: float, scale: float, bounds: tuple[float, float]
) -> Tensor:
    """A^gr_t = clip(G_t / scale, A_min, A_max) (CRAFT Eq. 51). There is no value function.

    Args:
        reward: [T] grounded rewards in time order; several episodes may follow each other.
        done: bool [T]; the return restarts after such a step.
        gamma: Discount per decision, in [0, 1].
        scale: Divisor, > 0, in units of the reward.
        bounds: (A_min, A_max), A_min <= 0 <= A_max.

    Returns:
        [T].

    Raises:
        ValueError: Shapes, types or ranges do not fit, or a reward is not finite.
    """
    low, high = bounds
    if not scale > 0.0:
        raise ValueError(f"scale is {scale}, expected a positive number")
    if not low <= 0.0 <= high:
        raise ValueError(f"bounds are ({low}, {high}), expected A_min <= 0 <= A_max")
    return (discounted_return(reward, done, gamma) / scale).clamp(low, high)
