"""A map ready to drive on: checked, parsed, and with everything that the simulation asks of it."""

from dataclasses import dataclass
from pathlib import Path

import carla

from carla_light import towns
from carla_light.errors import MapError
from carla_light.opendrive.approaches import LIGHT, STOP, YIELD, Approach, find_approaches
from carla_light.opendrive.check import parse_checked
from carla_light.opendrive.controllers import Phase, signal_phases
from carla_light.opendrive.spawn_points import spawn_points
from carla_light.opendrive.speed_limits import SpeedLimits


@dataclass(frozen=True)
class Town:
    """A loaded map."""

    name: str
    opendrive: str
    road_map: carla.Map
    lights: list[Approach]
    phases: dict[str, Phase]
    stops: list[Approach]
    yields: list[Approach]
    limits: SpeedLimits
    spawn_points: list[carla.Transform]


def build_town(name: str, opendrive: str) -> Town:
    """Loads a map.

    Raises:
        MapError: The map is malformed.
    """
    root = parse_checked(name, opendrive)
    try:
        road_map = carla.Map(name, opendrive)
    except RuntimeError as error:
        raise MapError(f"map '{name}' is refused by carla.Map: {error}; correct the OpenDRIVE file") from None
    points = spawn_points(road_map)
    if not points:
        raise MapError(f"map '{name}' has no driving lane outside junctions; correct the OpenDRIVE file")
    return Town(
        name,
        opendrive,
        road_map,
        find_approaches(road_map, LIGHT),
        signal_phases(root),
        find_approaches(road_map, STOP),
        find_approaches(road_map, YIELD),
        SpeedLimits(road_map, root),
        points,
    )


def read_map(source: str | Path | None) -> tuple[str, str]:
    """Name and OpenDRIVE text of a map file or of one of our towns; our default town for None.

    Raises:
        MapError: There is no such file or town.
    """
    if source is None:
        source = towns.DEFAULT_TOWN
    path = Path(source)
    if path.suffix == ".xodr" or path.exists():
        try:
            return path.stem, path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MapError(f"cannot read the map file {path}: {error}; give an OpenDRIVE (.xodr) file") from None
    name = str(source).rsplit("/", 1)[-1]
    try:
        return name, towns.load(name)
    except (ValueError, LookupError, OSError) as error:
        raise MapError(str(error)) from None
