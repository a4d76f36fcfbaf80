"""ParkedObstacle: a car stands in the ego's lane; a lane of the same direction leads past it."""

from dataclasses import dataclass

from craft.world.episode import PlacementError, Stage
from craft.world.scenarios.parameters import draw, parameter

VEHICLE = "vehicle.nissan.patrol_2021"


@dataclass(frozen=True)
class ParkedParameters:
    """What varies."""

    distance: float = parameter((25.0, 45.0), (15.0, 100.0), "m")  # from the trigger
    aside: float = parameter((0.0, 0.4), (0.0, 1.0), "m")  # to the right of the lane's middle


class ParkedObstacle:
    """The car is there from the start and never moves."""

    def __init__(self):
        self.done = False

    def setup(self, stage: Stage) -> None:
        """Park the car."""
        self._stage = stage
        parameters = draw(ParkedParameters, stage)
        self._at_m = stage.trigger_m + parameters.distance
        stage.straight_road(self._at_m - 15.0, self._at_m + 15.0)
        if not stage.lanes_beside(self._at_m):
            raise PlacementError(
                f"{stage.where}: no lane of the same direction leads past an obstacle at {self._at_m:.0f} m; "
                f"put the trigger on a road of two lanes"
            )
        stage.spawn_vehicle(VEHICLE, *stage.line.pose(self._at_m, -parameters.aside))

    def tick(self) -> None:
        """Nothing moves."""
        self.done = self._stage.ego_m > self._at_m + 10.0
