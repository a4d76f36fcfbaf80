"""Junctions: how far roads keep clear of each other, which turns are connected, where lights and signs stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import cos, pi, sin, tan

from carla_light.towns.geometry import Pose, tangent_curve, wrap
from carla_light.towns.road import (
    SPEED_LIMIT,
    Control,
    Crosswalk,
    Lane,
    LaneType,
    Profile,
    Road,
    RoadLink,
    Signal,
    carriageway,
    driving_lanes,
    width,
)

CORNER_RADIUS_M = 6.07  # of the sidewalk's outer edge at a street corner; not round, so that road lengths are not
_THROUGH_RAD = 2.6  # neighbouring legs that are farther apart than this share no corner
_TURN_RAD = 0.6  # movements that turn less than this go straight on
_TURN_SPEED_KMH = 30.0  # speed limit of turning movements
_SIGN_BEFORE_LINE_M = 1.03  # lights and signs stand this far before the junction entry, which is the stop line
_SIGN_BESIDE_KERB_M = 0.7
_SPEED_SIGN_AFTER_START_M = 3.0
_CROSSWALK_M = (1.0, 4.0)  # a crosswalk begins and ends this far behind the stop line
_CROSSWALK_BEYOND_KERB_M = 1.3  # onto the sidewalk; the kerb has begun to bend away there


@dataclass(eq=False)
class Leg:
    """One road as seen from a junction.

    Attributes:
        road: The road.
        at_end: Whether the road's end (not its start) lies at the junction.
        control: What controls the approach, None for priority.
    """

    road: Road
    at_end: bool
    control: Control | None

    def lanes(self, entering: bool) -> tuple[Profile, int]:
        """Lanes that enter (or leave) the junction, from the middle outwards, and the sign of their ids."""
        sign = -1 if self.at_end == entering else 1
        return self.road.side(sign), sign

    def pose(self, entering: bool, offset: float = 0.0) -> Pose:
        """Pose at the mouth in the direction of travel, `offset` metres to the right of the reference line."""
        pose = self.road.end if self.at_end else self.road.start
        return (pose if self.at_end == entering else pose.reversed()).moved(0.0, -offset)

    def s(self, before: float) -> float:
        """Road coordinate of the point `before` metres before the mouth."""
        return self.road.length - before if self.at_end else before


@dataclass(frozen=True)
class Connection:
    """A connecting road and the road that leads to it."""

    incoming: Road
    connecting: Road


@dataclass(eq=False)
class Junction:
    """A junction at (x, y) [m]; at a signalised one every approach has a light."""

    id: int
    x: float
    y: float
    signalised: bool

    def __post_init__(self):
        self.legs: list[Leg] = []
        self.connections: list[Connection] = []
        self.controllers: list[tuple[int, tuple[int, ...]]] = []  # (controller id, ids of the lights green together)


def setback(heading: float, sides: tuple[float, float], others: Sequence[tuple[float, tuple[float, float]]]) -> float:
    """How far from a junction's middle a leg has to begin, clear of the corners with its neighbours [m].

    The edges of two legs that are `angle` apart meet (w_other + w cos(angle)) / sin(angle) along the leg; the corner's
    arc needs another CORNER_RADIUS_M / tan(angle / 2).

    Args:
        heading: Direction of the leg, away from the junction [rad].
        sides: Its widths to the left and to the right of that direction [m].
        others: The same for the other legs.
    """
    distance = 0.0
    for other_heading, (other_left, other_right) in others:
        angle = wrap(other_heading - heading)
        near, far = (sides[0], other_right) if angle > 0.0 else (sides[1], other_left)
        angle = abs(angle)
        if angle < _THROUGH_RAD:
            corner = (far + near * cos(angle)) / sin(angle) + CORNER_RADIUS_M / tan(angle / 2.0)
            distance = max(distance, corner)
    return distance


def connect(junction: Junction, ids: count) -> list[Road]:
    """Make the connecting roads of all permitted movements (all but turning back).

    Left turns go from the inner to the inner lane, right turns from the outer to the outer one, straight movements
    keep their lane. The movement next to the kerb takes the lanes to its right (shoulder, sidewalk) along. One-way
    legs are entered, or left, only.
    """
    roads = []
    for leg in junction.legs:
        entering = driving_lanes(leg.lanes(entering=True)[0])
        if not entering:
            continue
        turns = [
            (wrap(other.pose(entering=False).heading - leg.pose(entering=True).heading), other)
            for other in junction.legs
            if other is not leg
        ]
        rightmost = min(turn for turn, _ in turns)
        for turn, other in turns:
            leaving = driving_lanes(other.lanes(entering=False)[0])
            if not leaving:
                continue
            if turn > _TURN_RAD:
                pairs = [(0, 0)]
            elif turn < -_TURN_RAD:
                pairs = [(entering - 1, leaving - 1)]
            else:
                pairs = [(k, k) for k in range(min(entering, leaving))]
            straight = abs(turn) <= _TURN_RAD
            limit = min(leg.road.speed_kmh, other.road.speed_kmh) if straight else _TURN_SPEED_KMH
            for i, j in pairs:
                at_kerb = turn == rightmost and i == entering - 1 and j == leaving - 1
                road = _connecting_road(next(ids), junction, (leg, i), (other, j), at_kerb, limit)
                junction.connections.append(Connection(leg.road, road))
                roads.append(road)
    return roads


def _connecting_road(
    road_id: int, junction: Junction, source: tuple[Leg, int], target: tuple[Leg, int], at_kerb: bool, speed_kmh: float
) -> Road:
    """The road from lane i of one leg to lane j of another one, with the lanes to their right when at the kerb."""
    (leg, i), (other, j) = source, target
    (lanes_in, sign_in), (lanes_out, sign_out) = leg.lanes(entering=True), other.lanes(entering=False)
    start = leg.pose(entering=True, offset=width(lanes_in[:i]))
    end = other.pose(entering=False, offset=width(lanes_out[:j]))
    n = min(len(lanes_in) - i, len(lanes_out) - j) if at_kerb else 1
    profile = tuple(
        # nobody may park inside a junction
        Lane(LaneType.SHOULDER if a.kind is LaneType.PARKING else a.kind, a.width, b.width)
        for a, b in zip(lanes_in[i : i + n], lanes_out[j : j + n], strict=True)
    )
    return Road(
        road_id,
        start,
        tangent_curve(start, end),
        right=profile,
        left=(),
        speed_kmh=speed_kmh,
        predecessor=RoadLink("road", leg.road.id, "end" if leg.at_end else "start"),
        successor=RoadLink("road", other.road.id, "end" if other.at_end else "start"),
        junction=junction.id,
        lane_links={-1 - k: (sign_in * (i + 1 + k), sign_out * (j + 1 + k)) for k in range(n)},
    )


def place_controls(junction: Junction, ids: count) -> None:
    """Put up the lights and signs of a junction, group opposite lights into phases, paint its crosswalks."""
    phases: list[tuple[float, list[int]]] = []
    controlled = any(leg.control for leg in junction.legs)
    for leg in junction.legs:
        if controlled:
            leg.road.crosswalks.append(_crosswalk(leg))
        if leg.control is None:
            continue
        lanes, sign = leg.lanes(entering=True)
        signal = Signal(
            next(ids),
            leg.control.value,
            leg.s(_SIGN_BEFORE_LINE_M),
            sign * (carriageway(lanes) + _SIGN_BESIDE_KERB_M),
            sign,
            driving_lanes(lanes),
        )
        leg.road.signals.append(signal)
        if leg.control is Control.LIGHT:
            axis = leg.pose(entering=True).heading % pi
            group = next((g for a, g in phases if abs(wrap(2.0 * (a - axis))) < 2.0 * _TURN_RAD), None)
            if group is None:
                phases.append((axis, group := []))
            group.append(signal.id)
    junction.controllers = [(next(ids), tuple(lights)) for _, lights in phases]


def _crosswalk(leg: Leg) -> Crosswalk:
    """The crosswalk of one leg: just behind its stop line, inside the junction."""
    near, far = _CROSSWALK_M
    reach = _CROSSWALK_BEYOND_KERB_M
    return Crosswalk(
        leg.s(0.0),
        (near, far) if leg.at_end else (-far, -near),
        (-carriageway(leg.road.right) - reach, carriageway(leg.road.left) + reach),
    )


def place_speed_limits(road: Road, ids: count) -> None:
    """Put up a road's speed limit where each direction with driving lanes begins."""
    for sign in (-1, 1):
        lanes = road.side(sign)
        if not driving_lanes(lanes):
            continue
        s = _SPEED_SIGN_AFTER_START_M if sign < 0 else road.length - _SPEED_SIGN_AFTER_START_M
        t = sign * (carriageway(lanes) + _SIGN_BESIDE_KERB_M)
        road.signals.append(Signal(next(ids), SPEED_LIMIT, s, t, sign, driving_lanes(lanes), road.speed_kmh))
