"""A map ready to drive on: checked, parsed, and with everything that the simulation asks of it."""

import os
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import carla

from carla_light import towns
from carla_light.errors import MapError
from carla_light.opendrive.approaches import LIGHT, STOP, YIELD, Approach, find_approaches
from carla_light.opendrive.check import parse_checked
from carla_light.opendrive.controllers import Phase, signal_phases
from carla_light.opendrive.parked_vehicles import ParkedVehicle, find_parked_vehicles
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
    parked: list[ParkedVehicle]
    spawn_points: list[carla.Transform]


def build_town(name: str, opendrive: str) -> Town:
    """Loads a map.

    Raises:
        MapError: The map is malformed.
    """
    root = parse_checked(name, opendrive)
    _check_survivable(name, opendrive)
    try:
        return _build(name, opendrive, root)
    except RuntimeError as error:
        raise MapError(f"map '{name}' is refused by carla.Map: {error}; correct the OpenDRIVE file") from None


def _build(name: str, opendrive: str, root: Element) -> Town:
    road_map = carla.Map(name, opendrive)
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
        find_parked_vehicles(road_map, root),
        points,
    )


def _check_survivable(name: str, opendrive: str) -> None:
    """Tries a map in a forked process: carla.Map ends its process on faults that no check here foresees.

    Raises:
        MapError: The process did not survive.
    """
    child = os.fork()
    if child == 0:
        try:
            road_map = carla.Map(name, opendrive)
            road_map.get_topology()
            road_map.get_all_landmarks()
            spawn_points(road_map)
        except RuntimeError:
            pass  # reported by the parent, which meets the same error
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        raise MapError(
            f"map '{name}' ends the process that loads it with carla.Map (signal {os.WTERMSIG(status)}); "
            "look for links to lanes that do not exist in the OpenDRIVE file"
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
