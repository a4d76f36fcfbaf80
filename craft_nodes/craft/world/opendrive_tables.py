"""What carla.Map does not tell about a town, read from its OpenDRIVE text, and the checks that carla.Map leaves out."""

import math
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from craft.scene.road_map import LaneKind

LANE_KINDS = {
    "driving": LaneKind.DRIVING,
    "shoulder": LaneKind.SHOULDER,
    "stop": LaneKind.SHOULDER,  # OpenDRIVE's name for the emergency lane of a highway
    "parking": LaneKind.PARKING,
    "sidewalk": LaneKind.SIDEWALK,
}
_KMH_PER_UNIT = {"km/h": 1.0, "mph": 1.609344, "m/s": 3.6}
_LENGTH_ERROR_M = 0.1  # a road's length may differ this much from the end of its geometry [m]


@dataclass(frozen=True)
class LaneSpan:
    """One lane in one lane section.

    Attributes:
        road, section, lane: OpenDRIVE ids; the section counts from 0 along the road.
        kind: What it is for.
        s_from, s_to: Extent along the road's reference line [m].
        junction: Whether the road lies inside a junction.
    """

    road: int
    section: int
    lane: int
    kind: LaneKind
    s_from: float
    s_to: float
    junction: bool


@dataclass(frozen=True)
class OpenDriveTables:
    """Lanes and road types of a town.

    Attributes:
        lanes: All lanes with a LaneKind, in the order of the file.
        type_kmh: Road id -> speed of its first road type [km/h], where one is given.
        junction_roads: Ids of the roads inside junctions.
    """

    lanes: tuple[LaneSpan, ...]
    type_kmh: dict[int, float]
    junction_roads: frozenset[int]


def read_tables(name: str, xodr: str) -> OpenDriveTables:
    """Check an OpenDRIVE text and read its tables.

    carla.Map ends the process on some broken files (a signalReference to a missing signal, a link to a missing lane),
    so nothing unchecked may reach it.

    Args:
        name: Name of the town, for messages.
        xodr: OpenDRIVE text.

    Raises:
        ValueError: naming the town, the element and what is wrong with it.
    """
    try:
        root = ElementTree.fromstring(xodr)
    except ElementTree.ParseError as error:
        raise ValueError(f"the OpenDRIVE map of {name!r} is not well-formed XML: {error}") from None
    if root.tag != "OpenDRIVE":
        raise ValueError(f"the map of {name!r} begins with <{root.tag}>, expected <OpenDRIVE>")
    try:
        return _tables(root)
    except _BrokenError as error:
        raise ValueError(f"the OpenDRIVE map of {name!r} is broken: {error}") from None


class _BrokenError(Exception):
    """What is wrong with an OpenDRIVE document."""


def _tables(root: Element) -> OpenDriveTables:
    roads = root.findall("road")
    if not roads:
        raise _BrokenError("it has no road")
    _check_references(root, roads)
    lanes: list[LaneSpan] = []
    type_kmh: dict[int, float] = {}
    for road in roads:
        lanes += _lanes(road)
        speed = road.find("type/speed")
        kmh = _speed_kmh(speed, f"road {road.get('id')}") if speed is not None else None
        if kmh is not None:
            type_kmh[_integer(road, "id", "road")] = kmh
    if not any(lane.kind is LaneKind.DRIVING for lane in lanes):
        raise _BrokenError("none of its lanes is a driving lane")
    inside = frozenset(_integer(road, "id", "road") for road in roads if road.get("junction", "-1") != "-1")
    return OpenDriveTables(tuple(lanes), type_kmh, inside)


def _check_references(root: Element, roads: list[Element]) -> None:
    """Every id that something refers to must exist, and road and signal ids must be unique."""
    road_ids = _unique([_integer(road, "id", "road") for road in roads], "road")
    junction_ids = _unique([_integer(item, "id", "junction") for item in root.findall("junction")], "junction")
    signal_ids = _unique([signal.get("id") for signal in root.iter("signal")], "signal")
    for road in roads:
        where = f"road {road.get('id')}"
        for reference in road.iter("signalReference"):
            if reference.get("id") not in signal_ids:
                raise _BrokenError(
                    f"{where} has a signalReference to signal {reference.get('id')}, which does not exist"
                )
        junction = _integer(road, "junction", where) if road.get("junction") else -1
        if junction != -1 and junction not in junction_ids:
            raise _BrokenError(f"{where} lies in junction {junction}, which does not exist")
        for tag in ("predecessor", "successor"):
            link = road.find(f"link/{tag}")
            if link is None:
                continue
            known = {"road": road_ids, "junction": junction_ids}.get(link.get("elementType"))
            if known is None or _integer(link, "elementId", f"the {tag} of {where}") not in known:
                target = f"{link.get('elementType')} {link.get('elementId')}"
                raise _BrokenError(f"the {tag} of {where} is {target}, which does not exist")
    for junction in root.findall("junction"):
        for connection in junction.findall("connection"):
            where = f"connection {connection.get('id')} of junction {junction.get('id')}"
            for attribute in ("incomingRoad", "connectingRoad"):
                if _integer(connection, attribute, where) not in road_ids:
                    raise _BrokenError(f"{where} has {attribute} {connection.get(attribute)}, which does not exist")
    _check_lane_links(roads)
    for controller in root.findall("controller"):
        for control in controller.findall("control"):
            if control.get("signalId") not in signal_ids:
                raise _BrokenError(
                    f"controller {controller.get('id')} controls signal {control.get('signalId')}, which does not exist"
                )


def _check_lane_links(roads: list[Element]) -> None:
    """The lane that follows a lane in its direction of travel must exist; carla.Map does not survive a missing one.

    Links against the direction of travel are left alone: carla.Map ignores them, and Town07 has a wrong one.
    """
    sections = {
        road.get("id"): [{lane.get("id") for lane in section.iter("lane")} for section in road.iter("laneSection")]
        for road in roads
    }
    for road in roads:
        own = sections[road.get("id")]
        for k, section in enumerate(road.iter("laneSection")):
            for lane in section.iter("lane"):
                tag, neighbour = ("predecessor", k - 1) if lane.get("id", "").isdigit() else ("successor", k + 1)
                linked = lane.find(f"link/{tag}")
                known = own[neighbour] if 0 <= neighbour < len(own) else _lanes_beyond(road, tag, sections)
                if linked is not None and known is not None and linked.get("id") not in known:
                    raise _BrokenError(
                        f"the {tag} of lane {lane.get('id')} of road {road.get('id')} is lane {linked.get('id')}, "
                        f"which does not exist"
                    )


def _lanes_beyond(road: Element, tag: str, sections: dict[str, list[set]]) -> set | None:
    """Ids of the lanes where the linked road begins; None at a junction, whose connecting roads name the lanes."""
    link = road.find(f"link/{tag}")
    if link is None or link.get("elementType") != "road" or not sections[link.get("elementId")]:
        return None
    return sections[link.get("elementId")][0 if link.get("contactPoint") == "start" else -1]


def _unique(ids: list, what: str) -> frozenset:
    seen = set()
    for item in ids:
        if item in seen:
            raise _BrokenError(f"there are two {what}s with the id {item}")
        seen.add(item)
    return frozenset(seen)


def _lanes(road: Element) -> list[LaneSpan]:
    road_id = _integer(road, "id", "road")
    where = f"road {road_id}"
    length = _number(road, "length", where)
    if length <= 0.0:
        raise _BrokenError(f"{where} is {length:g} m long")
    _check_geometry(road, length, where)
    sections = road.findall("lanes/laneSection")
    if not sections:
        raise _BrokenError(f"{where} has no laneSection")
    starts = [_number(section, "s", f"a laneSection of {where}") for section in sections] + [length]
    spans = []
    for k, section in enumerate(sections):
        if not starts[k] < starts[k + 1]:
            raise _BrokenError(f"laneSection {k} of {where} ends at {starts[k + 1]:g} m, before it begins")
        for lane in section.iter("lane"):
            lane_id = _integer(lane, "id", f"a lane of {where}")
            kind = LANE_KINDS.get(lane.get("type"))
            if lane_id != 0 and kind is not None:
                junction = road.get("junction", "-1") != "-1"
                spans.append(LaneSpan(road_id, k, lane_id, kind, starts[k], starts[k + 1], junction))
    return spans


def _check_geometry(road: Element, length: float, where: str) -> None:
    """The reference line must exist, with finite numbers, and reach as far as the road."""
    pieces = road.findall("planView/geometry")
    if not pieces:
        raise _BrokenError(f"{where} has no geometry")
    for piece in pieces:
        for attribute in ("s", "x", "y", "hdg", "length"):
            _number(piece, attribute, f"the geometry of {where}")
    end = float(pieces[-1].get("s")) + float(pieces[-1].get("length"))
    if abs(end - length) > _LENGTH_ERROR_M:
        raise _BrokenError(f"{where} is said to be {length:g} m long, but its geometry ends at {end:g} m")


def _speed_kmh(speed: Element, where: str) -> float | None:
    """Speed of a road type; None for "no limit" and "undefined", which OpenDRIVE allows."""
    if speed.get("max") in ("no limit", "undefined"):
        return None
    unit = speed.get("unit", "m/s")  # the standard's default
    if unit not in _KMH_PER_UNIT:
        raise _BrokenError(f"the speed of {where} has the unit {unit!r}, expected one of {', '.join(_KMH_PER_UNIT)}")
    return _number(speed, "max", f"the speed of {where}") * _KMH_PER_UNIT[unit]


def _number(element: Element, attribute: str, where: str) -> float:
    try:
        value = float(element.get(attribute, ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _BrokenError(f"{where} has {attribute}={element.get(attribute)!r}, expected a number")
    return value


def _integer(element: Element, attribute: str, where: str) -> int:
    try:
        return int(element.get(attribute, ""))
    except ValueError:
        raise _BrokenError(f"{where} has {attribute}={element.get(attribute)!r}, expected a whole number") from None
