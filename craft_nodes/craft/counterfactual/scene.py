"""What the counterfactual world is told about a batch of visited states."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from craft.scene import AgentField, EgoField, Observation, RoadMap, RouteField, StopField


@dataclass(frozen=True)
class Scene:
    """B visited states on one road map. Columns and frames as in Observation; rows that are not valid are never read.

    Attributes:
        road: The road map of all states.
        ego: float32 [B, 12], EgoField, map frame.
        agents: float32 [B, A, 11], AgentField, ego frame.
        agent_valid: bool [B, A].
        route: float32 [B, R, 6], RouteField, ego frame, about 1 m apart.
        route_valid: bool [B, R].
        stop_lines: float32 [B, S, 8], StopField, ego frame.
        stop_valid: bool [B, S].
    """

    road: RoadMap
    ego: torch.Tensor
    agents: torch.Tensor
    agent_valid: torch.Tensor
    route: torch.Tensor
    route_valid: torch.Tensor
    stop_lines: torch.Tensor
    stop_valid: torch.Tensor

    def __post_init__(self):
        states = self.ego.shape[0] if self.ego.ndim else 0
        _check("ego", self.ego, torch.float32, (states, len(EgoField)))
        _refuse_non_finite("ego", self.ego, torch.ones(states, dtype=torch.bool))
        if not (self.ego[:, [EgoField.HALF_LENGTH, EgoField.HALF_WIDTH]] > 0.0).all():
            raise ValueError("Scene.ego has a box without length or width")
        for name, mask, columns in (
            ("agents", "agent_valid", AgentField),
            ("route", "route_valid", RouteField),
            ("stop_lines", "stop_valid", StopField),
        ):
            rows, valid = getattr(self, name), getattr(self, mask)
            count = rows.shape[1] if rows.ndim > 1 else 0
            _check(name, rows, torch.float32, (states, count, len(columns)))
            _check(mask, valid, torch.bool, (states, count))
            _refuse_non_finite(name, rows, valid)

    @staticmethod
    def from_observations(road: RoadMap, observations: Sequence[Observation]) -> "Scene":
        """The scene of B observations made on `road`."""
        if not observations:
            raise ValueError("a scene needs at least one observation")

        def stack(name):
            return torch.from_numpy(np.stack([getattr(observation, name) for observation in observations]))

        return Scene(
            road=road,
            ego=stack("ego"),
            agents=stack("agents"),
            agent_valid=stack("agent_valid"),
            route=stack("route"),
            route_valid=stack("route_valid"),
            stop_lines=stack("stop_lines"),
            stop_valid=stack("stop_valid"),
        )


def _check(name, tensor, dtype, shape):
    if tensor.dtype != dtype or tuple(tensor.shape) != shape:
        raise ValueError(f"Scene.{name} is {tensor.dtype} {list(tensor.shape)}, expected {dtype} {list(shape)}")


def _refuse_non_finite(name, rows, valid):
    bad = valid & ~torch.isfinite(rows).all(-1)
    if bad.any():
        raise ValueError(f"Scene.{name}{bad.nonzero()[0].tolist()} is valid and has values that are not finite")
