"""The route with what the road map says about it, and the vehicle's place along it."""

from dataclasses import dataclass

import numpy as np

from craft.scene.frames import wrap_angle
from craft.scene.lane_grid import LaneGrid
from craft.scene.observation import ROUTE_POINTS, ROUTE_POINTS_BEHIND
from craft.scene.road_map import RoadMap
from craft.scene.route import Route

SEARCH_BACK_M = 5.0  # ours: the projection moves at most this far back between two frames
SEARCH_AHEAD_M = 10.0  # ours: and this far ahead (50 m/s at 20 Hz would be 2.5 m)
FIRST_SEARCH_M = 30.0  # ours: an episode starts within this distance of the route's first point
AGREES_RAD = np.radians(60.0)  # ours: a stop line or lane with a larger heading gap belongs to other traffic
SAME_LINE_M = 3.0  # ours: two lines of one light closer than this along the route are one


@dataclass(frozen=True)
class StopOnRoute:
    """One stop line that the route crosses.

    Attributes:
        index: Row of RoadMap.stop_lines.
        at_m: Where along the route [m].
    """

    index: int
    at_m: float


class RouteTracker:
    """Projects the vehicle onto its route, continuously in progress, and cuts windows out of it.

    Args:
        road: The town.
        grid: Its lane grid.
        route: The episode's route, map frame.

    Raises:
        ValueError: The route has no length or leaves the road map's driving lanes altogether.
    """

    def __init__(self, road: RoadMap, grid: LaneGrid, route: Route):
        step = np.diff(route.points, axis=0)
        length = np.hypot(step[:, 0], step[:, 1])
        keep = length > 1e-6
        if not keep.any():
            raise ValueError("a route whose points all coincide has no direction; give at least two distinct points")
        self._start, self._step, self._length = route.points[:-1][keep], step[keep], length[keep]
        self._at = np.concatenate([[0.0], np.cumsum(self._length)])
        self.length_m = float(self._at[-1])
        points = np.concatenate([self._start, route.points[-1:]])
        yaw = np.unwrap(np.concatenate([route.yaw[:-1][keep], route.yaw[-1:]]))
        self._points, self._yaw = points, yaw
        self._half_width, self._speed_limit, self._junction = self._attributes(road, grid, points, yaw)
        self.stops = self._stops(road)
        self._progress: float | None = None

    def _attributes(self, road, grid, points, yaw):
        quad, gap = grid.driving_lane(points, yaw)
        known = (quad >= 0) & (gap < AGREES_RAD)
        if not known.any():
            raise ValueError(f"no point of the route lies on a driving lane of road map {road.name!r}; wrong town?")
        # A point off the lanes (a gap between two quads, a lane change) takes the value of the nearest point on one.
        places = np.arange(len(points))
        nearest = places[known][np.abs(places[:, None] - places[known]).argmin(axis=1)]
        quad = quad[nearest]
        return grid.half_width[quad], road.quad_speed_limit[quad], road.quad_junction[quad].astype(np.float64)

    def _stops(self, road) -> list[StopOnRoute]:
        if len(road.stop_lines) == 0:
            return []
        left, right = road.stop_lines[:, 0].astype(np.float64), road.stop_lines[:, 1].astype(np.float64)
        across = right - left
        delta = left[:, None] - self._start  # [S, N, 2]
        # Route point start + u step meets line point left + w across.
        cross = self._step[None, :, 0] * across[:, None, 1] - self._step[None, :, 1] * across[:, None, 0]
        safe = np.where(np.abs(cross) < 1e-9, np.inf, cross)
        u = (delta[..., 0] * across[:, None, 1] - delta[..., 1] * across[:, None, 0]) / safe
        w = (delta[..., 0] * self._step[None, :, 1] - delta[..., 1] * self._step[None, :, 0]) / safe
        travel = np.arctan2(self._step[:, 1], self._step[:, 0])
        agrees = np.abs(wrap_angle(travel - road.stop_yaw[:, None].astype(np.float64))) < AGREES_RAD
        hit = (u >= 0.0) & (u < 1.0) & (w >= 0.0) & (w <= 1.0) & agrees & np.isfinite(safe)
        line, segment = np.nonzero(hit)
        at = self._at[segment] + u[line, segment] * self._length[segment]
        stops: list[StopOnRoute] = []
        for place in np.argsort(at, kind="stable"):
            index, at_m = int(line[place]), float(at[place])
            if not any(
                road.stop_id[stop.index] == road.stop_id[index] and at_m - stop.at_m < SAME_LINE_M for stop in stops
            ):
                stops.append(StopOnRoute(index, at_m))
        return stops

    def project(self, x: float, y: float) -> tuple[float, float]:
        """Progress and signed offset of a point, near the last projection.

        Args:
            x, y: Map frame [m].

        Returns:
            progress: Distance from the route's first point [m].
            offset: Distance from the route, left positive; only its lateral part before the start and past the end [m].
        """
        if self._progress is None:
            low, high = 0, int(np.searchsorted(self._at, FIRST_SEARCH_M))
        else:
            low = int(np.searchsorted(self._at, self._progress - SEARCH_BACK_M, side="right")) - 1
            high = int(np.searchsorted(self._at, self._progress + SEARCH_AHEAD_M))
        low, high = max(low, 0), min(max(high, low + 1), len(self._length))
        low = min(low, high - 1)
        start, step, length = self._start[low:high], self._step[low:high], self._length[low:high]
        dx, dy = x - start[:, 0], y - start[:, 1]
        raw = (dx * step[:, 0] + dy * step[:, 1]) / length**2
        u = np.clip(raw, 0.0, 1.0)
        gap = (dx - u * step[:, 0]) ** 2 + (dy - u * step[:, 1]) ** 2
        best = int(gap.argmin())
        lateral = float((step[best, 0] * dy[best] - step[best, 1] * dx[best]) / length[best])
        segment = low + best
        progress = float(self._at[segment] + u[best] * length[best])
        self._progress = progress
        beyond = (segment == 0 and raw[best] < 0.0) or (segment == len(self._length) - 1 and raw[best] > 1.0)
        return progress, lateral if beyond else float(np.copysign(np.sqrt(gap[best]), lateral))

    def window(self, progress_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points 1 m apart around a place along the route.

        Args:
            progress_m: The place; it becomes point ROUTE_POINTS_BEHIND [m].

        Returns:
            points: [ROUTE_POINTS, 2], map frame [m].
            rest: [ROUTE_POINTS, 4]: yaw [rad, map frame], half width [m], speed limit [m/s], junction (0 or 1).
            valid: bool [ROUTE_POINTS]; points before the start and past the end are not.
        """
        at = progress_m + np.arange(-ROUTE_POINTS_BEHIND, ROUTE_POINTS - ROUTE_POINTS_BEHIND)
        valid = (at >= -1e-6) & (at <= self.length_m + 1e-6)
        left = np.clip(np.searchsorted(self._at, at, side="right") - 1, 0, len(self._length) - 1)
        u = np.clip((at - self._at[left]) / self._length[left], 0.0, 1.0)
        points = self._start[left] + u[:, None] * self._step[left]
        yaw = self._yaw[left] + u * (self._yaw[left + 1] - self._yaw[left])
        nearest = left + (u > 0.5)
        rest = np.stack([yaw, self._half_width[nearest], self._speed_limit[nearest], self._junction[nearest]], axis=1)
        return points, rest, valid

    def speed_limit(self, progress_m: float) -> float:
        """Speed limit of the route's lane there [m/s]."""
        place = min(int(np.searchsorted(self._at, progress_m)), len(self._speed_limit) - 1)
        return float(self._speed_limit[place])
