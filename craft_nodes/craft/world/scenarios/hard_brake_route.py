"""HardBreakRoute (Bench2Drive's spelling): the vehicle ahead brakes hard without a reason that the ego could see."""

from dataclasses import dataclass

from craft.world.episode import Stage
from craft.world.scenarios.driver import PathDriver
from craft.world.scenarios.parameters import draw, parameter

VEHICLE = "vehicle.audi.tt"
GAP_AT_START_M = 14.0  # centre to centre [m]
GAP_STANDING_M = 7.0  # centre to centre: about 2.5 m between the bumpers [m]
GAIN_PER_S = 0.5  # how fast the leader closes a wrong gap [1/s]
SLOWEST_MPS = 2.0  # it crawls on even while the ego stands [m/s]


@dataclass(frozen=True)
class HardBreakParameters:
    """What varies."""

    speed: float = parameter((7.0, 10.0), (3.0, 16.0), "m/s")  # of the leader
    headway: float = parameter((0.6, 1.0), (0.5, 2.5), "s")  # it keeps in front of the ego
    standing: float = parameter((3.0, 6.0), (0.0, 12.0), "s")  # after the stop


class HardBreakRoute:
    """A leader keeps a short distance in front of the ego, brakes fully at the trigger, waits, and drives on."""

    def __init__(self):
        self._brakes_since_s: float | None = None
        self.done = False

    def setup(self, stage: Stage) -> None:
        """Put the leader ahead of the ego's start."""
        self._stage = stage
        self._parameters = draw(HardBreakParameters, stage)
        stage.waypoint(GAP_AT_START_M)
        vehicle = stage.spawn_vehicle(VEHICLE, *stage.line.pose(GAP_AT_START_M))
        self._driver = PathDriver(stage, vehicle.id, stage.line)

    def tick(self) -> None:
        """Keep the headway, or brake, or drive on."""
        if self.done:
            return
        stage, wanted, leader = self._stage, self._parameters, self._driver
        leader_m = GAP_AT_START_M if leader.s_m is None else leader.s_m
        if leader.finished:
            stage.remove(leader.actor_id)
            self.done = True
        elif self._brakes_since_s is None and leader_m < stage.trigger_m:
            wanted_m = GAP_STANDING_M + wanted.headway * stage.ego_speed_mps
            follow_mps = stage.ego_speed_mps + GAIN_PER_S * (wanted_m - (leader_m - stage.ego_m))
            leader.drive(min(wanted.speed, max(follow_mps, SLOWEST_MPS)))
        else:
            if self._brakes_since_s is None:
                self._brakes_since_s = stage.time_s
            braking = stage.time_s - self._brakes_since_s < wanted.standing
            leader.drive(0.0 if braking else wanted.speed)
