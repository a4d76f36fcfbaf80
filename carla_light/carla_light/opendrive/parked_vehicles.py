"""Vehicles that are parked on a map: OpenDRIVE objects that stand where they are, and are no actors."""

import math
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import carla

# OpenDRIVE's object types that are vehicles, with CARLA's semantic tag
KINDS = {"car": 14, "van": 14, "truck": 15, "bus": 16, "motorbike": 18, "bike": 19}


@dataclass(frozen=True)
class ParkedVehicle:
    """One of them: centre of its base and its box, in CARLA's axes.

    Attributes:
        kind: OpenDRIVE's object type, a key of KINDS.
        name: As the map gives it.
        x, y, z: [m]
        yaw: [deg]
        half_extents: Half length, width and height [m].
    """

    kind: str
    name: str
    x: float
    y: float
    z: float
    yaw: float
    half_extents: tuple[float, float, float]


def find_parked_vehicles(road_map: carla.Map, root: Element) -> list[ParkedVehicle]:
    """All parked vehicles of a checked map, in the order of the file."""
    found = []
    for road in root.findall("road"):
        for item in road.iterfind("objects/object"):
            if item.get("type") in KINDS:
                found.append(_place(road_map, road, item))
    return found


def _place(road_map: carla.Map, road: Element, item: Element) -> ParkedVehicle:
    s, t = float(item.get("s")), float(item.get("t"))
    beside, forward = _first_lane(road_map, int(road.get("id")), s)
    transform = beside.transform
    yaw = transform.rotation.yaw + (0.0 if forward else 180.0)  # of the reference line
    # From the first lane's middle to lane 0, from there to the reference line, from there to t; left positive.
    left_m = (0.5 if forward else -0.5) * beside.lane_width + t - _lane_offset(road, s)
    at = math.radians(yaw - 90.0)
    height = float(item.get("height"))
    return ParkedVehicle(
        kind=item.get("type"),
        name=item.get("name") or item.get("id", ""),
        x=transform.location.x + left_m * math.cos(at),
        y=transform.location.y + left_m * math.sin(at),
        z=transform.location.z + float(item.get("zOffset", "0")),
        yaw=yaw - math.degrees(float(item.get("hdg", "0"))),
        half_extents=(0.5 * float(item.get("length")), 0.5 * float(item.get("width")), 0.5 * height),
    )


def _first_lane(road_map: carla.Map, road: int, s: float) -> tuple[carla.Waypoint, bool]:
    """The lane next to the middle of a road, and whether it runs along the reference line."""
    right = road_map.get_waypoint_xodr(road, -1, s)
    return (right, True) if right is not None else (road_map.get_waypoint_xodr(road, 1, s), False)


def _lane_offset(road: Element, s: float) -> float:
    """How far lane 0 lies to the left of the reference line [m]."""
    offset_m = 0.0
    for record in road.iterfind("lanes/laneOffset"):
        ds = s - float(record.get("s"))
        if ds < 0.0:
            break
        a, b, c, d = (float(record.get(name, "0")) for name in "abcd")
        offset_m = a + ds * (b + ds * (c + ds * d))
    return offset_m
