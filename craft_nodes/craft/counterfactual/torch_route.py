"""The egos' places on their routes, in torch. S states, N rollouts, R route points; everything is float64."""

import torch

from craft.counterfactual.route import TIE_M2
from craft.scene import RouteField

_MIN_PIECE_M = 1e-6  # a point nearer to the last one repeats it [m]


class Routes:
    """Straight pieces between the valid points of S routes; see craft.counterfactual.route.

    Attributes:
        pieces: [S, R, 7], x [m], y [m], direction x, direction y, length [m], arc length at its start [m],
            heading [rad], in the order of the route, packed to the front.
        counts: int64 [S], number of pieces; 0 when fewer than two places are valid.
    """

    def __init__(self, route: torch.Tensor, route_valid: torch.Tensor):
        """Take route [S, R, 6], RouteField, and route_valid bool [S, R]."""
        states, points, _ = route.shape
        row = torch.arange(states, device=route.device)
        self.pieces = route.new_zeros(states, max(points, 1), 7)
        self.counts = torch.zeros(states, dtype=torch.int64, device=route.device)
        last, arc = route.new_zeros(states, 2), route.new_zeros(states)
        begun = torch.zeros(states, dtype=torch.bool, device=route.device)
        for i in range(points):
            point = torch.where(route_valid[:, i, None], route[:, i, [RouteField.X, RouteField.Y]], last)
            step = point - last
            length = torch.sqrt(step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1])
            goes_on = route_valid[:, i] & begun & (length >= _MIN_PIECE_M)
            direction = step / length.clamp(min=_MIN_PIECE_M)[:, None]
            heading = torch.atan2(step[:, 1], step[:, 0])
            piece = torch.cat([last, direction, length[:, None], arc[:, None], heading[:, None]], 1)
            self.pieces[row, self.counts] = torch.where(goes_on[:, None], piece, self.pieces[row, self.counts])
            arc = torch.where(goes_on, arc + length, arc)
            self.counts += goes_on
            last = torch.where((goes_on | (route_valid[:, i] & ~begun))[:, None], point, last)
            begun = begun | route_valid[:, i]


def project(pieces, counts, x, y, low_m, high_m, start) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The nearest point of each route to (x, y) among the pieces that reach into arc lengths [low_m, high_m].

    Of equally near pieces it is on the last one.

    Args:
        pieces: [N, R, 7] of Routes.
        counts: [N]; where 0, the result is piece 0 at place 0 and nothing is near.
        x, y: [N] [m].
        low_m, high_m: [N] [m].
        start: int64 [N], a piece between the first and the last one to look at.

    Returns:
        (piece int64 [N], arc length [N] [m], distance [N] [m]).
    """
    start_x, start_y, direction_x, direction_y, length, arc, _ = pieces.unbind(-1)
    number = torch.arange(pieces.shape[1], device=pieces.device)
    looked_at = (number < counts[:, None]) & (arc <= high_m[:, None])
    looked_at &= (number >= start[:, None]) | (arc.roll(-1, 1) > low_m[:, None])  # where the next one begins

    dx, dy = x[:, None] - start_x, y[:, None] - start_y
    along = torch.minimum((dx * direction_x + dy * direction_y).clamp(min=0.0), length)
    ex, ey = dx - along * direction_x, dy - along * direction_y
    distance = torch.where(looked_at, ex * ex + ey * ey, torch.inf)
    nearest = distance.amin(1)
    as_near = looked_at & (distance <= nearest[:, None] + TIE_M2)
    best = torch.where(as_near, number, 0).amax(1)
    place = torch.take_along_dim(arc + along, best[:, None], 1)[:, 0]
    return best, place, torch.sqrt(nearest)
