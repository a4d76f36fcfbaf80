"""One round of on-policy transitions as tensors."""

from dataclasses import dataclass

import torch
from torch import Tensor

from craft.algorithm.checks import check_groups, check_series, check_shape
from craft.scene.candidates import Candidates


@dataclass(frozen=True)
class RolloutBatch:
    """B transitions, episode by episode, each episode in time order.

    Attributes:
        features: float32 [B, F] of the frozen encoder.
        candidates: One vocabulary [G, T, 3] for all states, or each state's own [B, G, T, 3].
        valid: bool [B, G], candidates that the policy chooses from.
        returns: float32 [B, G] counterfactual returns.
        returns_valid: bool [B, G], candidates that the counterfactual world judged.
        selected: int64 [B], the executed candidates.
        old_log_prob: float32 [B], log pi_old(selected) while driving.
        reward: float32 [B], grounded.
        last: bool [B], the grounded return does not continue past this row: the episode ended, or its next step
            is absent.
        event: bool [B], something interaction-critical happened.
    """

    features: Tensor
    candidates: Candidates
    valid: Tensor
    returns: Tensor
    returns_valid: Tensor
    selected: Tensor
    old_log_prob: Tensor
    reward: Tensor
    last: Tensor
    event: Tensor

    def __post_init__(self):
        size = len(self.features)
        if self.features.ndim != 2 or size == 0:
            raise ValueError(f"features has shape {list(self.features.shape)}, expected [B, F] with B > 0")
        check_groups("returns", self.returns, self.returns_valid)
        check_shape("valid", self.valid, tuple(self.returns.shape))
        if (self.returns_valid & ~self.valid).any():
            raise ValueError("returns_valid marks candidates that are not valid")
        groups = self.candidates.trajectories.shape[:-2]
        if groups[-1] != self.valid.shape[1] or (len(groups) == 2 and groups[0] != size):
            raise ValueError(f"candidates are of shape {list(groups)}, the validity mask of {list(self.valid.shape)}")
        for name in ("old_log_prob", "reward"):
            check_series(name, getattr(self, name))
        for name in ("valid", "selected", "old_log_prob", "reward", "last", "event"):
            if len(getattr(self, name)) != size:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, features {size}")

    def __len__(self) -> int:
        return len(self.features)

    def candidates_of(self, rows: Tensor) -> Candidates:
        """The candidates of some states: the vocabulary itself, or the rows' own.

        Args:
            rows: int64 [b].
        """
        if self.candidates.trajectories.ndim == 3:
            return self.candidates
        return Candidates(self.candidates.trajectories[rows], self.candidates.valid[rows])

    def executed(self, values: Tensor) -> Tensor:
        """The entries [B] of values [B, G] that belong to the executed candidates."""
        return torch.gather(values, 1, self.selected[:, None])[:, 0]
