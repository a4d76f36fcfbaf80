"""DynamicObjectCrossing: a walker steps onto the road in front of the ego."""

import math
from dataclasses import dataclass

import carla

from craft.world.episode import PlacementError, Stage
from craft.world.scenarios.parameters import draw, parameter
from craft.world.scenarios.timing import EGO_FRONT_M, stopping_distance

WALKER = "walker.pedestrian.0001"
WIDEST_ROAD_M = 40.0  # the search for the far side ends here [m]
WALKER_HALF_M = 0.8  # half the width that a walker needs between parked vehicles [m]
PARKED_WITHIN_M = 5.0  # a gap between them is at most this far away [m]
BESIDE_M = 1.5  # the walk ends this far beyond the last driving lane [m]


@dataclass(frozen=True)
class CrossingParameters:
    """What varies."""

    distance: float = parameter((20.0, 30.0), (10.0, 80.0), "m")  # from the trigger to the crossing point
    speed: float = parameter((1.6, 2.6), (0.5, 4.0), "m/s")  # of the walker
    kerb: float = parameter((0.6, 1.2), (0.2, 5.0), "m")  # from the lane's edge to where the walker waits
    share: float = parameter((0.85, 1.15), (0.3, 2.0), "")  # of the ego's time to arrival that the walker uses


class DynamicObjectCrossing:
    """The walker waits beside the lane and crosses so that it is in the lane when a careless ego arrives.

    It steps out when the ego's time to arrival has sunk to the walker's own time to the lane's middle, but never later
    than an attentive ego needs to stop.
    """

    def __init__(self):
        self._walking = False
        self.done = False

    def setup(self, stage: Stage) -> None:
        """Put the walker beside the lane."""
        self._stage = stage
        self._parameters = draw(CrossingParameters, stage)
        wanted_m = stage.trigger_m + self._parameters.distance
        self._at_m = stage.gap_between_parked(wanted_m, WALKER_HALF_M, PARKED_WITHIN_M)
        stage.straight_road(self._at_m - 1.0, self._at_m + 1.0)
        self._right_m = _edge(stage, self._at_m, -1.0) + self._parameters.kerb
        self._far_m = _edge(stage, self._at_m, 1.0) + BESIDE_M
        x, y, yaw = stage.line.pose(self._at_m, -self._right_m)
        self._heading = yaw + math.pi / 2.0
        self._walker = stage.spawn_walker(WALKER, x, y, self._heading)

    def tick(self) -> None:
        """Wait for the ego, then cross."""
        stage, wanted = self._stage, self._parameters
        if self.done:
            return
        if not self._walking:
            ego_mps = stage.ego_speed_mps
            distance_m = self._at_m - stage.ego_m - EGO_FRONT_M
            meet_m = ego_mps * wanted.share * self._right_m / wanted.speed
            if stage.ego_m >= stage.trigger_m and distance_m <= max(stopping_distance(ego_mps), meet_m):
                self._walking = True
                stage.walk(self._walker.id, self._heading, wanted.speed)
            return
        x, y, _ = stage.pose(self._walker.id)
        _, left_m = stage.line.project(x, y, self._at_m - 5.0, self._at_m + 5.0)
        if left_m > self._far_m:
            stage.walk(self._walker.id, self._heading, 0.0)
            self.done = True


def _edge(stage: Stage, s: float, side: float) -> float:
    """Distance from the route to where the driving lanes end on one side (1 left, -1 right) [m]."""
    for step in range(1, int(WIDEST_ROAD_M / 0.25)):
        x, y, _ = stage.line.pose(s, side * step * 0.25)
        if stage.map.get_waypoint(carla.Location(x=x, y=-y), False, carla.LaneType.Driving) is None:
            return step * 0.25
    raise PlacementError(f"{stage.where}: the road at {s:.0f} m is wider than {WIDEST_ROAD_M:.0f} m")
