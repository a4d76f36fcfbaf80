"""NonSignalizedJunctionRightTurn: the ego turns right into a stream of cars that has the right of way."""

import math
from dataclasses import dataclass

from craft.world.episode import PlacementError, Stage
from craft.world.scenarios.junction_paths import merging_path
from craft.world.scenarios.parameters import draw, parameter
from craft.world.scenarios.traffic_flow import TrafficFlow

UPSTREAM_M = 55.0  # the stream begins this far before the junction [m]
RIGHT_TURN_RAD = math.radians(-40.0)  # a route that turns more to the right than this turns right [rad]


@dataclass(frozen=True)
class RightTurnParameters:
    """What varies."""

    flow_speed: float = parameter((6.5, 8.5), (3.0, 14.0), "m/s")
    vehicles: float = parameter((4.0, 6.0), (1.0, 12.0), "")
    gap_from: float = parameter((9.0, 10.0), (9.0, 100.0), "m")  # between two cars, centre to centre
    gap_to: float = parameter((11.0, 14.0), (9.0, 100.0), "m")
    early: float = parameter((0.5, 2.0), (-2.0, 5.0), "s")  # the first car is there this much before the ego


class NonSignalizedJunctionRightTurn:
    """The stream is timed to meet an ego that does not slow down; it ends, so that waiting is always possible."""

    def setup(self, stage: Stage) -> None:
        """Find the stream's way."""
        parameters = draw(RightTurnParameters, stage)
        entry_m, exit_m = stage.next_junction(stage.trigger_m)
        turn_rad = stage.line.turn(entry_m - 2.0, exit_m + 2.0)
        if turn_rad > RIGHT_TURN_RAD:
            raise PlacementError(
                f"{stage.where}: the route turns by {math.degrees(turn_rad):.0f} degrees at the junction at "
                f"{entry_m:.0f} m, which is no right turn; route it to the right"
            )
        if parameters.gap_to < parameters.gap_from:
            raise PlacementError(f"{stage.where}: gap_to is smaller than gap_from; swap them")
        path = merging_path(stage, entry_m, exit_m, UPSTREAM_M)
        gaps = stage.generator.uniform(parameters.gap_from, parameters.gap_to, size=round(parameters.vehicles) - 1)
        self._flow = TrafficFlow(
            stage, path, path.exit_m, exit_m, parameters.flow_speed, gaps.tolist(), parameters.early
        )

    @property
    def done(self) -> bool:
        """Whether the stream has passed."""
        return self._flow.done

    def tick(self) -> None:
        """Keep the stream going."""
        self._flow.tick()
