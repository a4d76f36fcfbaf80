"""DynamicObjectCrossing: a walker steps onto the road in front of the ego."""

import math
from dataclasses import dataclass

from craft.world.episode import Stage
from craft.world.scenarios.parameters import draw, parameter

WALKER = "walker.pedestrian.0001"
LATEST_STOP_MPS2 = 6.0  # the ego can still stop with this deceleration; a CARLA car has 8 [m/s2]
REACTION_S = 0.5  # before it begins to brake [s]
EGO_FRONT_M = 2.45  # box centre to bumper [m]


@dataclass(frozen=True)
class CrossingParameters:
    """What varies."""

    distance: float = parameter((20.0, 30.0), (10.0, 80.0), "m")  # from the trigger to the crossing point
    speed: float = parameter((1.6, 2.6), (0.5, 4.0), "m/s")  # of the walker
    kerb: float = parameter((0.6, 1.2), (0.2, 5.0), "m")  # from the lane's edge to where the walker waits
    share: float = parameter((0.85, 1.15), (0.3, 2.0), "")  # of the time that the ego needs, used by the walker


class DynamicObjectCrossing:
    """The walker waits beside the lane and crosses so that it is in the lane when a careless ego arrives.

    It steps out when the ego's time to arrival has sunk to the walker's own time to the lane's middle, but never later
    than an ego that reacts within REACTION_S and brakes with LATEST_STOP_MPS2 needs to stop.
    """

    def __init__(self):
        self._walking = False
        self.done = False

    def setup(self, stage: Stage) -> None:
        """Put the walker beside the lane."""
        self._stage = stage
        self._parameters = draw(CrossingParameters, stage)
        self._at_m = stage.trigger_m + self._parameters.distance
        stage.straight_road(self._at_m - 1.0, self._at_m + 1.0)
        half_width = stage.waypoint(self._at_m).lane_width / 2.0
        self._right_m = half_width + self._parameters.kerb
        x, y, yaw = stage.line.pose(self._at_m, -self._right_m)
        self._heading = yaw + math.pi / 2.0
        self._walker = stage.spawn_walker(WALKER, x, y, self._heading)

    def tick(self) -> None:
        """Wait for the ego, then cross."""
        stage, wanted = self._stage, self._parameters
        if self.done:
            return
        if not self._walking:
            ego_mps = max(stage.ego_speed_mps, 0.1)
            distance_m = self._at_m - stage.ego_m - EGO_FRONT_M
            stop_m = ego_mps * REACTION_S + ego_mps**2 / (2.0 * LATEST_STOP_MPS2) + 1.0
            meet_m = ego_mps * wanted.share * self._right_m / wanted.speed
            begins = stage.ego_m >= stage.trigger_m or distance_m < stop_m
            if begins and ego_mps > 1.0 and distance_m <= max(stop_m, meet_m):
                self._walking = True
                stage.walk(self._walker.id, self._heading, wanted.speed)
            return
        x, y, _ = stage.pose(self._walker.id)
        _, left_m = stage.line.project(x, y, self._at_m - 5.0, self._at_m + 5.0)
        if left_m > 3.0 * self._right_m:
            stage.walk(self._walker.id, self._heading, 0.0)
            self.done = True
