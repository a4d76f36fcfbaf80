"""A deterministic driver for scripted vehicles: pure pursuit along a path, at a wanted speed."""

import math

from craft.world.episode import Stage
from craft.world.route_line import RouteLine

CURVATURE_PER_STEER = 0.28  # of a passenger car [1/m per unit of steer]; driving_facts: 0.028 at 0.1, 0.269 at 1.0
LOOKAHEAD_M, LOOKAHEAD_S = 3.0, 0.4  # look-ahead = LOOKAHEAD_M + LOOKAHEAD_S v
HOLD_THROTTLE = 0.45  # holds 7 m/s (PDM-Lite's longitudinal map, derived: 25 km/h stays 25.0 km/h)
THROTTLE_PER_MPS = 0.25
BRAKE_ABOVE_MPS = 0.8  # too fast by more than this brakes; below it the car coasts [m/s]
GIVE_WAY_BRAKE = 0.4  # of a surprised but calm driver: about 3 m/s2
GIVE_WAY_MPS2 = 3.0  # deceleration that it plans with [m/s2]
GIVE_WAY_M = 4.0  # bumper gap that it wants to keep [m]
NOTICE_S = 1.0  # it gives way so long after the ego has come into its lane: a driver's reaction time [s]
IN_LANE_M = 1.5  # an ego whose middle is this near to its path is in its lane [m]
TWO_HALF_CARS_M = 5.0  # between the middles of two cars that touch [m]


class PathDriver:
    """Drives one vehicle along a path.

    Args:
        stage: The episode.
        actor_id: The vehicle.
        path: Its path; it drives straight on beyond the end.
    """

    def __init__(self, stage: Stage, actor_id: int, path: RouteLine):
        self._stage = stage
        self.actor_id = actor_id
        self.path = path
        self.s_m: float | None = None  # arc length along the path
        self._ego_ahead_since_s: float | None = None

    @property
    def finished(self) -> bool:
        """Whether it has come to the end of its path."""
        return self.s_m is not None and self.s_m > self.path.length_m - 1.0

    def drive(self, speed_mps: float, left_m: float = 0.0, brake: float = 1.0) -> None:
        """Order the control of the coming tick.

        Args:
            speed_mps: Wanted speed; 0 stops [m/s].
            left_m: Wanted distance to the left of the path [m].
            brake: How hard to brake where it is too fast, 0..1.
        """
        stage = self._stage
        x, y, yaw = stage.pose(self.actor_id)
        speed = stage.speed_mps(self.actor_id)
        low, high = (-math.inf, math.inf) if self.s_m is None else (self.s_m - 2.0, self.s_m + 5.0)
        self.s_m, _ = self.path.project(x, y, low, high)
        target_x, target_y, _ = self.path.pose(self.s_m + LOOKAHEAD_M + LOOKAHEAD_S * speed, left_m)
        dx, dy = target_x - x, target_y - y
        aside_m = math.cos(yaw) * dy - math.sin(yaw) * dx
        curvature = 2.0 * aside_m / max(dx * dx + dy * dy, 1.0)  # pure pursuit, left positive [1/m]
        steer = max(-1.0, min(1.0, -curvature / CURVATURE_PER_STEER))
        missing = speed_mps - speed
        if speed_mps <= 0.0 or missing < -BRAKE_ABOVE_MPS:
            stage.drive(self.actor_id, 0.0, steer, brake)
        elif missing > 0.0:
            stage.drive(self.actor_id, min(HOLD_THROTTLE + THROTTLE_PER_MPS * missing, 1.0), steer, 0.0)
        else:
            stage.drive(self.actor_id, 0.0, steer, 0.0)

    def drive_with_priority(self, speed_mps: float) -> None:
        """Like `drive`, but brakes for an ego in the lane ahead: late, and no harder than a calm driver."""
        stage, odometry = self._stage, self._stage.frame.odometry
        gap_m = -1.0
        if self.s_m is not None:
            ego_m, aside_m = self.path.project(odometry.x, odometry.y, self.s_m, self.s_m + 40.0)
            if abs(aside_m) < IN_LANE_M:
                gap_m = ego_m - self.s_m
        if gap_m <= 1.0:
            self._ego_ahead_since_s = None
        elif self._ego_ahead_since_s is None:
            self._ego_ahead_since_s = stage.time_s
        if self._ego_ahead_since_s is None or stage.time_s - self._ego_ahead_since_s < NOTICE_S:
            self.drive(speed_mps)
            return
        free_m = max(gap_m - TWO_HALF_CARS_M - GIVE_WAY_M, 0.0)
        safe_mps = math.sqrt(2.0 * GIVE_WAY_MPS2 * free_m) + stage.ego_speed_mps
        self.drive(min(speed_mps, safe_mps), brake=GIVE_WAY_BRAKE)
