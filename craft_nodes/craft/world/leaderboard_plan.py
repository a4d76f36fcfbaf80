"""The leaderboard's plan as a route."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from craft.scene.frames import wrap_angle
from craft.scene.route import Route

SPACING_M = 1.0  # of the route's points, as in training
ACROSS_RAD = np.radians(30.0)  # a step that leaves its lane's direction by more changes the lane
CHANGE_M = 10.0  # before and after such a step the plan is left, so that the lane is changed over 20 m


def route_from_plan(plan: Sequence[tuple[Any, Any]]) -> Route:
    """The route of a dense plan.

    A leaderboard's plan jumps from one lane to the next between two of its points; the jump becomes a straight line
    from CHANGE_M before it to CHANGE_M after it.

    Args:
        plan: (carla.Transform, road option), about 1 m apart.

    Raises:
        ValueError: The plan has no length.
    """
    places = np.array([(t.location.x, -t.location.y, -np.radians(t.rotation.yaw)) for t, _ in plan]).reshape(-1, 3)
    steps = np.hypot(*np.diff(places[:, :2], axis=0).T)
    places = places[np.append(True, steps > 1e-3)]
    if len(places) < 2:
        raise ValueError("the global plan has no length; it needs at least two distinct points")
    points = places[_kept(places), :2]
    at = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    even = np.linspace(0.0, at[-1], max(round(at[-1] / SPACING_M), 1) + 1)
    line = np.stack([np.interp(even, at, points[:, 0]), np.interp(even, at, points[:, 1])], axis=1)
    dx, dy = np.gradient(line, axis=0).T
    return Route(line, np.arctan2(dy, dx))


def _kept(places: np.ndarray) -> np.ndarray:
    """Rows of a plan [N, 3] that are not within CHANGE_M of a jump; the ends always stay."""
    step = np.diff(places[:, :2], axis=0)
    at = np.append(0.0, np.cumsum(np.hypot(*step.T)))
    across = np.abs(wrap_angle(np.arctan2(step[:, 1], step[:, 0]) - places[:-1, 2])) > ACROSS_RAD
    jumps = 0.5 * (at[:-1] + at[1:])[across]
    kept = (np.abs(at[:, None] - jumps) > CHANGE_M).all(axis=1)
    kept[[0, -1]] = True
    return kept
