"""The other party of an episode: one class for each scenario type, named as in Bench2Drive.

A scenario is set up once, before the first tick, and then acts before each tick. It places its actors by the road
relative to the route, never by coordinates, and takes all its randomness from the episode's seed.
"""

from typing import Protocol

from craft.world.episode import PlacementError, Stage
from craft.world.scenarios.dynamic_object_crossing import DynamicObjectCrossing
from craft.world.scenarios.hard_brake_route import HardBreakRoute
from craft.world.scenarios.invading_turn import InvadingTurn
from craft.world.scenarios.non_signalized_junction_right_turn import NonSignalizedJunctionRightTurn
from craft.world.scenarios.parked_obstacle import ParkedObstacle
from craft.world.scenarios.static_cut_in import StaticCutIn
from craft.world.scenarios.vanilla_red_light import VanillaSignalizedTurnEncounterRedLight
from craft.world.scenarios.vanilla_stop_sign import VanillaNonSignalizedTurnEncounterStopsign


class Scenario(Protocol):
    """What every scenario type offers.

    Attributes:
        done: Whether the other party has nothing more to do.
    """

    done: bool

    def setup(self, stage: Stage) -> None:
        """Put the actors there. Raises PlacementError where the route has no room for the scenario."""

    def tick(self) -> None:
        """Act on the stage's latest frame, before the coming tick."""


SCENARIOS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        DynamicObjectCrossing,
        HardBreakRoute,
        InvadingTurn,
        NonSignalizedJunctionRightTurn,
        ParkedObstacle,
        StaticCutIn,
        VanillaNonSignalizedTurnEncounterStopsign,
        VanillaSignalizedTurnEncounterRedLight,
    )
}

__all__ = ["SCENARIOS", "PlacementError", "Scenario", "Stage", "make_scenario"]


def make_scenario(name: str) -> Scenario:
    """A scenario of the named type.

    Raises:
        ValueError: There is no such type.
    """
    if name not in SCENARIOS:
        raise ValueError(f"unknown scenario type {name!r}; known are {', '.join(sorted(SCENARIOS))}")
    return SCENARIOS[name]()
