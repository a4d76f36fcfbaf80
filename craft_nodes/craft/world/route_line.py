"""A route as a curve: positions by arc length, and projection onto it."""

import math

import numpy as np

from craft.scene.frames import wrap_angle


class RouteLine:
    """A polyline parametrised by its arc length s [m]; map frame.

    Args:
        points: float64 [N, 2], N >= 2 [m].
    """

    def __init__(self, points: np.ndarray):
        self.points = np.asarray(points, dtype=np.float64)
        steps = np.diff(self.points, axis=0)
        self._step_m = np.hypot(steps[:, 0], steps[:, 1])
        if not (self._step_m > 0.0).all():
            raise ValueError(f"point {int(np.argmin(self._step_m))} of a route is repeated; drop repeated points")
        self._direction = steps / self._step_m[:, None]
        self.s = np.concatenate([[0.0], np.cumsum(self._step_m)])
        self.length_m = float(self.s[-1])

    def pose(self, s: float, left_m: float = 0.0) -> tuple[float, float, float]:
        """Pose (x [m], y [m], yaw [rad]) at arc length s, moved `left_m` to the left; straight on beyond both ends."""
        i = min(max(int(np.searchsorted(self.s, s, side="right")) - 1, 0), len(self._step_m) - 1)
        (x, y), (dx, dy), ahead = self.points[i].tolist(), self._direction[i].tolist(), s - float(self.s[i])
        return x + ahead * dx - left_m * dy, y + ahead * dy + left_m * dx, math.atan2(dy, dx)

    def project(self, x: float, y: float, s_from: float = -math.inf, s_to: float = math.inf) -> tuple[float, float]:
        """Nearest point of the part between two arc lengths.

        Returns:
            Its arc length s [m] and the signed distance of (x, y) from it, left positive [m].
        """
        first = max(int(np.searchsorted(self.s, s_from, side="right")) - 1, 0)
        last = max(min(int(np.searchsorted(self.s, s_to, side="left")), len(self._step_m)), first + 1)
        first = min(first, last - 1)
        start, direction, length = self.points[first:last], self._direction[first:last], self._step_m[first:last]
        dx, dy = x - start[:, 0], y - start[:, 1]
        along = np.clip(dx * direction[:, 0] + dy * direction[:, 1], 0.0, length)
        ox, oy = dx - along * direction[:, 0], dy - along * direction[:, 1]
        i = int(np.argmin(ox * ox + oy * oy))
        side = direction[i, 0] * oy[i] - direction[i, 1] * ox[i]
        return float(self.s[first + i] + along[i]), float(math.copysign(math.hypot(ox[i], oy[i]), side))

    def turn(self, s_from: float, s_to: float) -> float:
        """Change of heading between two arc lengths [rad], left positive, in [-pi, pi)."""
        return float(wrap_angle(self.pose(s_to)[2] - self.pose(s_from)[2]))
