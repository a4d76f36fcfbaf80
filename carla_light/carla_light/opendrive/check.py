"""Checks a map before carla.Map sees it: that library ends the process on some malformed maps."""

import math
from xml.etree import ElementTree

from carla_light.errors import MapError
from carla_light.opendrive.parked_vehicles import KINDS

_MAX_NAMED = 3  # faults named in one message


def parse_checked(name: str, xodr: str) -> ElementTree.Element:
    """The parsed map.

    Raises:
        MapError: The text is no OpenDRIVE map, or refers to something that it does not hold.
    """
    try:
        root = ElementTree.fromstring(xodr)
    except ElementTree.ParseError as error:
        raise MapError(f"map '{name}' is no well-formed XML ({error}); give an OpenDRIVE (.xodr) file") from None
    if root.tag != "OpenDRIVE":
        raise MapError(f"map '{name}' starts with <{root.tag}>, not <OpenDRIVE>; give an OpenDRIVE (.xodr) file")
    faults = _faults(root)
    if faults:
        more = f" and {len(faults) - _MAX_NAMED} more" if len(faults) > _MAX_NAMED else ""
        raise MapError(f"map '{name}' is malformed: {'; '.join(faults[:_MAX_NAMED])}{more}; correct the OpenDRIVE file")
    return root


def _faults(root: ElementTree.Element) -> list[str]:
    roads = root.findall("road")
    if not roads:
        return ["it has no <road>"]
    faults: list[str] = []
    road_ids: set[str] = set()
    for road in roads:
        faults += _road_faults(road, road_ids)
    junction_ids = {junction.get("id", "") for junction in root.findall("junction")}
    faults += _link_faults(roads, road_ids, junction_ids)
    for junction in root.findall("junction"):
        faults += _junction_faults(junction, road_ids)
    faults += _signal_faults(root)
    for road in roads:
        faults += _parked_faults(road)
    return faults


def _number(element: ElementTree.Element, key: str) -> float:
    """The attribute as a number; NaN if it is missing or none."""
    try:
        return float(element.get(key, "nan"))
    except ValueError:
        return math.nan


def _road_faults(road: ElementTree.Element, seen: set[str]) -> list[str]:
    name = road.get("id", "")
    here = f"road '{name}'"
    if not name.lstrip("-").isdigit():
        return [f"{here} has no whole number as id"]
    if name in seen:
        return [f"{here} occurs twice"]
    seen.add(name)
    faults = []
    if not _number(road, "length") > 0.0:
        faults.append(f"{here} has no positive length")
    geometries = road.findall("planView/geometry")
    if not geometries:
        faults.append(f"{here} has no planView geometry")
    for geometry in geometries:
        if not all(math.isfinite(_number(geometry, key)) for key in ("s", "x", "y", "hdg", "length")):
            faults.append(f"{here} has a geometry whose s, x, y, hdg or length is not a finite number")
            break
        if len(geometry) == 0:
            faults.append(f"{here} has a geometry without a shape")
            break
    sections = road.findall("lanes/laneSection")
    if not sections or any(section.find("center/lane") is None for section in sections):
        faults.append(f"{here} has no lane section with a centre lane")
    for lane in road.iterfind("lanes/laneSection/*/lane"):
        if not lane.get("id", "").lstrip("-").isdigit():
            faults.append(f"{here} has a lane without a whole number as id")
            break
    return faults


def _parked_faults(road: ElementTree.Element) -> list[str]:
    faults = []
    lanes = {lane.get("id") for lane in road.iterfind("lanes/laneSection/*/lane")}
    for item in road.iterfind("objects/object"):
        if item.get("type") not in KINDS:
            continue
        here = f"the parked {item.get('type')} '{item.get('id')}' on road '{road.get('id')}'"
        if not all(_number(item, key) > 0.0 for key in ("length", "width", "height")):
            faults.append(f"{here} has no positive length, width and height")
        elif not 0.0 <= _number(item, "s") <= _number(road, "length") or not math.isfinite(_number(item, "t")):
            faults.append(f"{here} does not stand beside the road: its s or t is wrong")
        elif not all(math.isfinite(_number(item, key)) for key in ("zOffset", "hdg") if key in item.attrib):
            faults.append(f"{here} has a zOffset or hdg that is no finite number")
        elif not lanes & {"-1", "1"}:
            faults.append(f"{here} has no lane -1 or 1 beside it")
    return faults


def _link_faults(roads: list[ElementTree.Element], road_ids: set[str], junction_ids: set[str]) -> list[str]:
    faults = []
    for road in roads:
        for end in road.iterfind("link/*"):
            kind, target = end.get("elementType"), end.get("elementId", "")
            known = {"road": road_ids, "junction": junction_ids}.get(kind or "")
            if known is not None and target not in known:
                faults.append(f"road '{road.get('id')}' has the {end.tag} {kind} '{target}', which does not exist")
        if road.get("junction", "-1") not in junction_ids | {"-1"}:
            faults.append(f"road '{road.get('id')}' belongs to junction '{road.get('junction')}', which does not exist")
    return faults


def _junction_faults(junction: ElementTree.Element, road_ids: set[str]) -> list[str]:
    faults = []
    for connection in junction.findall("connection"):
        for key in ("incomingRoad", "connectingRoad"):
            if connection.get(key, "") not in road_ids:
                faults.append(
                    f"junction '{junction.get('id')}' connects {key} '{connection.get(key)}', which does not exist"
                )
    return faults


def _signal_faults(root: ElementTree.Element) -> list[str]:
    signals = {signal.get("id", "") for signal in root.iterfind("road/signals/signal")}
    faults = []
    for road in root.findall("road"):
        for reference in road.iterfind("signals/signalReference"):
            if reference.get("id", "") not in signals:
                faults.append(
                    f"road '{road.get('id')}' has a signalReference to signal '{reference.get('id')}', "
                    "which does not exist"
                )
    for controller in root.findall("controller"):
        for control in controller.findall("control"):
            if control.get("signalId", "") not in signals:
                faults.append(
                    f"controller '{controller.get('id')}' controls signal '{control.get('signalId')}', "
                    "which does not exist"
                )
    return faults
