"""A stream of cars through a junction that has the right of way over the ego."""

from craft.world.episode import PlacementError, Stage
from craft.world.scenarios.driver import PathDriver
from craft.world.scenarios.junction_paths import ThroughPath

VEHICLES = (
    "vehicle.toyota.prius",
    "vehicle.citroen.c3",
    "vehicle.audi.etron",
    "vehicle.ford.mustang",
    "vehicle.nissan.micra",
)
SLOWEST_EGO_MPS = 4.0  # an ego that is slower is expected to arrive as if this fast [m/s]


class TrafficFlow:
    """Cars that enter at the beginning of a path, one after the other, and leave at its end.

    The ego's time to arrival starts them, wherever the route's trigger lies: they have the longer way.

    Args:
        stage: The episode.
        path: Their way.
        conflict_m: Arc length of the path where it meets the ego's way [m].
        ego_conflict_m: The same place as arc length of the ego's route [m].
        speed_mps: Their speed.
        gaps_m: Way from each car to the next one; one more car than gaps.
        early_s: How much earlier than the ego the first car reaches the conflict.
    """

    def __init__(
        self,
        stage: Stage,
        path: ThroughPath,
        conflict_m: float,
        ego_conflict_m: float,
        speed_mps: float,
        gaps_m: list[float],
        early_s: float,
    ):
        self._stage = stage
        self._path = path
        self._needs_s = conflict_m / speed_mps + early_s
        self._ego_conflict_m = ego_conflict_m
        self._speed_mps = speed_mps
        self._gaps_m = [0.0, *gaps_m]
        self._started = False
        self._drivers: list[PathDriver] = []
        self._last: PathDriver | None = None

    @property
    def done(self) -> bool:
        """Whether all cars have come and gone."""
        return self._started and not self._gaps_m and not self._drivers

    def tick(self) -> None:
        """Let cars in, drive them, and take those away that have arrived."""
        stage = self._stage
        if not self._started:
            ego_s = (self._ego_conflict_m - stage.ego_m) / max(stage.ego_speed_mps, SLOWEST_EGO_MPS)
            self._started = ego_s <= self._needs_s
        if self._started and self._gaps_m and self._has_room():
            self._enter()
        for driver in list(self._drivers):
            if driver.s_m is not None and driver.finished:
                stage.remove(driver.actor_id)
                self._drivers.remove(driver)
            elif driver.actor_id in stage:
                driver.drive_with_priority(self._speed_mps)

    def _has_room(self) -> bool:
        return self._last is None or (self._last.s_m is not None and self._last.s_m >= self._gaps_m[0])

    def _enter(self) -> None:
        stage = self._stage
        blueprint = VEHICLES[int(stage.generator.integers(len(VEHICLES)))]
        x, y, yaw = self._path.line.pose(0.0)
        try:
            car = stage.spawn_vehicle(blueprint, x, y, yaw, self._speed_mps)
        except PlacementError:
            return  # background traffic stands there just now: the car enters when it has gone
        self._gaps_m.pop(0)
        self._last = PathDriver(stage, car.id, self._path.line)
        self._drivers.append(self._last)
