"""Writes a network as OpenDRIVE 1.4 in the dialect that carla.Map 0.9.16 reads.

The dialect, measured on the client: a signal's validity runs from the low to the high lane id; lane changes follow the
laneChange attribute alone, and a missing one permits them, so it is always written; a crosswalk is an object with a
direct outline whose first corner is repeated; a sign faces traffic with hOffset 0 beside right lanes and pi beside left
ones.
"""

from math import pi
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from carla_light.towns.geometry import advance
from carla_light.towns.junction import Junction
from carla_light.towns.network import Network
from carla_light.towns.road import SPEED_LIMIT, Control, Lane, LaneType, Road, driving_lanes

_SIGNAL_NAMES = {
    Control.LIGHT.value: "Signal_3Light_Post01",
    Control.STOP.value: "Sign_Stop",
    Control.YIELD.value: "Sign_Yield",
    SPEED_LIMIT: "Speed_limit",
}


def to_opendrive(network: Network) -> str:
    """The OpenDRIVE document of a network that was built; the same network always gives the same text."""
    root = Element("OpenDRIVE")
    header = _add(root, "header", revMajor=1, revMinor=4, name=network.name, version=1)
    _add(header, "geoReference").text = (
        f"+proj=tmerc +lat_0={network.latitude:g} +lon_0={network.longitude:g} +k=1 +x_0=0 +y_0=0 +datum=WGS84 "
        "+units=m +no_defs"
    )
    for road in network.roads:
        _add_road(root, road)
    for junction in network.junctions:
        for controller_id, lights in junction.controllers:
            controller = _add(root, "controller", id=controller_id, name=f"phase{controller_id}", sequence=0)
            for light in lights:
                _add(controller, "control", signalId=light, type="")
    for junction in network.junctions:
        _add_junction(root, junction)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _add(parent: Element, tag: str, **attributes) -> Element:
    """Add an element. Floats are printed to a hundredth of a micrometre, so that the text does not hang on rounding."""
    text = {
        name: f"{round(value, 8) + 0.0:.10g}" if isinstance(value, float) else str(value)
        for name, value in attributes.items()
    }
    return ElementTree.SubElement(parent, tag, text)


def _add_road(root: Element, road: Road) -> None:
    junction = -1 if road.junction is None else road.junction
    element = _add(root, "road", name=f"Road {road.id}", length=road.length, id=road.id, junction=junction)
    link = _add(element, "link")
    for tag, end in (("predecessor", road.predecessor), ("successor", road.successor)):
        contact = {} if end.contact is None else {"contactPoint": end.contact}
        _add(link, tag, elementType=end.element, elementId=end.id, **contact)
    _add(_add(element, "type", s=0.0, type=road.kind), "speed", max=road.speed_kmh, unit="km/h")
    _add_plan_view(element, road)
    _add(_add(element, "elevationProfile"), "elevation", s=0.0, a=0.0, b=0.0, c=0.0, d=0.0)
    _add_lanes(element, road)
    objects = _add(element, "objects")
    _add_crosswalks(objects, road)
    _add_parked_cars(objects, road)
    _add_signals(element, road)


def _add_plan_view(element: Element, road: Road) -> None:
    view, s, pose = _add(element, "planView"), 0.0, road.start
    for piece in road.pieces:
        geometry = _add(view, "geometry", s=s, x=pose.x, y=pose.y, hdg=pose.heading, length=piece.length)
        if piece.curvature:
            _add(geometry, "arc", curvature=piece.curvature)
        else:
            _add(geometry, "line")
        s, pose = s + piece.length, advance(pose, piece)


def _add_lanes(element: Element, road: Road) -> None:
    lanes = _add(element, "lanes")
    _add(lanes, "laneOffset", s=0.0, a=0.0, b=0.0, c=0.0, d=0.0)
    section = _add(lanes, "laneSection", s=0.0)
    if road.left:
        left = _add(section, "left")
        for k in reversed(range(len(road.left))):
            _add_lane(left, road, 1, k)
    centre = _add(_add(section, "center"), "lane", id=0, type="none", level="false")
    if road.junction is not None:
        mark = "none"
    elif not driving_lanes(road.left):
        mark = "solid"
    else:
        mark = "solid solid" if driving_lanes(road.left) > 1 else "broken"
    _add_mark(centre, mark, "yellow", lane_change=False)
    right = _add(section, "right")
    for k in range(len(road.right)):
        _add_lane(right, road, -1, k)


def _add_lane(group: Element, road: Road, sign: int, k: int) -> None:
    """One lane with its links, width and outer mark. Lanes are changed only between driving lanes of one side."""
    side, lane_id = road.side(sign), sign * (k + 1)
    lane: Lane = side[k]
    element = _add(group, "lane", id=lane_id, type=lane.kind.value, level="false")
    if lane_id in road.lane_links:
        link = _add(element, "link")
        before, after = road.lane_links[lane_id]
        _add(link, "predecessor", id=before)
        _add(link, "successor", id=after)
    end_width = lane.width if lane.end_width is None else lane.end_width
    _add(element, "width", sOffset=0.0, a=lane.width, b=(end_width - lane.width) / road.length, c=0.0, d=0.0)
    beside_driving = k + 1 < len(side) and side[k + 1].kind is LaneType.DRIVING
    if road.junction is not None or lane.kind is not LaneType.DRIVING:
        mark = "none"
    else:
        mark = "broken" if beside_driving else "solid"
    change = road.junction is None and lane.kind is LaneType.DRIVING and beside_driving
    _add_mark(element, mark, "white", lane_change=change)


def _add_mark(lane: Element, mark: str, color: str, *, lane_change: bool) -> None:
    change = "both" if lane_change else "none"
    _add(lane, "roadMark", sOffset=0.0, type=mark, weight="standard", color=color, width=0.12, laneChange=change)


def _add_crosswalks(objects: Element, road: Road) -> None:
    for k, crosswalk in enumerate(road.crosswalks):
        (u0, u1), (v0, v1) = crosswalk.u, crosswalk.v
        place = {"s": crosswalk.s, "t": 0.0, "zOffset": 0.0, "hdg": 0.0, "pitch": 0.0, "roll": 0.0}
        size = {"orientation": "none", "length": u1 - u0, "width": v1 - v0}
        item = _add(objects, "object", id=1000 * road.id + k, name="SimpleCrosswalk", type="crosswalk", **place, **size)
        outline = _add(item, "outline")
        for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1), (u0, v0)):
            _add(outline, "cornerLocal", u=u, v=v, z=0.0)


def _add_parked_cars(objects: Element, road: Road) -> None:
    for k, car in enumerate(road.parked, len(road.crosswalks)):
        heading = 0.0 if car.along else pi
        place = {"s": car.s, "t": car.t, "zOffset": 0.0, "hdg": heading, "pitch": 0.0, "roll": 0.0}
        size = {"orientation": "none", "length": car.length, "width": car.width, "height": car.height}
        _add(objects, "object", id=1000 * road.id + k, name="ParkedCar", type="car", **place, **size)


def _add_signals(element: Element, road: Road) -> None:
    signals = _add(element, "signals")
    for signal in road.signals:
        along = signal.side < 0
        item = _add(
            signals,
            "signal",
            id=signal.id,
            name=_SIGNAL_NAMES[signal.kind],
            s=signal.s,
            t=signal.t,
            zOffset=2.0,
            hOffset=0.0 if along else pi,
            roll=0.0,
            pitch=0.0,
            orientation="-" if along else "+",  # as in CARLA's own towns: "-" is for right lanes
            dynamic="yes" if signal.kind == Control.LIGHT.value else "no",
            country="OpenDRIVE",
            type=signal.kind,
            subtype=-1,
            value=signal.value,
            unit="km/h",
            text="",
            height=0.8,
            width=0.8,
        )
        low, high = sorted((signal.side, signal.side * signal.lanes))
        _add(item, "validity", fromLane=low, toLane=high)


def _add_junction(root: Element, junction: Junction) -> None:
    element = _add(root, "junction", id=junction.id, name=f"Junction {junction.id}")
    for k, connection in enumerate(junction.connections):
        road = connection.connecting
        ids = {"incomingRoad": connection.incoming.id, "connectingRoad": road.id}
        item = _add(element, "connection", id=k, **ids, contactPoint="start")
        for lane_id, (before, _) in road.lane_links.items():
            ElementTree.SubElement(item, "laneLink", {"from": str(before), "to": str(lane_id)})
    for k, (controller_id, _) in enumerate(junction.controllers):
        _add(element, "controller", id=controller_id, type="", sequence=k)
