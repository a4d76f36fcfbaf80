"""Which stop lines a route crosses, and where: against shapely."""

import numpy as np
import pytest
import shapely

from craft.perception.route_tracker import RouteTracker
from craft.scene import Route, StopKind
from craft.scene.frames import wrap_angle
from craft.scene.lane_grid import LaneGrid
from synthetic_roads import RoadWriter


@pytest.mark.parametrize("seed", range(20))
def test_crossed_lines_and_their_places_are_those_of_shapely(seed):
    rng = np.random.default_rng(seed)
    # A winding route: the heading wanders by a bounded random walk.
    heading = np.cumsum(rng.normal(0.0, 0.06, 200))
    points = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
    road = RoadWriter()
    road.lane(points[0] - [5.0, 0.0], points[0] + [5.0, 0.0])
    for number in range(60):
        near = points[rng.integers(len(points))] + rng.uniform(-3.0, 3.0, 2)
        road.stop(near, rng.uniform(-np.pi, np.pi), StopKind.STOP, 100 + number)
    road = road.road_map()
    tracker = RouteTracker(road, LaneGrid(road), Route(points=points, yaw=heading))
    expected = {}
    for index, line in enumerate(road.stop_lines.astype(float)):
        for segment in range(len(points) - 1):
            piece = shapely.LineString(points[segment : segment + 2])
            meeting = piece.intersection(shapely.LineString(line))
            travel = np.arctan2(*(points[segment + 1] - points[segment])[::-1])
            if not meeting.is_empty and abs(wrap_angle(travel - road.stop_yaw[index])) < np.radians(60.0):
                before = sum(np.linalg.norm(np.diff(points[: segment + 1], axis=0), axis=1))
                expected.setdefault(index, before + np.hypot(*(np.array(meeting.coords[0]) - points[segment])))
    assert {stop.index: stop.at_m for stop in tracker.stops} == pytest.approx(expected, abs=1e-6)
    assert [stop.at_m for stop in tracker.stops] == sorted(stop.at_m for stop in tracker.stops)
