"""How the features of a state are laid out: encoder tokens and the plain geometry that candidates are compared with."""

from dataclasses import dataclass
from math import prod

import torch

from craft.policies.vocabulary.config import VocabularyConfig
from craft.scene import MAX_STOP_LINES, ROUTE_POINTS

ROUTE_STRIDE = 2  # rows of Observation.route between two points of the geometry
ROUTE_SAMPLES = ROUTE_POINTS // ROUTE_STRIDE
ROUTE_TOKEN_POINTS = 8  # consecutive points of the geometry that make one token
ROUTE_TOKENS = ROUTE_SAMPLES // ROUTE_TOKEN_POINTS


@dataclass(frozen=True)
class SceneGeometry:
    """What is compared with candidates, in the ego frame and SI units.

    Attributes:
        ego: [B, 5] speed, yaw rate, speed limit, half length, half width.
        route: [B, ROUTE_SAMPLES, 3] x, y, yaw; ROUTE_STRIDE metres apart, extended straight beyond the route's ends.
        agents: [B, A, 9] x, y, yaw, vx, vy, yaw rate, half length, half width, 1 if valid else 0.
        stops: [B, MAX_STOP_LINES, 3] distance along the route from the box centre, 1 if a light forbids passing,
            1 if a stop sign does.
    """

    ego: torch.Tensor
    route: torch.Tensor
    agents: torch.Tensor
    stops: torch.Tensor


@dataclass(frozen=True)
class FeatureLayout:
    """Packs and unpacks the flat features [B, F]."""

    config: VocabularyConfig

    @property
    def tokens(self) -> int:
        """K: one for the ego vehicle, then route, agents, stop lines."""
        return 1 + ROUTE_TOKENS + self.config.agents + MAX_STOP_LINES

    @property
    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        return (
            (self.tokens, self.config.token_size),
            (self.tokens,),
            (5,),
            (ROUTE_SAMPLES, 3),
            (self.config.agents, 9),
            (MAX_STOP_LINES, 3),
        )

    @property
    def size(self) -> int:
        """F."""
        return sum(prod(shape) for shape in self._shapes)

    def pack(self, tokens: torch.Tensor, token_valid: torch.Tensor, geometry: SceneGeometry) -> torch.Tensor:
        """Features [B, F] from tokens [B, K, D], their validity [B, K], and the geometry."""
        parts = (tokens, token_valid.float(), geometry.ego, geometry.route, geometry.agents, geometry.stops)
        return torch.cat([part.flatten(1) for part in parts], dim=1)

    def unpack(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, SceneGeometry]:
        """Tokens [B, K, D], their validity bool [B, K], and the geometry.

        Raises:
            ValueError: The features are not [B, F].
        """
        if features.dim() != 2 or features.shape[1] != self.size:
            raise ValueError(f"features of the vocabulary policy must be [B, {self.size}], not {list(features.shape)}")
        flat = features.split([prod(shape) for shape in self._shapes], dim=1)
        parts = [part.unflatten(1, shape) for part, shape in zip(flat, self._shapes, strict=True)]
        return parts[0], parts[1] > 0.5, SceneGeometry(*parts[2:])
