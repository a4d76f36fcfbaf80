"""Cuts lanes into convex quads."""

import math
from dataclasses import dataclass

import carla
import numpy as np

from craft.world.carla_frames import ros_pose
from craft.world.opendrive_tables import LaneSpan

QUAD_LENGTH_M = 2.0  # at most; short enough that a lane's bend over one quad is negligible [m]
_INSIDE_M = 1e-3  # cross-sections at a lane's ends are taken this far inside it, then moved out again [m]

_NO_WIDTH_M = 0.01  # narrower lanes are only markers of where a lane will begin [m]


@dataclass(frozen=True)
class LaneQuads:
    """The pieces of one lane, in the order of travel.

    Attributes:
        corners: float64 [N, 4, 2], rear left, rear right, front right, front left; map frame [m].
        yaw: float64 [N], direction of travel [rad].
        middle: float64 [N], road coordinate s of the pieces' middles [m].
    """

    corners: np.ndarray
    yaw: np.ndarray
    middle: np.ndarray


def lane_quads(carla_map: carla.Map, lane: LaneSpan) -> LaneQuads:
    """Cut one lane into convex pieces of equal length, at most QUAD_LENGTH_M.

    Lanes with positive ids run against the road. Neighbouring pieces share their corners. Where a lane has no width
    there is no piece.

    Raises:
        ValueError: when carla.Map does not know the lane.
    """
    n = max(1, math.ceil((lane.s_to - lane.s_from) / QUAD_LENGTH_M))
    s = np.linspace(lane.s_from, lane.s_to, n + 1)
    inside = np.clip(s, lane.s_from + _INSIDE_M, lane.s_to - _INSIDE_M)
    if lane.lane > 0:
        s, inside = s[::-1], inside[::-1]
    left, right = np.empty((n + 1, 2)), np.empty((n + 1, 2))
    for k in range(n + 1):
        waypoint = carla_map.get_waypoint_xodr(lane.road, lane.lane, float(inside[k]))
        if waypoint is None:
            raise ValueError(f"carla.Map has no lane {lane.lane} at s = {inside[k]:.3f} m of road {lane.road}")
        x, y, yaw = ros_pose(waypoint.transform)
        forward = np.array([math.cos(yaw), math.sin(yaw)])
        across = np.array([-forward[1], forward[0]]) * (0.5 * waypoint.lane_width)
        centre = np.array([x, y]) + forward * abs(s[k] - inside[k]) * (1.0 if k else -1.0)
        left[k], right[k] = centre + across, centre - across
    corners = np.stack([left[:-1], right[:-1], right[1:], left[1:]], axis=1)
    ahead = (corners[:, 2] + corners[:, 3]) - (corners[:, 0] + corners[:, 1])
    yaw = np.arctan2(ahead[:, 1], ahead[:, 0])
    wide = np.hypot(*(left - right).T)
    kept = np.maximum(wide[:-1], wide[1:]) > _NO_WIDTH_M
    return LaneQuads(_made_convex(corners, yaw)[kept], yaw[kept], 0.5 * (s[:-1] + s[1:])[kept])


def _made_convex(corners: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Where a bend is tighter than the lane is wide, cross-sections meet inside it: set them square to the travel."""
    edge = np.roll(corners, -1, axis=1) - corners
    after = np.roll(edge, -1, axis=1)
    folded = (edge[..., 0] * after[..., 1] - edge[..., 1] * after[..., 0] < 0.0).any(axis=1)
    across = np.stack([-np.sin(yaw), np.cos(yaw)], axis=-1)
    for left, right in ((0, 1), (3, 2)):
        middle = 0.5 * (corners[:, left] + corners[:, right])
        half = 0.5 * np.hypot(*(corners[:, left] - corners[:, right]).T)[:, None] * across
        corners[folded, left] = (middle + half)[folded]
        corners[folded, right] = (middle - half)[folded]
    return corners
