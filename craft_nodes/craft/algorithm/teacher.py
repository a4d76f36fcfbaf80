"""The teacher: an exponential moving average of the policy, begun at the pre-trained one."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class EmaTeacher(nn.Module):
    """theta_T <- m theta_T + (1 - m) theta (CRAFT Eq. 12), initialised from the module as it is given.

    Its parameters never receive a gradient, and every update is a plain assignment outside of the graph. `state_dict`
    and `load_state_dict` carry all of it.
    """

    def __init__(self, module: nn.Module, momentum: float):
        """Copies the module.

        Args:
            module: The trainable part of the policy, still with its pre-trained weights.
            momentum: m, in [0, 1]; 1 keeps the pre-trained policy for ever.

        Raises:
            ValueError: The momentum is out of range.
        """
        if not 0.0 <= momentum <= 1.0:
            raise ValueError(f"the teacher's momentum is {momentum}, expected a number in [0, 1]")
        super().__init__()
        self._average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(momentum))
        self._average.requires_grad_(False)
        # AveragedModel's first update would replace its weights: count the pre-trained ones as the first.
        self._average.n_averaged += 1

    @property
    def module(self) -> nn.Module:
        """The averaged copy of the module."""
        return self._average.module

    def forward(self, *args) -> Tensor:
        """The averaged module's output, without a graph."""
        with torch.no_grad():
            return self._average(*args)

    def update(self, module: nn.Module) -> None:
        """Moves the average towards the module's present weights."""
        self._average.update_parameters(module)
