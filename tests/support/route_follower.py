"""Drivers that follow a route: one that sees nobody, and one that stops for whatever is or will be in its way."""

import math

import numpy as np

from craft.world.route_line import RouteLine

CURVATURE_PER_STEER = 0.28  # [1/m], see driving_facts: steering bicycle


class RouteFollower:
    """Sees nobody."""

    def __init__(self, route):
        self.line = RouteLine(route.points)
        self.s = 0.0
        turns = [abs(self.line.turn(max(s - 4.0, 0.0), s + 4.0)) for s in range(int(self.line.length_m) + 1)]
        self._turns = np.array(turns)

    def control(self, frame, speed_mps):
        """(throttle, steer, brake) towards a speed, slower in turns."""
        odometry = frame.odometry
        self.s, _ = self.line.project(odometry.x, odometry.y, self.s - 2.0, self.s + 5.0)
        in_turn = self._turns[int(self.s) : int(self.s) + 12].max(initial=0.0) > 0.3
        return self._towards(odometry, min(speed_mps, 5.0) if in_turn else speed_mps)

    def _towards(self, odometry, speed_mps):
        x, y, _ = self.line.pose(self.s + 3.0 + 0.4 * odometry.vx)
        dx, dy = x - odometry.x, y - odometry.y
        left = math.cos(odometry.yaw) * dy - math.sin(odometry.yaw) * dx
        steer = float(np.clip(-2.0 * left / max(dx * dx + dy * dy, 1.0) / CURVATURE_PER_STEER, -1.0, 1.0))
        missing = speed_mps - odometry.vx
        if speed_mps <= 0.0 or missing < -1.0:
            return 0.0, steer, 1.0
        return (min(0.3 + 0.25 * missing, 0.75) if missing > 0.0 else 0.0), steer, 0.0


class AttentiveFollower(RouteFollower):
    """Stops for every box that is in its corridor now or, at its present velocity, within three seconds."""

    CORRIDOR_M = 1.3  # half the ego's width and a margin
    FRONT_M = 2.45

    def control(self, frame, speed_mps):
        free_m = self._free_way(frame)
        if free_m is not None:
            speed_mps = min(speed_mps, math.sqrt(max(2.0 * 5.0 * (free_m - 2.0), 0.0)))
        return super().control(frame, 0.0 if speed_mps < 0.3 else speed_mps)

    def _free_way(self, frame):
        objects, odometry, free = frame.objects, frame.odometry, []
        for (x, y, yaw), (vx, vy), (length, width) in zip(
            objects.poses, objects.velocities, objects.half_sizes, strict=True
        ):
            if math.hypot(x - odometry.x, y - odometry.y) > 90.0:
                continue
            for t in np.arange(0.0, 3.01, 0.25):
                px, py = x + vx * t, y + vy * t
                s, aside = self.line.project(px, py, self.s - 3.0, self.s + 60.0)
                lane = self.line.pose(s)[2]
                sin, cos = abs(math.sin(yaw - lane)), abs(math.cos(yaw - lane))
                at_x, at_y, _ = self.line.pose(s)
                if math.hypot(px - at_x, py - at_y) - sin * length - cos * width < self.CORRIDOR_M and s > self.s + 0.5:
                    along = max(vx * math.cos(lane) + vy * math.sin(lane), 0.0)
                    free.append(s - self.s - cos * length - sin * width - self.FRONT_M - along * t)
        return min(free, default=None)
