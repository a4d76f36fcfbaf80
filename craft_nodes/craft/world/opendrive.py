"""Builds the road map of a town from its OpenDRIVE text."""

from collections.abc import Sequence

import carla
import numpy as np

from craft.scene.frames import wrap_angle
from craft.scene.light_box import LightBox
from craft.scene.road_map import RoadMap
from craft.world.lane_quads import lane_quads
from craft.world.opendrive_tables import read_tables
from craft.world.speed_limits import SpeedLimits
from craft.world.stop_lines import stop_lines_of_lights, stop_lines_of_signs


def open_map(name: str, xodr: str) -> carla.Map:
    """An offline carla.Map, made only after the text was checked: carla.Map itself ends the process on broken files.

    Raises:
        ValueError: naming the town, the element and what is wrong with it.
    """
    read_tables(name, xodr)
    return _parsed(name, xodr)


def road_map_from_opendrive(name: str, xodr: str, light_boxes: Sequence[LightBox]) -> RoadMap:
    """The road map of a town: quads of all driving, shoulder, parking and sidewalk lanes, stop lines and crosswalks.

    Args:
        name: Name of the town.
        xodr: OpenDRIVE text.
        light_boxes: Trigger volumes of all traffic lights; they give the stop lines of lights.

    Raises:
        ValueError: naming the town, the element and what is wrong with it.
    """
    tables = read_tables(name, xodr)
    carla_map = _parsed(name, xodr)
    limits = SpeedLimits(carla_map, tables)
    corners, yaw, speed, counts = [], [], [], []
    for lane in tables.lanes:
        pieces = lane_quads(carla_map, lane)
        corners.append(pieces.corners)
        yaw.append(pieces.yaw)
        speed += [limits.at(lane.road, lane.lane, float(s)) for s in pieces.middle]
        counts.append(len(pieces.yaw))
    lines = stop_lines_of_lights(carla_map, light_boxes) + stop_lines_of_signs(carla_map)
    return RoadMap(
        name=name,
        quads=np.concatenate(corners).astype(np.float32),
        quad_kind=np.repeat(np.array([lane.kind for lane in tables.lanes], np.uint8), counts),
        quad_yaw=np.concatenate(yaw).astype(np.float32),
        quad_lane=np.repeat(np.arange(len(tables.lanes), dtype=np.int32), counts),
        quad_junction=np.repeat(np.array([lane.junction for lane in tables.lanes], np.bool_), counts),
        quad_speed_limit=np.array(speed, np.float32),
        stop_lines=np.array([(line.left, line.right) for line in lines], np.float32).reshape(-1, 2, 2),
        stop_yaw=wrap_angle(np.array([line.yaw for line in lines])).astype(np.float32),
        stop_kind=np.array([line.kind for line in lines], np.uint8),
        stop_id=np.array([line.id for line in lines], np.int64),
        crosswalks=_crosswalks(carla_map),
    )


def _parsed(name: str, xodr: str) -> carla.Map:
    try:
        return carla.Map(name, xodr)
    except RuntimeError as error:
        raise ValueError(f"carla.Map refuses the OpenDRIVE map of {name!r}: {error}") from None


def _crosswalks(carla_map: carla.Map) -> np.ndarray:
    """Crosswalks as rectangles, float32 [C, 4, 2]. carla.Map lists all corners in one row, each outline closed."""
    outlines, current = [], []
    for location in carla_map.get_crosswalks():
        point = (location.x, -location.y)
        if current and np.allclose(point, current[0], atol=1e-3):
            outlines.append(np.array(current))
            current = []
        else:
            current.append(point)
    rectangles = [outline if len(outline) == 4 else _bounding_rectangle(outline) for outline in outlines]
    return np.array(rectangles, np.float32).reshape(-1, 4, 2)


def _bounding_rectangle(points: np.ndarray) -> np.ndarray:
    """Corners [4, 2] of the smallest rectangle along an edge of the outline [N, 2] that contains it."""
    best, best_area = points, np.inf
    for edge in np.roll(points, -1, axis=0) - points:
        length = np.hypot(*edge)
        if length == 0.0:
            continue
        axes = np.array([[edge[0], edge[1]], [-edge[1], edge[0]]]) / length
        low, high = (points @ axes.T).min(axis=0), (points @ axes.T).max(axis=0)
        area = np.prod(high - low)
        if area < best_area:
            box = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
            best, best_area = box @ axes, area
    return best
