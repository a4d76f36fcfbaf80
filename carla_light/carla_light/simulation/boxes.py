"""Whether two oriented boxes overlap, and along which direction they would part soonest."""

import math
from typing import NamedTuple


class Box(NamedTuple):
    """A box that stands upright: centre [m], cosine and sine of its yaw, half extents [m], height range [m]."""

    x: float
    y: float
    cos: float
    sin: float
    half_x: float
    half_y: float
    bottom: float
    top: float


def make_box(x: float, y: float, yaw_deg: float, half_x: float, half_y: float, bottom: float, top: float) -> Box:
    """A box from its centre, yaw [deg] and half extents."""
    yaw = math.radians(yaw_deg)
    return Box(x, y, math.cos(yaw), math.sin(yaw), half_x, half_y, bottom, top)


def overlap_normal(a: Box, b: Box) -> tuple[float, float] | None:
    """Unit vector from `a` towards `b` along the axis of least overlap; None if the boxes are apart.

    The separating axis theorem over the four edge normals. Boxes that only touch overlap.
    """
    if a.top < b.bottom or b.top < a.bottom:
        return None
    dx, dy = b.x - a.x, b.y - a.y
    # |cosine| and |sine| of the angle between the boxes give each box's half width along the other's axes.
    cos = abs(a.cos * b.cos + a.sin * b.sin)
    sin = abs(a.cos * b.sin - a.sin * b.cos)
    least, normal = math.inf, (0.0, 0.0)
    for ux, uy, reach in (
        (a.cos, a.sin, a.half_x + b.half_x * cos + b.half_y * sin),
        (-a.sin, a.cos, a.half_y + b.half_x * sin + b.half_y * cos),
        (b.cos, b.sin, b.half_x + a.half_x * cos + a.half_y * sin),
        (-b.sin, b.cos, b.half_y + a.half_x * sin + a.half_y * cos),
    ):
        along = dx * ux + dy * uy
        overlap = reach - abs(along)
        if overlap < 0.0:
            return None
        if overlap < least:
            least, normal = overlap, (ux, uy) if along >= 0.0 else (-ux, -uy)
    return normal
