"""Roads: a reference line with a lane profile on each side, and what stands beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from carla_light.towns.geometry import Piece, Pose, finish

_ROUND_M = 0.005  # a length this close to a multiple of half a metre counts as round
_LARGEST_RADIUS_M = 10_000.0  # of arcs; see Road


class LaneType(str, Enum):
    """Lane types of OpenDRIVE that the towns use."""

    DRIVING = "driving"
    SHOULDER = "shoulder"
    PARKING = "parking"
    SIDEWALK = "sidewalk"


@dataclass(frozen=True)
class Lane:
    """One lane: type and width [m] (at the road's end another one if `end_width` is given)."""

    kind: LaneType
    width: float
    end_width: float | None = None


Profile = tuple[Lane, ...]  # the lanes of one side of a road, from the middle outwards


def width(lanes: Sequence[Lane]) -> float:
    """Total width of some lanes [m]."""
    return sum(lane.width for lane in lanes)


def driving_lanes(lanes: Sequence[Lane]) -> int:
    """How many of the lanes are for driving."""
    return sum(lane.kind is LaneType.DRIVING for lane in lanes)


def carriageway(lanes: Sequence[Lane]) -> float:
    """Distance from the middle to the kerb [m]: all lanes but the sidewalk."""
    return width([lane for lane in lanes if lane.kind is not LaneType.SIDEWALK])


class Control(str, Enum):
    """What controls an approach to a junction; the values are CARLA's OpenDRIVE signal types."""

    LIGHT = "1000001"
    STOP = "206"
    YIELD = "205"


SPEED_LIMIT = "274"  # signal type of a speed limit; its value is the limit in km/h


@dataclass(frozen=True)
class Signal:
    """A light or a sign beside the road.

    Attributes:
        id: Unique in the town.
        kind: Signal type, the value of a Control or SPEED_LIMIT.
        s, t: Position along the road and to its left [m].
        side: -1 for the right lanes (along the road), 1 for the left ones.
        lanes: Number of driving lanes that it applies to, from the middle outwards.
        value: Speed limit [km/h], -1 for other kinds.
    """

    id: int
    kind: str
    s: float
    t: float
    side: int
    lanes: int
    value: float = -1.0


@dataclass(frozen=True)
class Crosswalk:
    """A rectangle for pedestrians around the road's cross-section at s: u along the road, v to its left [m]."""

    s: float
    u: tuple[float, float]
    v: tuple[float, float]


@dataclass(frozen=True)
class ParkedCar:
    """A car that stands on a parking lane: its middle at (s, t) along the road and to its left, and its size [m]."""

    s: float
    t: float
    along: bool  # whether it looks along the road, as cars on the right do
    length: float
    width: float
    height: float


@dataclass(frozen=True)
class RoadLink:
    """What a road's end is linked to: a junction, or one end ("start", "end") of a road."""

    element: str
    id: int
    contact: str | None = None


@dataclass(eq=False)
class Road:
    """One road. Right lanes (ids -1, -2 ...) run along the reference line, left lanes (1, 2 ...) against it.

    Attributes:
        id: Unique in the town.
        start: First pose of the reference line.
        pieces: Geometry of the reference line.
        right, left: Lane profiles.
        speed_kmh: Speed limit [km/h].
        predecessor, successor: What the ends are linked to.
        junction: Id of the junction that the road lies in, or None.
        lane_links: In a junction: lane id -> (incoming road's lane id, outgoing road's lane id).
        signals, crosswalks, parked: What stands beside it, is painted on it, and is parked on it.
        kind: Its OpenDRIVE road type.
    """

    id: int
    start: Pose
    pieces: tuple[Piece, ...]
    right: Profile
    left: Profile
    speed_kmh: float
    predecessor: RoadLink
    successor: RoadLink
    junction: int | None = None
    lane_links: dict[int, tuple[int, int]] = field(default_factory=dict)
    signals: list[Signal] = field(default_factory=list)
    crosswalks: list[Crosswalk] = field(default_factory=list)
    parked: list[ParkedCar] = field(default_factory=list)
    kind: str = "town"

    def __post_init__(self):
        # carla.Map 0.9.16 raises in next_until_lane_end where whole steps end exactly at the end of a lane.
        if abs(self.length - round(2.0 * self.length) / 2.0) < _ROUND_M:
            raise ValueError(
                f"road {self.id} near ({self.start.x:.1f}, {self.start.y:.1f}) is {self.length:.4f} m long, a multiple "
                f"of 0.5 m; move one of its ends by a few centimetres"
            )

        # carla.Map computes arcs in single precision around their centre: a far centre costs millimetres.
        widest = max((1.0 / abs(piece.curvature) for piece in self.pieces if piece.curvature), default=0.0)
        if widest > _LARGEST_RADIUS_M:
            raise ValueError(
                f"road {self.id} near ({self.start.x:.1f}, {self.start.y:.1f}) has an arc with a radius of "
                f"{widest:.0f} m; make it straight, or bend it with less than {_LARGEST_RADIUS_M:.0f} m"
            )

    @property
    def length(self) -> float:
        """Length of the reference line [m]."""
        return sum(piece.length for piece in self.pieces)

    @property
    def end(self) -> Pose:
        """Last pose of the reference line."""
        return finish(self.start, self.pieces)

    def side(self, sign: int) -> Profile:
        """The right (-1) or left (1) lane profile."""
        return self.right if sign < 0 else self.left
