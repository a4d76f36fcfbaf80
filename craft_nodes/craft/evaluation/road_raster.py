"""The road map as a picture, from which views are cut."""

import cv2
import numpy as np

from craft.evaluation import palette
from craft.scene import LaneKind, RoadMap

RESERVE_M = 64.0  # how far the view may move before the raster is made anew [m]
_STRIPE_M = 0.6  # width of a crosswalk's stripe [m]
SUBPIXEL_BITS = 4  # coordinates are handed to OpenCV in 1/16 pixel

# Later ones are painted over earlier ones.
_LAYERS = (LaneKind.SIDEWALK, LaneKind.SHOULDER, LaneKind.PARKING, LaneKind.DRIVING)


def fixed_point(pixels: np.ndarray) -> np.ndarray:
    """Pixel coordinates [..., 2] (column, row) as OpenCV takes them with `shift=SUBPIXEL_BITS`."""
    return np.round(np.asarray(pixels) * (1 << SUBPIXEL_BITS)).astype(np.int32)


class RoadRaster:
    """The surroundings of a place, rasterised once and again only when the place has moved by RESERVE_M.

    A raster of a whole town would need gigabytes where the town is large.

    Args:
        road: The town.
        metres_per_px: Resolution [m].
        radius_m: How far around the place views reach [m].
    """

    def __init__(self, road: RoadMap, metres_per_px: float, radius_m: float):
        self._road, self._scale = road, metres_per_px
        self._half_m = radius_m + RESERVE_M
        self._size = 2 * int(np.ceil(self._half_m / metres_per_px)) + 1
        self._centre: np.ndarray | None = None

    def around(self, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
        """The raster for a view around a place.

        Args:
            x, y: The place, map frame [m].

        Returns:
            image: uint8 [N, N, 3], north (map y) up.
            centre: [2], place of its middle pixel, map frame [m].
        """
        place = np.array([x, y])
        if self._centre is None or np.hypot(*(place - self._centre)) > RESERVE_M:
            self._centre = place
            self._image = self._paint()
        return self._image, self._centre

    def _pixels(self, points):
        offset = (points - self._centre) / self._scale
        middle = (self._size - 1) / 2
        return fixed_point(np.stack([middle + offset[..., 0], middle - offset[..., 1]], axis=-1))

    def _near(self, polygons):
        """Which polygons [N, K, 2] reach into the raster."""
        low, high = polygons.min(axis=1), polygons.max(axis=1)
        return ((high > self._centre - self._half_m) & (low < self._centre + self._half_m)).all(axis=1)

    def _paint(self):
        image = np.full((self._size, self._size, 3), palette.GROUND, np.uint8)
        road = self._road
        near = self._near(road.quads)
        quads, kinds, junction = self._pixels(road.quads[near]), road.quad_kind[near], road.quad_junction[near]
        for kind in _LAYERS:
            for quad in quads[(kinds == kind) & ~junction]:
                cv2.fillConvexPoly(image, quad, palette.SURFACE[kind], shift=SUBPIXEL_BITS)
        for kind in _LAYERS:
            color = palette.JUNCTION if kind == LaneKind.DRIVING else palette.SURFACE[kind]
            for quad in quads[(kinds == kind) & junction]:
                cv2.fillConvexPoly(image, quad, color, shift=SUBPIXEL_BITS)
        for crosswalk in road.crosswalks[self._near(road.crosswalks)]:
            for stripe in self._pixels(_stripes(crosswalk)):
                cv2.fillConvexPoly(image, stripe, palette.CROSSWALK, shift=SUBPIXEL_BITS)
        # Right edges come last: where two lanes run the same way, one's right edge covers the other's left one. What
        # stays of the left edges are those of carriageways.
        lanes = quads[~junction]
        driving = quads[~junction & (kinds == LaneKind.DRIVING)]
        _lines(image, driving[:, [0, 3]], palette.LEFT_EDGE, 2)
        _lines(image, lanes[:, [1, 2]], palette.LANE_EDGE, 2)
        lines = self._pixels(road.stop_lines[self._near(road.stop_lines)])
        _lines(image, lines, palette.OTHER_STOP_LINE, 3)
        return image


def _stripes(crosswalk):
    """[N, 4, 2]: stripes beside each other along the longer sides of a crosswalk [4, 2], as wide as the gaps."""
    a, b, c, d = crosswalk.astype(float)
    if np.hypot(*(b - a)) < np.hypot(*(d - a)):
        a, b, c, d = b, c, d, a
    count = max(1, round(np.hypot(*(b - a)) / (2.0 * _STRIPE_M)))
    low = (np.arange(count)[:, None] + 0.25) / count
    high = low + 0.5 / count
    return np.stack([a + low * (b - a), a + high * (b - a), d + high * (c - d), d + low * (c - d)], axis=1)


def _lines(image, lines, color, thickness):
    cv2.polylines(image, list(np.ascontiguousarray(lines)), False, color, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
