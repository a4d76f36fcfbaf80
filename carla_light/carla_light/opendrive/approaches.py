"""Where a traffic light or a sign acts: the lanes that lead to it, and the stretch of road just before its line."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import carla

LIGHT, STOP, YIELD, SPEED_LIMIT = "1000001", "206", "205", "274"  # OpenDRIVE signal types as CARLA uses them

_STEP_M = 0.5  # a walk along a lane stops within this of its end
_LEAVE_JUNCTION_STEP_M = 2.0
_LEAVE_JUNCTION_STEPS = 60  # no connecting road is longer than 120 m


@dataclass(frozen=True)
class Approach:
    """The line of a signal across the lanes that it governs.

    Attributes:
        signal: OpenDRIVE id.
        junction: Id of the junction behind the line, "" if unknown.
        stops: Where each governed lane meets the line.
        x, y, z: Middle of the line [m].
        yaw: Driving direction at the line [deg].
        half_width: Half the width of all governed lanes [m].
    """

    signal: str
    junction: str
    stops: tuple[carla.Waypoint, ...]
    x: float
    y: float
    z: float
    yaw: float
    half_width: float


def find_approaches(road_map: carla.Map, signal_type: str) -> list[Approach]:
    """The approaches of all signals of one type, ordered by signal id so that actor ids are stable."""
    landmarks: dict[str, list[carla.Landmark]] = {}
    for landmark in road_map.get_all_landmarks_of_type(signal_type):
        landmarks.setdefault(landmark.id, []).append(landmark)
    approaches = []
    for signal in sorted(landmarks, key=lambda name: (len(name), name)):
        approach = _approach(road_map, signal, landmarks[signal])
        if approach is not None:
            approaches.append(approach)
    return approaches


def _approach(road_map: carla.Map, signal: str, landmarks: Iterable[carla.Landmark]) -> Approach | None:
    stops: dict[tuple[int, int], carla.Waypoint] = {}
    junction = ""
    for landmark in landmarks:
        for waypoint in _governed_lanes(road_map, landmark):
            if waypoint.is_junction:
                # Maps drawn for CARLA repeat a light on every connecting road: the line lies where it is entered.
                junction = str(waypoint.junction_id)
                entry = _leave_junction_backwards(waypoint)
                if entry is None:
                    continue
                waypoint = _lane_end(entry)
            else:
                junction = junction or _junction_ahead(waypoint)
            stops.setdefault((waypoint.road_id, waypoint.lane_id), waypoint)
    if not stops:
        return None
    # Lanes of one direction of one road form the line; others (a light shared by two roads) only obey it.
    first = next(iter(stops.values()))
    line = [w for w in stops.values() if w.road_id == first.road_id and w.lane_id * first.lane_id > 0]
    yaw = first.transform.rotation.yaw
    right = first.transform.get_right_vector()
    origin = first.transform.location
    edges = []
    for waypoint in line:
        offset = waypoint.transform.location - origin
        across = offset.x * right.x + offset.y * right.y
        edges += [across - waypoint.lane_width / 2.0, across + waypoint.lane_width / 2.0]
    middle = (min(edges) + max(edges)) / 2.0
    return Approach(
        signal,
        junction,
        tuple(stops.values()),
        origin.x + right.x * middle,
        origin.y + right.y * middle,
        origin.z,
        math.remainder(yaw, 360.0),
        (max(edges) - min(edges)) / 2.0,
    )


def _governed_lanes(road_map: carla.Map, landmark: carla.Landmark) -> Iterable[carla.Waypoint]:
    for low, high in landmark.get_lane_validities():
        for lane in range(min(low, high), max(low, high) + 1):
            waypoint = road_map.get_waypoint_xodr(landmark.road_id, lane, landmark.s) if lane else None
            if waypoint is not None and waypoint.lane_type == carla.LaneType.Driving:
                yield waypoint


def _leave_junction_backwards(waypoint: carla.Waypoint) -> carla.Waypoint | None:
    for _ in range(_LEAVE_JUNCTION_STEPS):
        before = waypoint.previous(_LEAVE_JUNCTION_STEP_M)
        if not before:
            return None
        waypoint = before[0]
        if not waypoint.is_junction:
            return waypoint
    return None


def _lane_end(waypoint: carla.Waypoint) -> carla.Waypoint:
    while True:
        ahead = waypoint.next(_STEP_M)
        if len(ahead) != 1 or ahead[0].is_junction:
            return waypoint
        waypoint = ahead[0]


def _junction_ahead(waypoint: carla.Waypoint) -> str:
    for ahead in _lane_end(waypoint).next(2.0 * _STEP_M):
        if ahead.is_junction:
            return str(ahead.junction_id)
    return ""
