"""Where vehicles have to stop: lines at the junction entries, from lights and signs."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import carla
import numpy as np

from craft.scene.light_box import LightBox
from craft.scene.road_map import StopKind
from craft.world.carla_frames import ros_pose

SIGN_KINDS = {"206": StopKind.STOP, "205": StopKind.YIELD}  # OpenDRIVE signal types
HALF_LINE_LANES = 0.6  # half the length of a stop line in lane widths (leaderboard, RunningRedLightTest)
_BOX_SHARE = 0.9  # the leaderboard leaves out the box's ends, which may reach into the next lane
_BOX_STEP_M = 0.5  # between samples across the box [m]; half the leaderboard's, so that no lane is missed
_SAME_WAY_RAD = math.radians(60.0)  # lanes within this angle of the box's middle lane run the same way
_APPROACH_M = 30.0  # the junction that a light or sign is for lies at most this far ahead [m]
_STEPS_M = (0.5, 0.05)  # the leaderboard's step towards the junction, then a finer one


@dataclass(frozen=True)
class StopLine:
    """A stop line across one lane; map frame.

    Attributes:
        left, right: Its ends as seen along the direction of travel [m].
        yaw: Direction of travel across it [rad].
        kind: Why one stops there.
        id: Id of the light's actor or of the sign's landmark.
    """

    left: np.ndarray
    right: np.ndarray
    yaw: float
    kind: StopKind
    id: int


def stop_lines_of_lights(carla_map: carla.Map, boxes: Sequence[LightBox]) -> list[StopLine]:
    """Stop lines of traffic lights, found as the leaderboard does (CarlaDataProvider.get_traffic_light_waypoints).

    Each box is sampled along its x axis, which lies across the road. The samples are projected to driving lanes; those
    that run the same way as the lane in the middle are followed to the last point before the junction.
    """
    lines = []
    for box in boxes:
        reach = _BOX_SHARE * box.half_x
        offsets = np.linspace(-reach, reach, 1 + max(1, math.ceil(2.0 * reach / _BOX_STEP_M)))
        middle = _project(carla_map, box, 0.0)
        along = ros_pose(middle.transform)[2]
        lanes = {}
        for offset in offsets:
            waypoint = _project(carla_map, box, float(offset))
            yaw = ros_pose(waypoint.transform)[2]
            if math.cos(yaw - along) > math.cos(_SAME_WAY_RAD):
                lanes.setdefault((waypoint.road_id, waypoint.section_id, waypoint.lane_id), waypoint)
        entries = {}
        for waypoint in lanes.values():
            entry = junction_entry(waypoint)
            if entry is not None:  # several lanes inside a junction begin at the same entry
                entries.setdefault((entry.road_id, entry.lane_id), entry)
        lines += [_line(entry, StopKind.LIGHT, box.id) for entry in entries.values()]
    return lines


def stop_lines_of_signs(carla_map: carla.Map) -> list[StopLine]:
    """Stop lines of stop and yield signs, from the map's landmarks.

    Raises:
        ValueError: when a sign's id is not a number.
    """
    lines = {}
    for kind_code, kind in SIGN_KINDS.items():
        for landmark in carla_map.get_all_landmarks_of_type(kind_code):
            if not landmark.id.isdigit():
                raise ValueError(f"sign {landmark.id!r} on road {landmark.road_id} has an id that is not a number")
            for entry in _entries_of_sign(carla_map, landmark):
                key = (int(landmark.id), entry.road_id, entry.lane_id)
                lines.setdefault(key, _line(entry, kind, int(landmark.id)))
    return [lines[key] for key in sorted(lines)]


def junction_entry(waypoint: carla.Waypoint) -> carla.Waypoint | None:
    """The last point before the junction on the lane that leads from, or to, a point.

    From inside a junction it is looked for backwards. None when there is no junction within _APPROACH_M.
    """
    if waypoint.is_junction:
        return _leave_backwards(waypoint)
    travelled = 0.0
    for step in _STEPS_M:
        while True:
            ahead = waypoint.next(step)
            if not ahead or travelled > _APPROACH_M:
                return None
            if ahead[0].is_junction:
                break
            waypoint, travelled = ahead[0], travelled + step
    return waypoint


def _leave_backwards(waypoint: carla.Waypoint) -> carla.Waypoint | None:
    """The entry through which one came to a point inside a junction."""
    travelled = 0.0
    while waypoint.is_junction:
        behind = waypoint.previous(_STEPS_M[-1])
        if not behind or travelled > _APPROACH_M:
            return None
        waypoint, travelled = behind[0], travelled + _STEPS_M[-1]
    return waypoint


def _project(carla_map: carla.Map, box: LightBox, offset: float) -> carla.Waypoint:
    """The driving lane under the point of a box `offset` metres along its x axis."""
    x, y = box.x + offset * math.cos(box.yaw), box.y + offset * math.sin(box.yaw)
    return carla_map.get_waypoint(carla.Location(x=x, y=-y, z=0.0))


def _entries_of_sign(carla_map: carla.Map, landmark: carla.Landmark) -> Iterable[carla.Waypoint]:
    """The junction entries of all driving lanes that a sign is valid for; the sign's place if no junction is near."""
    for low, high in landmark.get_lane_validities():
        for lane in range(min(low, high), max(low, high) + 1):
            waypoint = carla_map.get_waypoint_xodr(landmark.road_id, lane, landmark.s) if lane else None
            if waypoint is not None and waypoint.lane_type == carla.LaneType.Driving:
                yield junction_entry(waypoint) or waypoint


def _line(waypoint: carla.Waypoint, kind: StopKind, stop_id: int) -> StopLine:
    x, y, yaw = ros_pose(waypoint.transform)
    across = np.array([-math.sin(yaw), math.cos(yaw)]) * (HALF_LINE_LANES * waypoint.lane_width)
    centre = np.array([x, y])
    return StopLine(centre + across, centre - across, yaw, kind, stop_id)
