"""VanillaNonSignalizedTurnEncounterStopsign: the route passes a stop sign, and someone else crosses there."""

import math
from dataclasses import dataclass

from craft.world.episode import PlacementError, Stage
from craft.world.scenarios.junction_paths import ThroughPath, through_paths
from craft.world.scenarios.parameters import draw, parameter
from craft.world.scenarios.traffic_flow import TrafficFlow

STOP_SIGN = "206"  # OpenDRIVE signal type of a stop sign, as CARLA's towns use it
SIGN_BEFORE_M = 25.0  # the sign stands no farther before the junction [m]
UPSTREAM_M = 45.0  # where the other one comes from, before the junction [m]
CROSSING_RAD = math.radians(50.0), math.radians(130.0)  # angle between two ways that cross


@dataclass(frozen=True)
class StopSignParameters:
    """What varies."""

    flow_speed: float = parameter((6.0, 9.0), (3.0, 14.0), "m/s")
    vehicles: float = parameter((2.0, 4.0), (0.0, 6.0), "")
    gap: float = parameter((9.0, 13.0), (9.0, 100.0), "m")
    early: float = parameter((-0.3, 0.3), (-2.0, 5.0), "s")  # the first car is there this much before the ego


class VanillaNonSignalizedTurnEncounterStopsign:
    """Timed to meet an ego that passes the sign without stopping."""

    def setup(self, stage: Stage) -> None:
        """Check the sign and find the crossing way."""
        parameters = draw(StopSignParameters, stage)
        entry_m, exit_m = stage.next_junction(stage.trigger_m)
        before_m = max(entry_m - SIGN_BEFORE_M, 0.0)
        signs = stage.waypoint(before_m).get_landmarks_of_type(entry_m - before_m + 2.0, STOP_SIGN, False)
        if not signs:
            raise PlacementError(
                f"{stage.where}: no stop sign stands before the junction at {entry_m:.0f} m; choose another junction"
            )
        count = round(parameters.vehicles)
        self._flow = None
        ways = [path for path in through_paths(stage, entry_m, exit_m, UPSTREAM_M) if _crosses(path)]
        if count and ways:
            path = ways[int(stage.generator.integers(len(ways)))]
            ego_m, path_m = _meeting(stage, path, entry_m, exit_m)
            gaps = [parameters.gap] * (count - 1)
            self._flow = TrafficFlow(stage, path, path_m, ego_m, parameters.flow_speed, gaps, parameters.early)

    @property
    def done(self) -> bool:
        """Whether everyone else has passed."""
        return self._flow is None or self._flow.done

    def tick(self) -> None:
        """Keep the others going."""
        if self._flow is not None:
            self._flow.tick()


def _crosses(path: ThroughPath) -> bool:
    return CROSSING_RAD[0] < abs(path.approach_rad) < CROSSING_RAD[1] and abs(path.turn_rad) < CROSSING_RAD[0]


def _meeting(stage: Stage, path: ThroughPath, entry_m: float, exit_m: float) -> tuple[float, float]:
    """Arc lengths of the route and of the path where they come closest inside the junction [m]."""
    best = (math.inf, entry_m, path.entry_m)
    for k in range(int(exit_m - entry_m) + 1):
        x, y, _ = stage.line.pose(entry_m + k)
        path_m, aside_m = path.line.project(x, y, path.entry_m, path.exit_m)
        best = min(best, (abs(aside_m), entry_m + k, path_m))
    return best[1], best[2]
