"""StaticCutIn: a standing car beside the lane pulls out in front of the ego."""

from dataclasses import dataclass

from craft.world.episode import PlacementError, Stage
from craft.world.scenarios.driver import PathDriver
from craft.world.scenarios.parameters import draw, parameter
from craft.world.scenarios.timing import EGO_FRONT_M, stopping_distance

VEHICLE = "vehicle.seat.leon"
PARKED = "vehicle.mini.cooper_s"
HALF_LENGTH_M = 2.1  # of the car [m]
PULL_OUT_M = 9.0  # way ahead on which it changes into the lane [m]
PARKED_EVERY_M = 7.0  # cars that stand behind it [m]


@dataclass(frozen=True)
class CutInParameters:
    """What varies."""

    distance: float = parameter((25.0, 35.0), (15.0, 80.0), "m")  # from the trigger to the car
    speed: float = parameter((3.0, 5.0), (1.5, 8.0), "m/s")  # after it has pulled out
    arrival: float = parameter((1.4, 2.2), (0.8, 5.0), "s")  # time to arrival of the ego at which it starts


class StaticCutIn:
    """One of a row of standing cars; it starts by the ego's time to arrival."""

    def __init__(self):
        self._started = False
        self.done = False

    def setup(self, stage: Stage) -> None:
        """Put the cars beside the lane."""
        self._stage = stage
        self._parameters = draw(CutInParameters, stage)
        self._at_m = stage.trigger_m + self._parameters.distance
        stage.straight_road(self._at_m - 15.0, self._at_m + 30.0)
        beside = stage.parking_beside(self._at_m) or stage.lanes_beside(self._at_m)
        if not beside:
            raise PlacementError(
                f"{stage.where}: no parking or driving lane lies beside the route at {self._at_m:.0f} m for a car to "
                f"pull out of; move the trigger"
            )
        self._aside_m = beside[0]
        cutter = stage.spawn_vehicle(VEHICLE, *stage.line.pose(self._at_m, self._aside_m))
        for k in (1, 2):
            stage.spawn_vehicle(PARKED, *stage.line.pose(self._at_m - k * PARKED_EVERY_M, self._aside_m))
        self._driver = PathDriver(stage, cutter.id, stage.line)

    def tick(self) -> None:
        """Wait for the ego, then pull out."""
        stage, wanted, driver = self._stage, self._parameters, self._driver
        if self.done:
            return
        if not self._started:
            distance_m = self._at_m - HALF_LENGTH_M - stage.ego_m - EGO_FRONT_M
            begins_m = max(stopping_distance(stage.ego_speed_mps), wanted.arrival * stage.ego_speed_mps)
            self._started = stage.ego_m >= stage.trigger_m and distance_m <= begins_m
            if not self._started:
                stage.drive(driver.actor_id, 0.0, 0.0, 1.0)
                return
        if driver.finished:
            stage.remove(driver.actor_id)
            self.done = True
            return
        way_m = 0.0 if driver.s_m is None else driver.s_m - self._at_m
        # The look-ahead point enters the lane first, so the car begins to turn at once.
        driver.drive(wanted.speed, self._aside_m * max(0.0, 1.0 - (way_m + 3.0) / PULL_OUT_M))
