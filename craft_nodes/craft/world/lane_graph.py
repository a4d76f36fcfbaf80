"""The driving lanes of a town as a directed graph, and the shortest way from lane to lane."""

import heapq
from dataclasses import dataclass

import carla
import numpy as np

from craft.scene.frames import wrap_angle
from craft.world.carla_frames import ros_pose

LaneKey = tuple[int, int, int]  # road, section, lane id
_STEP_M = 1.0  # between samples of a lane [m]
_AT_END_M = 0.02  # samples closer to the next lane's beginning are left out [m]


def lane_key(waypoint: carla.Waypoint) -> LaneKey:
    """The lane that a waypoint lies on."""
    return waypoint.road_id, waypoint.section_id, waypoint.lane_id


@dataclass(frozen=True)
class LaneLine:
    """The middle of one lane in the direction of travel; map frame.

    Attributes:
        points: float64 [N, 2] [m].
        yaw: float64 [N], continuous [rad].
        s: float64 [N], distance from the lane's beginning [m].
    """

    points: np.ndarray
    yaw: np.ndarray
    s: np.ndarray

    @property
    def length_m(self) -> float:
        """Length of the lane [m]."""
        return float(self.s[-1])

    def project(self, x: float, y: float) -> float:
        """Distance from the lane's beginning to the point of it that is nearest to (x, y) [m]."""
        start, step = self.points[:-1], np.diff(self.points, axis=0)
        length = np.hypot(step[:, 0], step[:, 1])
        share = np.clip(((np.array([x, y]) - start) * step).sum(axis=1) / length**2, 0.0, 1.0)
        gap = np.hypot(*(start + share[:, None] * step - np.array([x, y])).T)
        k = int(np.argmin(gap))
        return float(self.s[k] + share[k] * length[k])

    def at(self, s: float) -> tuple[float, float, float]:
        """Pose x [m], y [m], yaw [rad] at the distance s from the lane's beginning [m]."""
        x, y = (float(np.interp(s, self.s, self.points[:, k])) for k in range(2))
        return x, y, float(np.interp(s, self.s, self.yaw))


class LaneGraph:
    """Driving lanes of a town and how they follow each other. Lane changes are not part of it.

    Attributes:
        starts: First waypoint of each lane.
        onward: Lanes that follow each lane, in a fixed order.
    """

    def __init__(self, carla_map: carla.Map):
        self.starts: dict[LaneKey, carla.Waypoint] = {}
        onward: dict[LaneKey, set[LaneKey]] = {}
        for here, there in carla_map.get_topology():
            self.starts.setdefault(lane_key(here), here)
            self.starts.setdefault(lane_key(there), there)
            onward.setdefault(lane_key(here), set()).add(lane_key(there))
        self.onward = {lane: tuple(sorted(onward.get(lane, ()))) for lane in sorted(self.starts)}
        self._lines: dict[LaneKey, LaneLine] = {}

    def line(self, lane: LaneKey) -> LaneLine:
        """The middle of a lane, up to the beginning of the lane that follows."""
        if lane not in self._lines:
            self._lines[lane] = self._sample(lane)
        return self._lines[lane]

    def include(self, waypoint: carla.Waypoint) -> LaneKey:
        """The lane of a waypoint. One without neighbours is not in CARLA's topology: it is added."""
        lane = lane_key(waypoint)
        if lane not in self.starts:
            behind = waypoint
            while behind is not None:
                waypoint = behind
                behind = next((w for w in waypoint.previous(_STEP_M) if lane_key(w) == lane), None)
            self.starts[lane], self.onward[lane] = waypoint, ()
        return lane

    def shortest(self, source: LaneKey, target: LaneKey) -> list[LaneKey] | None:
        """Lanes from the source's successor to the target on the shortest way (Dijkstra), or None if there is none.

        The way leaves the source at its end, so from a lane to itself it leads around.
        """
        best: dict[LaneKey, float] = {}
        before: dict[LaneKey, LaneKey] = {}
        heap = [(self.line(lane).length_m, lane, source) for lane in self.onward[source]]
        heapq.heapify(heap)
        while heap:
            cost, lane, previous = heapq.heappop(heap)
            if lane in best:
                continue
            best[lane], before[lane] = cost, previous
            if lane == target:
                way = [lane]
                while (lane := before[lane]) != source:
                    way.append(lane)
                return way[::-1]
            for following in self.onward[lane]:
                if following not in best:
                    heapq.heappush(heap, (cost + self.line(following).length_m, following, lane))
        return None

    def _sample(self, lane: LaneKey) -> LaneLine:
        waypoint, waypoints = self.starts[lane], []
        while waypoint is not None:
            waypoints.append(waypoint)
            waypoint = next((w for w in waypoint.next(_STEP_M) if lane_key(w) == lane), None)
        poses = [ros_pose(w.transform) for w in waypoints]
        end = ros_pose(self.starts[self.onward[lane][0]].transform) if self.onward[lane] else None
        if end is not None:
            while len(poses) > 1 and np.hypot(end[0] - poses[-1][0], end[1] - poses[-1][1]) < _AT_END_M:
                poses.pop()
            poses.append(end)
        if len(poses) == 1:  # a short lane that leads nowhere: a line of the least length, so that all lines have one
            x, y, yaw = poses[0]
            poses.append((x + _AT_END_M * np.cos(yaw), y + _AT_END_M * np.sin(yaw), yaw))
        table = np.array(poses)
        points, yaw = table[:, :2], table[0, 2] + np.cumsum(np.r_[0.0, wrap_angle(np.diff(table[:, 2]))])
        return LaneLine(points, yaw, np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
