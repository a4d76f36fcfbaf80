"""Ways that others can take through a junction on the ego's route."""

import math
from dataclasses import dataclass

import carla
import numpy as np

from craft.world.carla_frames import ros_pose
from craft.world.episode import PlacementError, Stage
from craft.world.route_line import RouteLine

STEP_M = 1.0  # between points of a path [m]
DOWNSTREAM_M = 40.0  # a path goes on for so long after the junction [m]


@dataclass(frozen=True)
class ThroughPath:
    """One way through a junction.

    Attributes:
        line: From upstream, through the junction, to downstream.
        entry_m: Arc length at which it enters the junction [m].
        exit_m: Arc length at which it leaves the junction [m].
        approach_rad: Direction of travel on the approach, relative to the ego's: about -pi/2 comes from the ego's left.
        turn_rad: Change of heading inside the junction, left positive.
        target: (road, lane) that it leads to.
    """

    line: RouteLine
    entry_m: float
    exit_m: float
    approach_rad: float
    turn_rad: float
    target: tuple[int, int]


def through_paths(stage: Stage, entry_m: float, exit_m: float, upstream_m: float) -> list[ThroughPath]:
    """All ways of others through the junction that the route passes between two arc lengths.

    Approaches shorter than `upstream_m` are left out; the ego's own approach is too.
    """
    ego_yaw = stage.line.pose(entry_m - 2.0)[2]
    own = stage.waypoint(entry_m - 2.0)
    x, y, _ = stage.line.pose((entry_m + exit_m) / 2.0)
    junction = stage.map.get_waypoint(carla.Location(x=x, y=-y)).get_junction()
    paths = []
    for first, last in junction.get_waypoints(carla.LaneType.Driving):
        before = first.previous(STEP_M)
        if not before or (before[0].road_id, before[0].lane_id) == (own.road_id, own.lane_id):
            continue
        upstream = _upstream(before[0], upstream_m)
        if upstream is None:
            continue
        inside = [first, *first.next_until_lane_end(STEP_M)]
        after = last.next(STEP_M)
        downstream = _downstream(after[0]) if after else []
        points = [_point(w) for w in (*upstream, *inside, *downstream)]
        line = RouteLine(_without_repeats(np.array(points)))
        entry, _ = line.project(*_point(first))
        leave, _ = line.project(*_point(last))
        target = (after[0].road_id, after[0].lane_id) if after else (last.road_id, last.lane_id)
        paths.append(
            ThroughPath(line, entry, leave, _wrap(_yaw(first) - ego_yaw), _wrap(_yaw(last) - _yaw(first)), target)
        )
    return paths


def merging_path(stage: Stage, entry_m: float, exit_m: float, upstream_m: float) -> ThroughPath:
    """The straightest way of others into the lane that the ego turns into.

    Raises:
        PlacementError: Nobody else can come into that lane.
    """
    target = stage.waypoint(exit_m + 3.0)
    ways = [
        path
        for path in through_paths(stage, entry_m, exit_m, upstream_m)
        if path.target == (target.road_id, target.lane_id)
    ]
    if not ways:
        raise PlacementError(
            f"{stage.where}: nobody else can come from {upstream_m:.0f} m away into the lane that the route enters at "
            f"{exit_m:.0f} m; choose another junction"
        )
    return min(ways, key=lambda path: abs(path.turn_rad))


def _upstream(waypoint: carla.Waypoint, length_m: float) -> list[carla.Waypoint] | None:
    """Waypoints of a lane back to `length_m` before its end, in driving direction; None if it is shorter."""
    chain = [waypoint]
    while len(chain) * STEP_M < length_m:
        before = chain[-1].previous(STEP_M)
        if len(before) != 1 or before[0].is_junction:
            return None
        chain.append(before[0])
    return chain[::-1]


def _downstream(waypoint: carla.Waypoint) -> list[carla.Waypoint]:
    chain = [waypoint]
    while len(chain) * STEP_M < DOWNSTREAM_M:
        after = chain[-1].next(STEP_M)
        if len(after) != 1 or after[0].is_junction:
            break
        chain.append(after[0])
    return chain


def _point(waypoint: carla.Waypoint) -> tuple[float, float]:
    return ros_pose(waypoint.transform)[:2]


def _yaw(waypoint: carla.Waypoint) -> float:
    return ros_pose(waypoint.transform)[2]


def _wrap(angle: float) -> float:
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


def _without_repeats(points: np.ndarray) -> np.ndarray:
    keep = np.concatenate([[True], np.hypot(*np.diff(points, axis=0).T) > 0.2])
    return points[keep]
