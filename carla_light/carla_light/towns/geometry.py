"""Reference lines of roads: poses in the plane and chains of straight pieces and arcs.

Everything here is in OpenDRIVE's frame: metres, x east, y north, angles in radians counter-clockwise. CARLA shows the
same town with y negated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import atan2, cos, hypot, pi, sin, tan

_PARALLEL_RAD = 1e-6  # below this turn two headings count as equal: the tangents' intersection is ill-conditioned
_NEGLIGIBLE_M = 1e-6  # shorter pieces are left out: OpenDRIVE forbids geometry of length zero


@dataclass(frozen=True)
class Pose:
    """A point [m] and a heading [rad]."""

    x: float
    y: float
    heading: float

    def moved(self, forward: float, left: float) -> "Pose":
        """The pose moved forward and to the left [m], with the same heading."""
        dx, dy = cos(self.heading), sin(self.heading)
        return Pose(self.x + forward * dx - left * dy, self.y + forward * dy + left * dx, self.heading)

    def reversed(self) -> "Pose":
        """The same point, looking back."""
        return Pose(self.x, self.y, wrap(self.heading + pi))


@dataclass(frozen=True)
class Piece:
    """A line (curvature zero) or an arc of a reference line: length [m] and curvature [1/m], positive to the left."""

    length: float
    curvature: float = 0.0


@dataclass(frozen=True)
class Corner:
    """A vertex of a polyline, rounded by an arc of this radius [m]."""

    x: float
    y: float
    radius: float


def wrap(angle: float) -> float:
    """The same angle in (-pi, pi]."""
    return pi - (pi - angle) % (2.0 * pi)


def advance(pose: Pose, piece: Piece) -> Pose:
    """The pose at the end of a piece that starts at `pose`."""
    if piece.curvature == 0.0:
        return pose.moved(piece.length, 0.0)
    end = pose.heading + piece.length * piece.curvature
    return Pose(
        pose.x + (sin(end) - sin(pose.heading)) / piece.curvature,
        pose.y - (cos(end) - cos(pose.heading)) / piece.curvature,
        wrap(end),
    )


def finish(pose: Pose, pieces: Iterable[Piece]) -> Pose:
    """The pose at the end of a chain of pieces that starts at `pose`."""
    for piece in pieces:
        pose = advance(pose, piece)
    return pose


def arc(radius: float, turn: float) -> Piece:
    """An arc that turns by `turn` [rad], positive to the left."""
    return Piece(radius * abs(turn), (1.0 if turn > 0.0 else -1.0) / radius)


def rounded_polyline(
    start: tuple[float, float], corners: Sequence[Corner], end: tuple[float, float]
) -> tuple[Pose, tuple[Piece, ...]]:
    """The line from start to end with its corners rounded.

    Returns:
        The first pose and the pieces.

    Raises:
        ValueError: when a corner's radius does not fit between its neighbours.
    """
    points = [start, *((corner.x, corner.y) for corner in corners), end]
    headings = [atan2(q[1] - p[1], q[0] - p[0]) for p, q in zip(points, points[1:], strict=False)]
    pose = first = Pose(*start, headings[0])
    pieces: list[Piece] = []
    for corner, before, after in zip(corners, headings, headings[1:], strict=False):
        turn = wrap(after - before)
        straight = hypot(corner.x - pose.x, corner.y - pose.y) - corner.radius * tan(abs(turn) / 2.0)
        if straight <= 0.0:
            raise ValueError(f"the corner at ({corner.x:g}, {corner.y:g}) needs a radius below {corner.radius:g} m")
        pieces += [Piece(straight), arc(corner.radius, turn)]
        pose = finish(pose, pieces[-2:])
    ahead = (end[0] - pose.x) * cos(pose.heading) + (end[1] - pose.y) * sin(pose.heading)
    if ahead <= 0.0:
        raise ValueError(f"the last corner before ({end[0]:g}, {end[1]:g}) needs a smaller radius")
    return first, (*pieces, Piece(ahead))


def tangent_curve(start: Pose, end: Pose) -> tuple[Piece, ...]:
    """A smooth curve between two poses: one arc where the tangents meet, or two opposite arcs for a shift sideways.

    Raises:
        ValueError: when the end does not lie ahead on the inner side of such a curve.
    """
    dx, dy = end.x - start.x, end.y - start.y
    ahead = dx * cos(start.heading) + dy * sin(start.heading)
    left = dy * cos(start.heading) - dx * sin(start.heading)
    turn = wrap(end.heading - start.heading)
    if abs(turn) < _PARALLEL_RAD:
        return _shift(ahead, left)
    after = left / sin(turn)
    before = ahead - after * cos(turn)
    tangent = min(before, after)
    if tangent <= 0.0:
        raise ValueError(
            f"no arc joins ({start.x:.2f}, {start.y:.2f}) to ({end.x:.2f}, {end.y:.2f}) with a turn of {turn:.2f} rad"
        )
    pieces = (Piece(before - tangent), arc(tangent / tan(abs(turn) / 2.0), turn), Piece(after - tangent))
    return tuple(piece for piece in pieces if piece.length > _NEGLIGIBLE_M)


def _shift(ahead: float, left: float) -> tuple[Piece, ...]:
    """A line, or an S of two arcs that ends parallel, `left` metres beside the start's tangent."""
    if ahead <= 0.0:
        raise ValueError(f"the end lies {-ahead:.2f} m behind the start")
    if abs(left) < _NEGLIGIBLE_M:
        return (Piece(ahead),)
    radius = (ahead**2 + left**2) / (4.0 * abs(left))
    turn = 2.0 * atan2(left, ahead)
    return arc(radius, turn), arc(radius, -turn)
