"""What the tests of towns ask of waypoints."""


def key(waypoint):
    """Its lane: road, section and lane id."""
    return waypoint.road_id, waypoint.section_id, waypoint.lane_id


def place(waypoint):
    """x, y in the map frame [m]."""
    location = waypoint.transform.location
    return location.x, -location.y


def angle_deg(a, b):
    """The angle between two directions [deg]."""
    return abs((a - b + 180.0) % 360.0 - 180.0)
