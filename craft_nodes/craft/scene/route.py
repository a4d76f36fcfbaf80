"""The route that the vehicle shall drive."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Route:
    """A polyline in the map frame, from start to goal.

    Attributes:
        points: float64 [N, 2], N >= 2, about 1 m apart [m].
        yaw: float64 [N], direction of travel [rad].
    """

    points: np.ndarray
    yaw: np.ndarray

    def __post_init__(self):
        if self.points.ndim != 2 or self.points.shape[1:] != (2,) or len(self.points) < 2:
            raise ValueError(f"a route needs points [N >= 2, 2], not {list(self.points.shape)}")
        if self.yaw.shape != (len(self.points),):
            raise ValueError(f"a route of {len(self.points)} points has {list(self.yaw.shape)} headings")
        if not (np.isfinite(self.points).all() and np.isfinite(self.yaw).all()):
            raise ValueError("a route has coordinates that are not finite")

    @property
    def length_m(self) -> float:
        """From the first point to the last, along the line."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())
