"""The vehicle's place on the route."""

import math

import numpy as np

from craft.scene.observation import RouteField
from craft.vehicle.compiled import inner

PIECE_COLUMNS = 7  # x [m], y [m], direction x, direction y, length [m], arc length at its start [m], heading [rad]
BEHIND_M = 2.0  # the place is searched from here behind the last one [m]; ours
AHEAD_M = 4.0  # to here ahead: a step of 0.1 s covers at most 2.8 m [m]; ours

TIE_M2 = 1e-9  # squared distances this near are equal [m2]; the later of two equally near pieces is taken, so that a
# bend's corner belongs to the piece that goes on from it, whatever the rounding

_X, _Y = int(RouteField.X), int(RouteField.Y)


@inner
def fill_route(route, route_valid, pieces):
    """Straight pieces between the valid points of a route, in their order.

    Args:
        route: [R, 6], RouteField.
        route_valid: bool [R].
        pieces: float64 [R, PIECE_COLUMNS], written.

    Returns:
        Number of pieces; 0 when fewer than two places are valid.
    """
    count, arc = 0, 0.0
    last_x, last_y, begun = 0.0, 0.0, False
    for i in range(route.shape[0]):
        if not route_valid[i]:
            continue
        x, y = route[i, _X], route[i, _Y]
        if begun:
            dx, dy = x - last_x, y - last_y
            length = math.sqrt(dx * dx + dy * dy)
            if length < 1e-6:
                continue
            pieces[count, 0], pieces[count, 1] = last_x, last_y
            pieces[count, 2], pieces[count, 3] = dx / length, dy / length
            pieces[count, 4], pieces[count, 5] = length, arc
            pieces[count, 6] = math.atan2(dy, dx)
            arc += length
            count += 1
        last_x, last_y, begun = x, y, True
    return count


@inner
def project(pieces, count, x, y, low_m, high_m, start):
    """The nearest point of the route to (x, y) among the pieces that reach into arc lengths [low_m, high_m].

    Of equally near pieces it is on the last one.

    Args:
        pieces, count: Of fill_route, count >= 1.
        x, y: [m].
        low_m, high_m: [m].
        start: A piece at or after the first one to look at.

    Returns:
        (piece, arc length [m], distance [m]).
    """
    first = start
    while first > 0 and pieces[first, 5] > low_m:
        first -= 1
    best, place, nearest = first, pieces[first, 5], np.inf
    for i in range(first, count):
        if i > start and pieces[i, 5] > high_m:
            break
        dx, dy = x - pieces[i, 0], y - pieces[i, 1]
        along = min(max(dx * pieces[i, 2] + dy * pieces[i, 3], 0.0), pieces[i, 4])
        ex, ey = dx - along * pieces[i, 2], dy - along * pieces[i, 3]
        distance = ex * ex + ey * ey
        if distance <= nearest + TIE_M2:
            best, place, nearest = i, pieces[i, 5] + along, min(distance, nearest)
    return best, place, math.sqrt(nearest)
