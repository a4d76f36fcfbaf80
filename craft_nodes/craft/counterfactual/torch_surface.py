"""The road surface for many points at once, in torch. N points; everything is float64."""

import torch

from craft.counterfactual.config import CounterfactualNumbers
from craft.counterfactual.surface import CELL_M, Surface
from craft.scene import LaneKind


class TorchSurface:
    """A Surface on a device; see craft.counterfactual.surface.

    A point's cell gives the numbers of the pieces that may lie under it: as many entries for each point as the fullest
    cell has (at least one), those beyond its own filled with the number of a piece that covers nothing.
    """

    def __init__(self, surface: Surface, device: torch.device):
        """Copy a Surface."""

        def tensor(array, dtype=torch.float64):
            return torch.as_tensor(array).to(device, dtype)

        count = len(surface.edges)
        self.origin_x, self.origin_y = surface.origin_x, surface.origin_y
        self.columns, self.rows = surface.columns, surface.rows
        self.nothing = count
        self.starts = tensor(surface.starts, torch.int64)
        self.pieces = torch.cat([tensor(surface.pieces, torch.int64), torch.tensor([count], device=device)])
        counts = self.starts[1:] - self.starts[:-1]
        self.fullest = max(int(counts.max()), 1) if len(counts) else 1
        edges = tensor(surface.edges)
        covers_nothing = edges.new_tensor([0.0, 0.0, -torch.inf]).expand(1, 4, 3)
        self.edges = torch.cat([edges, covers_nothing])
        self.axes = torch.cat([tensor(surface.axes), edges.new_zeros(1, 5)])
        self.directions = torch.cat([tensor(surface.directions), edges.new_zeros(1, 2)])
        kinds = tensor(surface.kinds, torch.uint8)
        self.driving = torch.cat([kinds == LaneKind.DRIVING, kinds.new_zeros(1, dtype=torch.bool)])
        self.shoulder = torch.cat([kinds == LaneKind.SHOULDER, kinds.new_zeros(1, dtype=torch.bool)])
        self.junction = torch.cat([tensor(surface.junctions, torch.bool), kinds.new_zeros(1, dtype=torch.bool)])

    def cell(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(column, row), int64 [N], of map points; outside the grid they are not numbers of cells."""
        column = torch.floor((x - self.origin_x) / CELL_M).to(torch.int64)
        return column, torch.floor((y - self.origin_y) / CELL_M).to(torch.int64)

    def pieces_in(self, column: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
        """int64 [N, fullest], numbers of the pieces that may reach into cells [N]; `nothing` outside the grid."""
        inside = (column >= 0) & (row >= 0) & (column < self.columns) & (row < self.rows)
        cell = torch.where(inside, row * self.columns + column, 0)
        entry = self.starts[cell][:, None] + torch.arange(self.fullest, device=cell.device)
        listed = inside[:, None] & (entry < self.starts[(cell + 1).clamp(max=len(self.starts) - 1)][:, None])
        return torch.where(listed, self.pieces[entry.clamp(max=len(self.pieces) - 1)], self.nothing)

    def on_pieces(self, pieces: torch.Tensor, x: torch.Tensor, y: torch.Tensor, margin_m: float) -> torch.Tensor:
        """[N, M], whether points [N] lie on pieces [N, M] or at most margin_m outside each of their edges."""
        on = torch.ones_like(pieces, dtype=torch.bool)
        for i in range(4):
            a, b, c = self.edges[:, i][pieces].unbind(-1)
            on &= a * x[:, None] + b * y[:, None] + c >= -margin_m
        return on

    def cos_between(self, pieces: torch.Tensor, direction_x: torch.Tensor, direction_y: torch.Tensor) -> torch.Tensor:
        """[N, M], cosine between the direction of travel of pieces [N, M] and directions [N]."""
        towards_x, towards_y = self.directions[pieces].unbind(-1)
        return towards_x * direction_x[:, None] + towards_y * direction_y[:, None]

    def on_road(self, x: torch.Tensor, y: torch.Tensor, margin_m: float) -> torch.Tensor:
        """[N], whether points [N] lie on any piece."""
        return self.on_pieces(self.pieces_in(*self.cell(x, y)), x, y, margin_m).any(1)


def corner_off_road(surface: TorchSurface, x, y, cos, sin, half_length, half_width, margin_m: float) -> torch.Tensor:
    """[N], whether any corner of each box in the map frame lies off the road."""
    lx, ly, wx, wy = half_length * cos, half_length * sin, -half_width * sin, half_width * cos
    off = torch.zeros_like(x, dtype=torch.bool)
    for along, across in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        off |= ~surface.on_road(x + along * lx + across * wx, y + along * ly + across * wy, margin_m)
    return off


def lane_at(
    surface: TorchSurface, x, y, direction_x, direction_y, numbers: CounterfactualNumbers
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """How map points [N] lie in their lanes; see craft.counterfactual.surface.lane_at.

    Returns:
        (opposite bool [N], emergency bool [N], distance [N] [m]).
    """
    opposite, emergency, found, distance = lane_under(surface, x, y, direction_x, direction_y, numbers)
    lost = (~found).nonzero()[:, 0]
    distance[lost] = nearest_lane(surface, x[lost], y[lost], direction_x[lost], direction_y[lost], numbers)
    return opposite, emergency, distance


def lane_under(
    surface: TorchSurface, x, y, direction_x, direction_y, numbers: CounterfactualNumbers
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """What lies under points: (opposite, emergency, whether a lane with the direction, distance to its middle [m])."""
    scale = numbers.centerline_scale_m
    pieces = surface.pieces_in(*surface.cell(x, y))
    on = surface.on_pieces(pieces, x, y, numbers.surface_margin_m)
    shoulder = (on & surface.shoulder[pieces]).any(1)
    on &= surface.driving[pieces]
    driving = on.any(1)
    cos = surface.cos_between(pieces, direction_x, direction_y)
    against = ~(on & (surface.junction[pieces] | (cos > numbers.opposite_direction_cos))).any(1)
    same_way = on & (cos > numbers.same_direction_cos)
    start_x, start_y, axis_x, axis_y, _ = surface.axes[pieces].unbind(-1)
    beside = torch.abs(axis_x * (y[:, None] - start_y) - axis_y * (x[:, None] - start_x))
    return (
        driving & against,
        shoulder & ~driving,
        same_way.any(1),
        torch.where(same_way, beside, scale).amin(1).clamp(max=scale),
    )


def nearest_lane(surface: TorchSurface, x, y, direction_x, direction_y, numbers: CounterfactualNumbers) -> torch.Tensor:
    """[N], distance to the middle of the nearest driving lane with the direction, at most centerline_scale_m [m]."""
    scale = numbers.centerline_scale_m
    nearest = torch.full_like(x, scale)
    if not len(x):
        return nearest
    first_column, first_row = surface.cell(x - scale, y - scale)
    last_column, last_row = surface.cell(x + scale, y + scale)
    for right in range(int((last_column - first_column).max()) + 1):
        for up in range(int((last_row - first_row).max()) + 1):
            pieces = surface.pieces_in(first_column + right, first_row + up)
            distance = distance_to_middle(surface, pieces, x, y, direction_x, direction_y, numbers)
            nearest = torch.minimum(nearest, distance)
    return nearest


def distance_to_middle(
    surface: TorchSurface, pieces, x, y, direction_x, direction_y, numbers: CounterfactualNumbers
) -> torch.Tensor:
    """[N], to the nearest middle line among those of pieces [N, M] that are driving lanes with the direction."""
    start_x, start_y, axis_x, axis_y, length = surface.axes[pieces].unbind(-1)
    dx, dy = x[:, None] - start_x, y[:, None] - start_y
    along = torch.minimum((dx * axis_x + dy * axis_y).clamp(min=0.0), length)
    ex, ey = dx - along * axis_x, dy - along * axis_y
    same_way = surface.cos_between(pieces, direction_x, direction_y) > numbers.same_direction_cos
    scale = numbers.centerline_scale_m
    return torch.where(surface.driving[pieces] & same_way, torch.sqrt(ex * ex + ey * ey), scale).amin(1)
