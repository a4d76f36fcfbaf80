"""The road surface: which lane pieces a point lies on, through a uniform grid."""

import math
from collections import namedtuple

import numpy as np

from craft.scene import LaneKind, RoadMap
from craft.vehicle.compiled import inner

CELL_M = 2.0  # side of a grid cell: about the length of a piece [m]

Surface = namedtuple(
    "Surface",
    [
        "origin_x",  # of the grid, map frame [m]
        "origin_y",
        "columns",  # cells along x
        "rows",  # cells along y
        "starts",  # int32 [columns * rows + 1], first entry of each cell in `pieces`
        "pieces",  # int32, numbers of the pieces that may reach into a cell
        "edges",  # float64 [P, 4, 3], a x + b y + c = distance from an edge, inside positive [m]
        "axes",  # float64 [P, 5], start of the middle line x, y, its direction x, y and its length [m]
        "directions",  # float64 [P, 2], cos and sin of the direction of travel
        "kinds",  # uint8 [P], LaneKind
        "junctions",  # bool [P]
    ],
)

_DRIVING, _SHOULDER, _PARKING = int(LaneKind.DRIVING), int(LaneKind.SHOULDER), int(LaneKind.PARKING)


def build_surface(road: RoadMap, margin_m: float) -> Surface:
    """The drivable pieces (driving, shoulder, parking) of a road map; pieces without area are left out.

    Args:
        road: The map.
        margin_m: How far outside a piece a point may lie and still be found [m].
    """
    quads = road.quads.astype(np.float64)
    following = np.roll(quads, -1, axis=1)
    area = 0.5 * (quads[..., 0] * following[..., 1] - quads[..., 1] * following[..., 0]).sum(1)
    kept = np.isin(road.quad_kind, (_DRIVING, _SHOULDER, _PARKING)) & (np.abs(area) > 1e-6)
    quads, following, area = quads[kept], following[kept], area[kept]

    along = following - quads
    length = np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-12)
    short = length[..., 0] < 1e-6  # an edge without length bounds nothing
    normal = np.stack([-along[..., 1], along[..., 0]], -1) / length * np.sign(area)[:, None, None]
    edges = np.concatenate([normal, -(normal * quads).sum(-1, keepdims=True)], -1)
    edges[short] = 0.0

    rear, front = 0.5 * (quads[:, 0] + quads[:, 1]), 0.5 * (quads[:, 2] + quads[:, 3])
    axis_length = np.linalg.norm(front - rear, axis=-1)
    yaw = road.quad_yaw[kept].astype(np.float64)
    directions = np.stack([np.cos(yaw), np.sin(yaw)], -1)
    axis = np.where(axis_length[:, None] > 1e-6, (front - rear) / np.maximum(axis_length, 1e-12)[:, None], directions)

    low = quads.min(1) - margin_m if len(quads) else np.zeros((0, 2))
    high = quads.max(1) + margin_m if len(quads) else np.zeros((0, 2))
    origin = low.min(0) if len(quads) else np.zeros(2)
    first = ((low - origin) / CELL_M).astype(np.int64)
    last = ((high - origin) / CELL_M).astype(np.int64)
    columns, rows = (last.max(0) + 1).tolist() if len(quads) else (0, 0)
    starts, pieces = _fill_cells(first, last, columns, rows)
    return Surface(
        float(origin[0]),
        float(origin[1]),
        columns,
        rows,
        starts,
        pieces,
        edges,
        np.concatenate([rear, axis, axis_length[:, None]], -1),
        directions,
        road.quad_kind[kept],
        road.quad_junction[kept],
    )


def _fill_cells(first, last, columns, rows):
    spans = last - first + 1
    counts = spans[:, 0] * spans[:, 1]
    piece = np.repeat(np.arange(len(first)), counts)
    nth = np.arange(len(piece)) - np.repeat(np.cumsum(counts) - counts, counts)
    column = first[piece, 0] + nth % spans[piece, 0]
    row = first[piece, 1] + nth // spans[piece, 0]
    cell = row * columns + column
    order = np.argsort(cell, kind="stable")
    starts = np.zeros(columns * rows + 1, np.int32)
    np.cumsum(np.bincount(cell, minlength=columns * rows), out=starts[1:])
    return starts, piece[order].astype(np.int32)


@inner
def on_piece(surface, piece, x, y, margin_m):
    """Whether a map point lies on a piece or at most margin_m outside each of its edges."""
    edges = surface.edges[piece]
    # All four without a jump between: the jumps cannot be foretold and cost more than the arithmetic.
    return (
        (edges[0, 0] * x + edges[0, 1] * y + edges[0, 2] >= -margin_m)
        & (edges[1, 0] * x + edges[1, 1] * y + edges[1, 2] >= -margin_m)
        & (edges[2, 0] * x + edges[2, 1] * y + edges[2, 2] >= -margin_m)
        & (edges[3, 0] * x + edges[3, 1] * y + edges[3, 2] >= -margin_m)
    )


@inner
def cell_range(surface, x, y):
    """First entry and end of the list of pieces that may contain a map point; (0, 0) outside the grid."""
    column = math.floor((x - surface.origin_x) / CELL_M)
    row = math.floor((y - surface.origin_y) / CELL_M)
    if column < 0 or row < 0 or column >= surface.columns or row >= surface.rows:
        return 0, 0
    cell = row * surface.columns + column
    return surface.starts[cell], surface.starts[cell + 1]


@inner
def on_road(surface, x, y, margin_m):
    """Whether a map point lies on any piece."""
    begin, end = cell_range(surface, x, y)
    for entry in range(begin, end):  # noqa: SIM110 (numba has no generators here)
        if on_piece(surface, surface.pieces[entry], x, y, margin_m):
            return True
    return False


@inner
def corner_off_road(surface, x, y, cos, sin, half_length, half_width, margin_m):
    """Whether any corner of a box in the map frame lies off the road."""
    lx, ly, wx, wy = half_length * cos, half_length * sin, -half_width * sin, half_width * cos
    return not (
        on_road(surface, x + lx + wx, y + ly + wy, margin_m)
        and on_road(surface, x + lx - wx, y + ly - wy, margin_m)
        and on_road(surface, x - lx + wx, y - ly + wy, margin_m)
        and on_road(surface, x - lx - wx, y - ly - wy, margin_m)
    )


@inner
def lane_at(surface, x, y, direction_x, direction_y, numbers):
    """How a map point lies in its lane.

    Args:
        surface: Surface.
        x, y: The vehicle's centre [m].
        direction_x, direction_y: Direction in which the lane should run (the route's), map frame.
        numbers: CounterfactualNumbers.

    Returns:
        opposite: The point lies on driving lanes, all of which run the other way, and on no junction.
        emergency: It lies on a shoulder and on no driving lane.
        distance: To the middle of the lane with the same direction it lies on (the nearest, if on several); else to
            the nearest such lane within centerline_scale_m, else centerline_scale_m [m].
    """
    begin, end = cell_range(surface, x, y)
    driving, shoulder, against = False, False, True
    distance = numbers.centerline_scale_m
    found = False
    for entry in range(begin, end):
        piece = surface.pieces[entry]
        if not on_piece(surface, piece, x, y, numbers.surface_margin_m):
            continue
        kind = surface.kinds[piece]
        if kind == _SHOULDER:
            shoulder = True
        elif kind == _DRIVING:
            driving = True
            cos = surface.directions[piece, 0] * direction_x + surface.directions[piece, 1] * direction_y
            if surface.junctions[piece] or cos > numbers.opposite_direction_cos:
                against = False
            if cos > numbers.same_direction_cos:
                axes = surface.axes[piece]
                found = True
                distance = min(distance, abs(axes[2] * (y - axes[1]) - axes[3] * (x - axes[0])))
    if not found:
        distance = nearest_lane(surface, x, y, direction_x, direction_y, numbers)
    return driving and against, shoulder and not driving, distance


@inner
def nearest_lane(surface, x, y, direction_x, direction_y, numbers):
    """Distance to the middle of the nearest driving lane with the direction, at most centerline_scale_m [m]."""
    nearest = numbers.centerline_scale_m
    first_column = max(math.floor((x - nearest - surface.origin_x) / CELL_M), 0)
    last_column = min(math.floor((x + nearest - surface.origin_x) / CELL_M), surface.columns - 1)
    first_row = max(math.floor((y - nearest - surface.origin_y) / CELL_M), 0)
    last_row = min(math.floor((y + nearest - surface.origin_y) / CELL_M), surface.rows - 1)
    for row in range(first_row, last_row + 1):
        for column in range(first_column, last_column + 1):
            cell = row * surface.columns + column
            for entry in range(surface.starts[cell], surface.starts[cell + 1]):
                piece = surface.pieces[entry]
                if surface.kinds[piece] != _DRIVING:
                    continue
                cos = surface.directions[piece, 0] * direction_x + surface.directions[piece, 1] * direction_y
                if cos <= numbers.same_direction_cos:
                    continue
                axes = surface.axes[piece]
                dx, dy = x - axes[0], y - axes[1]
                along = min(max(dx * axes[2] + dy * axes[3], 0.0), axes[4])
                ex, ey = dx - along * axes[2], dy - along * axes[3]
                nearest = min(nearest, math.sqrt(ex * ex + ey * ey))
    return nearest
