"""Observations as tensors with a leading batch dimension."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from craft.scene import Observation


@dataclass(frozen=True)
class ObservationBatch:
    """B observations; columns as in craft.scene.observation, float32 unless said otherwise.

    Attributes:
        ego: [B, 12], EgoField.
        agents: [B, A, 11], AgentField.
        agent_valid: bool [B, A].
        route: [B, R, 6], RouteField.
        route_valid: bool [B, R].
        stop_lines: [B, S, 8], StopField.
        stop_valid: bool [B, S].
        route_remaining_m: [B], distance along the route to its end [m].
        route_offset_m: [B], signed distance from the route, left positive [m].
    """

    ego: torch.Tensor
    agents: torch.Tensor
    agent_valid: torch.Tensor
    route: torch.Tensor
    route_valid: torch.Tensor
    stop_lines: torch.Tensor
    stop_valid: torch.Tensor
    route_remaining_m: torch.Tensor
    route_offset_m: torch.Tensor

    def __len__(self) -> int:
        return len(self.ego)

    def __getitem__(self, rows) -> "ObservationBatch":
        """The chosen rows (a slice or an index tensor)."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def names(cls) -> list[str]:
        """Names of the tensors, in the order of the constructor."""
        return [field.name for field in fields(cls)]

    @classmethod
    def from_observations(cls, observations: Sequence[Observation]) -> "ObservationBatch":
        """Stacks observations; raises ValueError for none, or for one without any valid route point."""
        if not observations:
            raise ValueError("a batch needs at least one observation")
        for observation in observations:
            if not observation.route_valid.any():
                raise ValueError(
                    f"the observation of episode {observation.episode} frame {observation.frame} has no valid route "
                    "point; begin the episode with a route before the policy decides"
                )
        return cls(**{name: torch.from_numpy(array) for name, array in stack_arrays(observations).items()})


def stack_arrays(observations: Sequence[Observation]) -> dict[str, np.ndarray]:
    """The arrays of an ObservationBatch of these observations, by name."""
    arrays = {
        name: np.stack([getattr(observation, name) for observation in observations])
        for name in ("ego", "agents", "agent_valid", "route", "route_valid", "stop_lines", "stop_valid")
    }
    arrays["route_remaining_m"] = np.array([o.route_length_m - o.route_progress_m for o in observations], np.float32)
    arrays["route_offset_m"] = np.array([o.route_offset_m for o in observations], np.float32)
    return arrays
