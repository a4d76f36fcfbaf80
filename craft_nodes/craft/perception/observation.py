"""One world frame becomes one observation in the ego frame."""

from collections import Counter

import numpy as np

from craft.perception.inputs import WorldFrame
from craft.perception.route_tracker import RouteTracker
from craft.scene.frames import to_local, wrap_angle
from craft.scene.lane_grid import LaneGrid
from craft.scene.observation import (
    MAX_AGENTS,
    MAX_STOP_LINES,
    ROUTE_POINTS,
    ROUTE_POINTS_BEHIND,
    AgentField,
    LightState,
    Observation,
    RouteField,
    StopField,
)
from craft.scene.road_map import RoadMap, StopKind
from craft.scene.route import Route
from craft.scene.timing import FRAME_DT_S

AGENT_RANGE_M = 60.0  # ours: the length of the route window; farther agents cannot matter within a decision's horizon
STAMP_TOLERANCE_S = 1e-3  # far below a frame; stamps that differ by more belong to different frames
STANDING_MPS = 0.1  # leaderboard: a stop sign is obeyed below this speed
STOP_PROXIMITY_M = 4.0  # leaderboard: proximity of a stop; here of the front bumper to the line


class ObservationBuilder:
    """Builds the observations of one vehicle, frame by frame.

    Args:
        road: The town.
        half_length, half_width: Half the size of the ego vehicle [m].

    Attributes:
        missing_lights: How often each light of the route had no state, by light id (for /diagnostics).
    """

    def __init__(self, road: RoadMap, half_length: float, half_width: float):
        if not (np.isfinite([half_length, half_width]).all() and min(half_length, half_width) > 0.0):
            raise ValueError(f"the vehicle's half size must be positive, not {half_length} x {half_width} m")
        self._road = road
        self._grid = LaneGrid(road)
        self._half_length, self._half_width = float(half_length), float(half_width)
        self.missing_lights: Counter[int] = Counter()
        self._tracker: RouteTracker | None = None

    def begin(self, episode: int, route: Route, stamp_s: float) -> None:
        """Start an episode.

        Args:
            episode: Its number, from 1.
            route: Map frame.
            stamp_s: Stamp of its frame 0 [s].
        """
        self._tracker = RouteTracker(self._road, self._grid, route)
        self._episode = episode
        self._first_s = stamp_s
        self._last_s = -np.inf
        self._cleared = [False] * len(self._tracker.stops)
        self.missing_lights.clear()

    def observe(self, frame: WorldFrame) -> Observation:
        """The observation of the next frame.

        Raises:
            ValueError: No episode has begun, parts carry different stamps, time does not advance, or a value is not
                finite.
        """
        if self._tracker is None:
            raise ValueError("no episode has begun; call begin() before observe()")
        self._check(frame)
        pose = frame.odometry
        progress, offset = self._tracker.project(pose.x, pose.y)
        agents, agent_valid, agent_id = self._agents(frame)
        route, route_valid = self._route(pose, progress)
        stop_lines, stop_valid, stop_id = self._stops(pose, progress, frame.lights)
        status = frame.status
        ego = np.array(
            [
                pose.x,
                pose.y,
                pose.yaw,
                pose.vx,
                pose.yaw_rate,
                status.acceleration,
                status.throttle,
                status.steer,
                status.brake,
                self._tracker.speed_limit(progress),
                self._half_length,
                self._half_width,
            ],
            np.float32,
        )
        self._last_s = frame.stamp_s
        return Observation(
            stamp_s=frame.stamp_s,
            episode=self._episode,
            frame=round((frame.stamp_s - self._first_s) / FRAME_DT_S),
            ego=ego,
            agents=agents,
            agent_valid=agent_valid,
            agent_id=agent_id,
            route=route,
            route_valid=route_valid,
            stop_lines=stop_lines,
            stop_valid=stop_valid,
            stop_id=stop_id,
            route_progress_m=progress,
            route_length_m=self._tracker.length_m,
            route_offset_m=offset,
        )

    def _check(self, frame):
        for name in ("odometry", "status", "objects"):
            stamp = getattr(frame, name).stamp_s
            if not abs(stamp - frame.stamp_s) <= STAMP_TOLERANCE_S:
                raise ValueError(
                    f"{name} is stamped {stamp:.3f} s but its frame {frame.stamp_s:.3f} s; do not mix them"
                )
        if frame.stamp_s < self._first_s - STAMP_TOLERANCE_S:
            raise ValueError(f"frame at {frame.stamp_s:.3f} s lies before its episode's start at {self._first_s:.3f} s")
        if frame.stamp_s <= self._last_s:
            raise ValueError(f"frame at {frame.stamp_s:.3f} s comes after one at {self._last_s:.3f} s")
        pose, status, objects = frame.odometry, frame.status, frame.objects
        scalars = [pose.x, pose.y, pose.yaw, pose.vx, pose.vy, pose.yaw_rate]
        if not np.isfinite(scalars).all():
            raise ValueError(f"odometry at {frame.stamp_s:.3f} s has values that are not finite")
        if not np.isfinite([status.acceleration, status.throttle, status.steer, status.brake]).all():
            raise ValueError(f"vehicle status at {frame.stamp_s:.3f} s has values that are not finite")
        for name in ("poses", "velocities", "yaw_rates", "accelerations", "half_sizes"):
            array = getattr(objects, name)
            if len(array) != len(objects.ids):
                raise ValueError(f"objects at {frame.stamp_s:.3f} s: {len(objects.ids)} ids but {len(array)} {name}")
            if not np.isfinite(array).all():
                raise ValueError(f"objects.{name} at {frame.stamp_s:.3f} s has values that are not finite")

    def _agents(self, frame):
        agents = np.zeros((MAX_AGENTS, len(AgentField)), np.float32)
        valid = np.zeros(MAX_AGENTS, bool)
        ids = np.zeros(MAX_AGENTS, np.int64)
        pose, objects = frame.odometry, frame.objects
        if len(objects.ids) == 0:
            return agents, valid, ids
        distance = np.hypot(objects.poses[:, 0] - pose.x, objects.poses[:, 1] - pose.y)
        # Ties are broken by id, so that the order of the message never matters.
        order = np.lexsort((objects.ids, distance))[:MAX_AGENTS]
        order = order[distance[order] <= AGENT_RANGE_M]
        count = len(order)
        if count == 0:
            return agents, valid, ids
        poses, velocities = objects.poses[order], objects.velocities[order]
        cos, sin = np.cos(pose.yaw), np.sin(pose.yaw)
        agents[:count, AgentField.X : AgentField.Y + 1] = to_local(poses[:, :2], pose.x, pose.y, pose.yaw)
        agents[:count, AgentField.YAW] = wrap_angle(poses[:, 2] - pose.yaw)
        agents[:count, AgentField.VX] = cos * velocities[:, 0] + sin * velocities[:, 1]
        agents[:count, AgentField.VY] = cos * velocities[:, 1] - sin * velocities[:, 0]
        agents[:count, AgentField.YAW_RATE] = objects.yaw_rates[order]
        acceleration = objects.accelerations[order]
        cos, sin = np.cos(poses[:, 2]), np.sin(poses[:, 2])
        agents[:count, AgentField.ACCELERATION] = acceleration[:, 0] * cos + acceleration[:, 1] * sin
        agents[:count, AgentField.HALF_LENGTH : AgentField.HALF_WIDTH + 1] = objects.half_sizes[order]
        agents[:count, AgentField.KIND] = objects.kinds[order]
        agents[:count, AgentField.ON_CONNECTOR] = self._grid.in_junction(poses[:, :2])
        valid[:count] = True
        ids[:count] = objects.ids[order]
        return agents, valid, ids

    def _route(self, pose, progress):
        points, rest, valid = self._tracker.window(progress)
        route = np.zeros((ROUTE_POINTS, len(RouteField)), np.float32)
        route[:, RouteField.X : RouteField.Y + 1] = to_local(points, pose.x, pose.y, pose.yaw)
        route[:, RouteField.YAW] = wrap_angle(rest[:, 0] - pose.yaw)
        route[:, RouteField.HALF_WIDTH :] = rest[:, 1:]
        route[~valid] = 0.0
        return route, valid

    def _stops(self, pose, progress, lights):
        rows = np.zeros((MAX_STOP_LINES, len(StopField)), np.float32)
        valid = np.zeros(MAX_STOP_LINES, bool)
        ids = np.zeros(MAX_STOP_LINES, np.int64)
        count = 0
        for place, stop in enumerate(self._tracker.stops):
            distance = stop.at_m - progress
            if not -ROUTE_POINTS_BEHIND <= distance < ROUTE_POINTS - ROUTE_POINTS_BEHIND:
                continue
            kind = StopKind(self._road.stop_kind[stop.index])
            stop_id = int(self._road.stop_id[stop.index])
            if kind == StopKind.STOP and abs(pose.vx) < STANDING_MPS:
                # Standing with the front bumper just before the line, or on it with the box centre not yet over.
                self._cleared[place] |= 0.0 < distance <= self._half_length + STOP_PROXIMITY_M
            state = LightState.UNKNOWN
            if kind == StopKind.LIGHT:
                if stop_id in lights:
                    state = LightState(lights[stop_id])
                else:
                    self.missing_lights[stop_id] += 1
            if count == MAX_STOP_LINES:
                break
            left, right = self._road.stop_lines[stop.index].astype(np.float64)
            middle = to_local(0.5 * (left + right), pose.x, pose.y, pose.yaw)
            rows[count] = (
                middle[0],
                middle[1],
                wrap_angle(float(self._road.stop_yaw[stop.index]) - pose.yaw),
                0.5 * np.hypot(*(left - right)),
                distance,
                kind,
                state,
                self._cleared[place],
            )
            valid[count] = True
            ids[count] = stop_id
            count += 1
        return rows, valid, ids
