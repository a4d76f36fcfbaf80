"""InvadingTurn: an oncoming car cuts over the centre line into the ego's lane."""

from dataclasses import dataclass

import numpy as np

from craft.world.episode import PlacementError, Stage
from craft.world.route_line import RouteLine
from craft.world.scenarios.driver import PathDriver
from craft.world.scenarios.parameters import draw, parameter

VEHICLE = "vehicle.mercedes.coupe_2020"
HALF_WIDTH_M = 0.97  # of that car [m]
RETURN_AT_M = 18.0  # gap at which it returns to its lane before an ego that makes way [m]
STANDING_MPS = 1.5  # an ego slower than this has made way by stopping [m/s]
ASIDE_M = 0.4  # one that keeps this far to the right of its lane's middle has made way by swerving [m]
RETURN_MPS = 2.5  # how fast the car moves sideways [m/s]


@dataclass(frozen=True)
class InvadingParameters:
    """What varies."""

    distance: float = parameter((60.0, 75.0), (40.0, 150.0), "m")  # from the trigger to where the car waits
    offset: float = parameter((0.9, 1.3), (0.2, 1.6), "m")  # over the centre line
    speed: float = parameter((5.0, 7.0), (2.0, 10.0), "m/s")


class InvadingTurn:
    """The car starts when the ego passes the trigger, and stays over the line unless the ego makes way."""

    def __init__(self):
        self._started = False
        self.done = False

    def setup(self, stage: Stage) -> None:
        """Put the car into the oncoming lane."""
        self._stage = stage
        self._parameters = draw(InvadingParameters, stage)
        begin_m = stage.trigger_m
        end_m = begin_m + self._parameters.distance
        stage.straight_road(begin_m, end_m)
        self._lane_m = stage.oncoming_lane(end_m)
        if self._lane_m is None:
            raise PlacementError(
                f"{stage.where}: no oncoming lane borders the route at {end_m:.0f} m; put the trigger on a road with "
                f"one lane each way"
            )
        # The car's path: its own lane's middle, against the route.
        points = [stage.line.pose(s, self._lane_m)[:2] for s in np.arange(end_m, begin_m - 1.0, -1.0)]
        path = RouteLine(np.array(points))
        self._driver = PathDriver(stage, stage.spawn_vehicle(VEHICLE, *path.pose(0.0)).id, path)
        middle_m = stage.waypoint(end_m).lane_width / 2.0
        self._over_m = self._lane_m - (middle_m + HALF_WIDTH_M - self._parameters.offset)
        self._left_m = 0.0

    def tick(self) -> None:
        """Wait for the ego, then come."""
        stage, driver = self._stage, self._driver
        if self.done:
            return
        if not self._started:
            self._started = stage.ego_m >= stage.trigger_m
            if not self._started:
                stage.drive(driver.actor_id, 0.0, 0.0, 1.0)
                return
        if driver.finished:
            stage.remove(driver.actor_id)
            self.done = True
            return
        goal_m = 0.0 if self._ego_makes_way() else self._over_m
        step_m = RETURN_MPS * 0.05
        self._left_m += min(max(goal_m - self._left_m, -step_m), step_m)
        driver.drive(self._parameters.speed, self._left_m)

    def _ego_makes_way(self) -> bool:
        stage = self._stage
        x, y, _ = stage.pose(self._driver.actor_id)
        odometry = stage.frame.odometry
        near = (x - odometry.x) ** 2 + (y - odometry.y) ** 2 < RETURN_AT_M**2
        _, left_m = stage.line.project(odometry.x, odometry.y, stage.ego_m - 2.0, stage.ego_m + 2.0)
        return near and (stage.ego_speed_mps < STANDING_MPS or left_m < -ASIDE_M)
