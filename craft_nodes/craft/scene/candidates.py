"""The group of candidate trajectories that a policy scores."""

from dataclasses import dataclass

import torch

TRAJECTORY_STEPS = 6  # points of a trajectory; the first lies TRAJECTORY_DT_S ahead
TRAJECTORY_DT_S = 0.5  # time between two points [s]


@dataclass(frozen=True)
class Candidates:
    """Candidate trajectories in the ego frame (origin: box centre, x forward, y left).

    Attributes:
        trajectories: float32 [G, T, 3] (one vocabulary shared by a batch) or [B, G, T, 3]: x [m], y [m], yaw [rad] at
            times TRAJECTORY_DT_S, 2 TRAJECTORY_DT_S, ...
        valid: bool [G] or [B, G]; padded candidates are False.
    """

    trajectories: torch.Tensor
    valid: torch.Tensor

    def __post_init__(self):
        shape = tuple(self.trajectories.shape)
        if len(shape) not in (3, 4) or shape[-1] != 3:
            raise ValueError(f"candidate trajectories must be [G, T, 3] or [B, G, T, 3], not {list(shape)}")
        if tuple(self.valid.shape) != shape[:-2] or self.valid.dtype != torch.bool:
            raise ValueError(
                f"candidate validity must be bool {list(shape[:-2])}, not {self.valid.dtype} {list(self.valid.shape)}"
            )
        if not torch.isfinite(self.trajectories[self.valid]).all():
            raise ValueError("a valid candidate trajectory has values that are not finite")
