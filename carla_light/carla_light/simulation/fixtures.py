"""The parked vehicles of a town as things that can be hit and seen."""

import math

from carla_light.blueprints.definition import Blueprint
from carla_light.opendrive.parked_vehicles import KINDS, ParkedVehicle
from carla_light.simulation.actors import Body, Fixture

CELL_M = 16.0  # side of a cell of the grid [m]
LONGEST_REACH_M = 6.0  # of any vehicle: a bus has 5.5 [m]


class Fixtures:
    """All fixtures of a town, found by place.

    Attributes:
        all: In the order of the map.
    """

    def __init__(self, parked: list[ParkedVehicle]) -> None:
        """Puts every parked vehicle where the map has it."""
        self.all = [_fixture(vehicle) for vehicle in parked]
        self._cells: dict[tuple[int, int], list[Fixture]] = {}
        for fixture in self.all:
            column, row = _cell(fixture.x, fixture.y)
            ring = math.ceil((fixture.reach + LONGEST_REACH_M) / CELL_M)
            for i in range(column - ring, column + ring + 1):
                for j in range(row - ring, row + ring + 1):
                    self._cells.setdefault((i, j), []).append(fixture)

    @property
    def shown(self) -> list[Fixture]:
        """Those that no client has hidden."""
        return [fixture for fixture in self.all if fixture.solid]

    def near(self, bodies: list[Body]) -> list[Fixture]:
        """The solid fixtures that any of these bodies could touch, each once, in the order of the map."""
        cells = {_cell(body.x, body.y) for body in bodies}
        found = {id(fixture) for cell in cells for fixture in self._cells.get(cell, ())}
        return [fixture for fixture in self.all if id(fixture) in found and fixture.solid] if found else []


def _cell(x: float, y: float) -> tuple[int, int]:
    return int(x // CELL_M), int(y // CELL_M)


def _fixture(vehicle: ParkedVehicle) -> Fixture:
    blueprint = Blueprint(f"static.{vehicle.kind}", vehicle.half_extents, (), tag=KINDS[vehicle.kind])
    return Fixture(blueprint, vehicle.name, ((vehicle.x, vehicle.y, vehicle.z), (0.0, vehicle.yaw, 0.0)))
