"""HardBreakRoute (Bench2Drive's spelling): the vehicle ahead brakes hard without a reason that the ego could see."""

from dataclasses import dataclass

from craft.world.episode import Stage
from craft.world.scenarios.driver import PathDriver
from craft.world.scenarios.parameters import draw, parameter

VEHICLE = "vehicle.audi.tt"
GAP_AT_START_M = 14.0  # centre to centre [m]
GAIN_PER_S = 0.5  # how fast the leader closes a wrong gap [1/s]


@dataclass(frozen=True)
class HardBreakParameters:
    """What varies."""

    speed: float = parameter((7.0, 10.0), (3.0, 16.0), "m/s")  # of the leader
    headway: float = parameter((0.6, 1.0), (0.5, 2.5), "s")  # it keeps in front of the ego
    standing: float = parameter((3.0, 6.0), (0.0, 20.0), "s")  # after the stop


class HardBreakRoute:
    """A leader keeps a short distance in front of the ego, brakes fully at the trigger, waits, and drives on."""

    def __init__(self):
        self._brakes_since_s: float | None = None

    @property
    def done(self) -> bool:
        """Whether the leader has reached the end of the route."""
        return self._driver.finished

    def setup(self, stage: Stage) -> None:
        """Put the leader ahead of the ego's start."""
        self._stage = stage
        self._parameters = draw(HardBreakParameters, stage)
        stage.waypoint(GAP_AT_START_M)
        vehicle = stage.spawn_vehicle(VEHICLE, *stage.line.pose(GAP_AT_START_M))
        self._driver = PathDriver(stage, vehicle.id, stage.line)

    def tick(self) -> None:
        """Keep the headway, or brake."""
        stage, wanted = self._stage, self._parameters
        if self._brakes_since_s is None and self._driver.s_m is not None and self._driver.s_m >= stage.trigger_m:
            self._brakes_since_s = stage.time_s
        if self._brakes_since_s is None:
            gap_m = (GAP_AT_START_M if self._driver.s_m is None else self._driver.s_m) - stage.ego_m
            wanted_m = 7.0 + wanted.headway * stage.ego_speed_mps
            follow_mps = stage.ego_speed_mps + GAIN_PER_S * (wanted_m - gap_m)
            self._driver.drive(min(wanted.speed, max(follow_mps, 2.0)))
        elif stage.time_s - self._brakes_since_s < wanted.standing + 1.5:
            self._driver.stop()
        else:
            self._driver.drive(wanted.speed)
