"""Places where vehicles may be put: driving lanes, away from junctions."""

import carla

_SPACING_M = 14.0  # between points on a lane
_CLEARANCE_M = 6.0  # lane left ahead of a point
_HEIGHT_M = 0.5  # above the road, as in CARLA's towns


def spawn_points(road_map: carla.Map) -> list[carla.Transform]:
    """Points in the map's own order, so that an index means the same place in every run."""
    points = []
    for waypoint in road_map.generate_waypoints(_SPACING_M):
        if waypoint.is_junction or not waypoint.next(_CLEARANCE_M):
            continue
        transform = waypoint.transform
        transform.location.z += _HEIGHT_M
        points.append(transform)
    return points
