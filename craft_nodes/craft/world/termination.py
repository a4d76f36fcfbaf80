"""When an episode ends, and how: the statuses and limits of Bench2Drive*, in Bench2Drive's words."""

import math
from dataclasses import dataclass

from craft.perception.inputs import WorldFrame
from craft.scene.timing import elapsed_s
from craft.world.route_line import RouteLine

COMPLETED = "Completed"
FAILED = "Failed"
DEVIATED = "Failed - Agent deviated from the route"
BLOCKED = "Failed - Agent got blocked"
TIMED_OUT = "Failed - Agent timed out"
TICK_RUNTIME = "Failed - TickRuntime"


@dataclass(frozen=True)
class EpisodeOutcome:
    """How an episode ended.

    Attributes:
        status: One of this module's statuses (Bench2Drive's strings).
        route_completion: Share of the route driven, 0..100 [%].
        driven_m: Distance driven [m].
        duration_s: Simulation time since frame 0 [s].
        truncated: The clock ended it (a time limit), not the driving.
    """

    status: str
    route_completion: float
    driven_m: float
    duration_s: float
    truncated: bool


@dataclass(frozen=True)
class TerminationConfig:
    """Limits of an episode. "leaderboard" = the scenario runner that Bench2Drive copies."""

    standing_mps: float = 0.1  # slower counts as standing, also in a collision [m/s]; leaderboard
    blocked_s: float = 20.0  # standing for so long ends the episode [s]; Bench2Drive 60, its starred protocol shorter
    goal_share: float = 0.99  # of the route; leaderboard
    goal_distance_m: float = 10.0  # from the goal [m]; leaderboard
    off_route_m: float = 30.0  # farther from the route is a deviation at once [m]; leaderboard
    off_route_share: float = 0.30  # of the route driven farther than off_route_m / 2 from it; leaderboard
    base_time_s: float = 15.0  # time limit = base + length / speed [s]; ours, Bench2Drive's is 300 s
    pace_mps: float = 3.0  # that speed [m/s]; ours
    max_ticks: int = 4000  # of 0.05 s; Bench2Drive


class Termination:
    """Follows one episode frame by frame.

    Args:
        line: The episode's route.
        config: Limits.
    """

    SEARCH_BEHIND_M = 5.0  # window of the projection around the last progress [m]
    SEARCH_AHEAD_M = 8.0

    def __init__(self, line: RouteLine, config: TerminationConfig):
        self._line = line
        self._config = config
        self._time_limit_s = config.base_time_s + line.length_m / config.pace_mps
        self._begin_s: float | None = None
        self._last: WorldFrame | None = None
        self._standing_since_s = 0.0
        self._off_route_m = 0.0
        self._ticks = 0
        self.progress_m = 0.0  # farthest arc length reached [m]
        self.position_m = 0.0  # arc length now [m]
        self.driven_m = 0.0
        self.outcome: EpisodeOutcome | None = None

    @property
    def standing_s(self) -> float:
        """For how long the vehicle has been standing [s]."""
        return 0.0 if self._last is None else elapsed_s(self._standing_since_s, self._last.stamp_s)

    def update(self, frame: WorldFrame) -> EpisodeOutcome | None:
        """Take in the next frame; returns the outcome once the episode has ended, and keeps it."""
        if self.outcome is not None:
            return self.outcome
        status = self._advance(frame)
        if status is not None:
            self.outcome = self.summary(status)
        return self.outcome

    def summary(self, status: str) -> EpisodeOutcome:
        """The outcome if the episode ended now with this status."""
        share = 1.0 if status == COMPLETED else self.progress_m / self._line.length_m
        duration_s = 0.0 if self._last is None else elapsed_s(self._begin_s, self._last.stamp_s)
        truncated = status in (TIMED_OUT, TICK_RUNTIME)
        return EpisodeOutcome(status, 100.0 * min(share, 1.0), self.driven_m, duration_s, truncated)

    def _advance(self, frame: WorldFrame) -> str | None:
        config, odometry, last = self._config, frame.odometry, self._last
        speed_mps = math.hypot(odometry.vx, odometry.vy)
        distance_m = self._follow_route(odometry.x, odometry.y)
        self._last = frame
        if last is None:
            self._begin_s = self._standing_since_s = frame.stamp_s
            return None
        self._ticks += 1
        self.driven_m += math.hypot(odometry.x - last.odometry.x, odometry.y - last.odometry.y)
        if speed_mps > config.standing_mps:
            self._standing_since_s = frame.stamp_s
        if frame.collisions:
            # A contact slows the vehicle within its own frame, so the speed before it counts as well.
            speed_before_mps = math.hypot(last.odometry.vx, last.odometry.vy)
            if max(speed_mps, speed_before_mps) >= config.standing_mps:
                return FAILED
        if self._at_goal(odometry.x, odometry.y):
            return COMPLETED
        length_m = self._line.length_m
        if distance_m > config.off_route_m or self._off_route_m > config.off_route_share * length_m:
            return DEVIATED
        if self.standing_s >= config.blocked_s:
            return BLOCKED
        if elapsed_s(self._begin_s, frame.stamp_s) >= self._time_limit_s:
            return TIMED_OUT
        if self._ticks >= config.max_ticks:
            return TICK_RUNTIME
        return None

    def _follow_route(self, x: float, y: float) -> float:
        """Update the progress; returns the distance from the route near the last position [m]."""
        low, high = self.position_m - self.SEARCH_BEHIND_M, self.position_m + self.SEARCH_AHEAD_M
        position_m, offset_m = self._line.project(x, y, low, high)
        distance_m = abs(offset_m)
        advanced_m = max(position_m - self.progress_m, 0.0)
        if distance_m < self._config.off_route_m / 2.0:
            self.progress_m += advanced_m
        else:
            self._off_route_m += max(position_m - self.position_m, 0.0)
        self.position_m = position_m
        return distance_m

    def _at_goal(self, x: float, y: float) -> bool:
        goal_x, goal_y = self._line.points[-1]
        share = self.progress_m / self._line.length_m
        return share > self._config.goal_share and math.hypot(x - goal_x, y - goal_y) < self._config.goal_distance_m
