"""Small road maps made by hand: a straight two-way road, and a crossing of two of them."""

import numpy as np

from craft.scene import LaneKind, RoadMap, Route, StopKind

LANE_M = 3.5
LIMIT_MPS = 13.9


class RoadWriter:
    """Collects straight lanes and stop lines, cut into pieces of about 2 m."""

    def __init__(self):
        self._rows, self._lines, self._lanes = [], [], 0

    def lane(self, start, end, width=LANE_M, kind=LaneKind.DRIVING, junction=False, limit=LIMIT_MPS):
        """A straight lane whose centre runs from `start` to `end` in the direction of travel."""
        start, end = np.array(start, float), np.array(end, float)
        count = max(int(np.ceil(np.linalg.norm(end - start) / 2.0)), 1)
        yaw = np.arctan2(*(end - start)[::-1])
        left = 0.5 * width * np.array([-np.sin(yaw), np.cos(yaw)])
        at = start + np.linspace(0.0, 1.0, count + 1)[:, None] * (end - start)
        for a, b in zip(at[:-1], at[1:], strict=True):
            self._rows.append(([a + left, a - left, b - left, b + left], kind, yaw, self._lanes, junction, limit))
        self._lanes += 1

    def stop(self, middle, yaw, kind, stop_id, width=LANE_M):
        """A stop line across the direction `yaw`."""
        left = 0.5 * width * np.array([-np.sin(yaw), np.cos(yaw)])
        self._lines.append(([np.array(middle) + left, np.array(middle) - left], yaw, kind, stop_id))

    def road_map(self, name="by_hand") -> RoadMap:
        """Everything collected so far."""
        quads, kind, yaw, lane, junction, limit = zip(*self._rows, strict=True)
        lines = self._lines
        return RoadMap(
            name=name,
            quads=np.array(quads, np.float32),
            quad_kind=np.array(kind, np.uint8),
            quad_yaw=np.array(yaw, np.float32),
            quad_lane=np.array(lane, np.int32),
            quad_junction=np.array(junction, bool),
            quad_speed_limit=np.array(limit, np.float32),
            stop_lines=np.array([line[0] for line in lines], np.float32).reshape(-1, 2, 2),
            stop_yaw=np.array([line[1] for line in lines], np.float32),
            stop_kind=np.array([line[2] for line in lines], np.uint8),
            stop_id=np.array([line[3] for line in lines], np.int64),
            crosswalks=np.zeros((0, 4, 2), np.float32),
        )


def straight_road(length=200.0, stop=None, shoulder=False, lanes=1) -> RoadMap:
    """East-bound lanes at y = 0, -3.5, ... and one west-bound lane at y = 3.5, from x = -20 to `length`.

    Args:
        length: [m].
        stop: (x, StopKind, id) of a stop line on the first east-bound lane.
        shoulder: With a 2.5 m shoulder right of the east-bound lanes.
        lanes: East-bound lanes.
    """
    road = RoadWriter()
    for number in range(lanes):
        road.lane((-20.0, -LANE_M * number), (length, -LANE_M * number))
    road.lane((length, LANE_M), (-20.0, LANE_M))
    if shoulder:
        y = -LANE_M * (lanes - 0.5) - 1.25
        road.lane((-20.0, y), (length, y), width=2.5, kind=LaneKind.SHOULDER)
    if stop is not None:
        road.stop((stop[0], 0.0), 0.0, stop[1], stop[2])
    return road.road_map()


def crossing(kind=StopKind.STOP, stop_id=7) -> RoadMap:
    """Two two-way roads that cross at (60, 1.75); a stop line at x = 50 for the east-bound lane (y = 0)."""
    road = RoadWriter()
    for x0, x1, junction in ((-20.0, 52.0, False), (52.0, 68.0, True), (68.0, 160.0, False)):
        road.lane((x0, 0.0), (x1, 0.0), junction=junction)
        road.lane((x1, LANE_M), (x0, LANE_M), junction=junction)
    for y0, y1, junction in ((-80.0, -6.25, False), (-6.25, 9.75, True), (9.75, 90.0, False)):
        road.lane((61.75, y0), (61.75, y1), junction=junction)
        road.lane((58.25, y1), (58.25, y0), junction=junction)
    road.stop((50.0, 0.0), 0.0, kind, stop_id)
    return road.road_map("crossing")


def straight_route(start=0.0, end=150.0, y=0.0) -> Route:
    """East along `y`, one point a metre."""
    x = np.arange(start, end + 0.5)
    return Route(points=np.stack([x, np.full_like(x, y)], axis=1), yaw=np.zeros_like(x))
