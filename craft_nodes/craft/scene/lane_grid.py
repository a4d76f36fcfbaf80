"""Which pieces of road lie under a point: a uniform grid over the quads of a road map."""

from collections.abc import Sequence

import numpy as np

from craft.scene.frames import wrap_angle
from craft.scene.road_map import LaneKind, RoadMap

CELL_M = 4.0  # about two quads long; a cell then lists only a handful of quads
EDGE_TOLERANCE_M = 1e-3  # a point this far outside still counts, so that shared edges leave no gaps
MAX_MARGIN_M = 1.0  # the largest margin that a query may ask for


class LaneGrid:
    """Point queries on a RoadMap, vectorised over points.

    Args:
        road: The town's road surface, map frame.
    """

    def __init__(self, road: RoadMap):
        if len(road.quads) == 0:
            raise ValueError(f"road map {road.name!r} has no quads; nothing can be located on it")
        self._road = road
        corners = road.quads.astype(np.float64)
        edge = np.roll(corners, -1, axis=1) - corners
        length = np.maximum(np.hypot(edge[..., 0], edge[..., 1]), 1e-9)
        # Signed distance of p to an edge, positive inside: normal . p + offset. One more row contains nothing: padding.
        normal = np.stack([-edge[..., 1], edge[..., 0]], axis=-1) / length[..., None]
        offset = -(normal * corners).sum(-1)
        self._normal = np.concatenate([normal, np.zeros((1, 4, 2))])
        self._offset = np.concatenate([offset, np.full((1, 4), -np.inf)])
        self._kind = np.append(road.quad_kind, 0)
        self.yaw = np.append(road.quad_yaw.astype(np.float64), 0.0)
        self._junction = np.append(road.quad_junction, False)
        self.half_width = 0.25 * (
            np.hypot(*(corners[:, 0] - corners[:, 1]).T) + np.hypot(*(corners[:, 3] - corners[:, 2]).T)
        )
        self._fill(corners)

    def _fill(self, corners):
        low = corners.min(axis=1) - MAX_MARGIN_M
        high = corners.max(axis=1) + MAX_MARGIN_M
        self._origin = low.min(axis=0)
        first = ((low - self._origin) // CELL_M).astype(np.int64)
        last = ((high - self._origin) // CELL_M).astype(np.int64)
        self._shape = last.max(axis=0) + 1
        # Every (quad, cell) pair of the bounding boxes.
        span = last - first + 1
        count = span[:, 0] * span[:, 1]
        quad = np.repeat(np.arange(len(corners)), count)
        within = np.arange(len(quad)) - np.repeat(np.cumsum(count) - count, count)
        column = first[quad, 0] + within // span[quad, 1]
        row = first[quad, 1] + within % span[quad, 1]
        cell = column * self._shape[1] + row
        order = np.argsort(cell, kind="stable")
        cell, quad = cell[order], quad[order]
        occupied, start, filled = np.unique(cell, return_index=True, return_counts=True)
        self._row_of_cell = np.full(int(self._shape[0] * self._shape[1]), len(occupied), np.int32)
        self._row_of_cell[occupied] = np.arange(len(occupied), dtype=np.int32)
        self._table = np.full((len(occupied) + 1, int(filled.max())), len(corners), np.int32)
        position = np.arange(len(cell)) - np.repeat(start, filled)
        self._table[np.repeat(np.arange(len(occupied)), filled), position] = quad

    def containing(self, points: np.ndarray, margin_m: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Quads under each point.

        Args:
            points: [N, 2], map frame [m].
            margin_m: Quads are grown by this much on every side, at most MAX_MARGIN_M.

        Returns:
            quads: int32 [N, K], indices into the road map (padding has no meaning where not inside).
            inside: bool [N, K].
        """
        points = np.asarray(points, np.float64)
        index = np.floor((points - self._origin) / CELL_M).astype(np.int64)
        on_grid = ((index >= 0) & (index < self._shape)).all(axis=1)
        cell = np.where(on_grid, index[:, 0] * self._shape[1] + index[:, 1], 0)
        quads = self._table[np.where(on_grid, self._row_of_cell[cell], len(self._table) - 1)]
        depth = (self._normal[quads] * points[:, None, None, :]).sum(-1) + self._offset[quads]
        return quads, (depth >= -(margin_m + EDGE_TOLERANCE_M)).all(axis=2)

    def covered(self, points: np.ndarray, kinds: Sequence[LaneKind], margin_m: float = 0.0) -> np.ndarray:
        """Whether each point [N, 2] lies on a piece of one of these kinds, bool [N]."""
        quads, inside = self.containing(points, margin_m)
        return (inside & np.isin(self._kind[quads], [int(kind) for kind in kinds])).any(axis=1)

    def in_junction(self, points: np.ndarray) -> np.ndarray:
        """Whether each point [N, 2] lies on a driving lane inside a junction, bool [N]."""
        quads, inside = self.containing(points)
        return (inside & self._junction[quads] & (self._kind[quads] == LaneKind.DRIVING)).any(axis=1)

    def driving_lane(self, points: np.ndarray, yaw: np.ndarray, margin_m: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """The driving lane piece under each point whose direction agrees best with a heading.

        Args:
            points: [N, 2], map frame [m].
            yaw: [N], heading [rad].
            margin_m: Quads are grown by this much.

        Returns:
            quad: int [N], index into the road map, -1 where no driving lane is.
            gap: [N], absolute angle between heading and lane [rad], pi where there is none.
        """
        quads, inside = self.containing(points, margin_m)
        inside &= self._kind[quads] == LaneKind.DRIVING
        gap = np.where(inside, np.abs(wrap_angle(self.yaw[quads] - np.asarray(yaw)[:, None])), np.inf)
        best = gap.argmin(axis=1)
        rows = np.arange(len(quads))
        found = inside[rows, best]
        return np.where(found, quads[rows, best], -1), np.where(found, gap[rows, best], np.pi)
