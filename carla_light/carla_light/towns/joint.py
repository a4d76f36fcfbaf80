"""Joints: where one-way roads follow each other, and where a lane begins, ends, joins or leaves.

A lane beside others could taper to nothing in a lane section of its own. carla.Map 0.9.16 reads that, but the lane has
no successor: `next` returns nothing there, and whoever follows lanes without changing them, as craft.world's routes do,
cannot leave it (the Traffic Manager changes lanes in time). So lanes end and begin in junctions: a connecting road
carries the through lanes on, and another one, which overlaps it, swings from the lane that ends into its neighbour, or
out of it. Every lane then has a successor, poses are continuous, and each road has one lane section. The Traffic
Manager's cars do not stop for such a junction (measured on craft_highway).
"""

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from carla_light.towns.geometry import tangent_curve
from carla_light.towns.junction import Connection, Junction, Leg
from carla_light.towns.road import Lane, LaneType, Profile, Road, RoadLink, driving_lanes, width

if TYPE_CHECKING:
    from carla_light.towns.network import Street

# A strip of a movement: its lane in the source and in the target, counted from the middle outwards; None where it
# begins or ends with no width.
Strip = tuple[int | None, int | None]


@dataclass(frozen=True, eq=False)
class Movement:
    """A connecting road of a joint.

    Attributes:
        source, target: The streets that it joins.
        strips: Its lanes, from the middle outwards; the first one has both ends.
    """

    source: "Street"
    target: "Street"
    strips: tuple[Strip, ...]


@dataclass(eq=False)
class Joint(Junction):
    """A junction without corners, lights and signs, whose connecting roads are asked for one by one.

    It has no middle: its roads end where their mouths say.
    """

    id: int
    x: float = 0.0
    y: float = 0.0
    signalised: bool = False
    movements: list[Movement] = field(default_factory=list)

    def __post_init__(self):
        super().__post_init__()
        self.leg_of: dict[Street, Leg] = {}


@dataclass(frozen=True, eq=False)
class Mouth:
    """Where a street meets a joint: a point of its reference line [m]."""

    joint: Joint
    x: float
    y: float
    signalised: bool = False

    @property
    def id(self) -> int:
        """Id of the joint."""
        return self.joint.id


def join(joint: Joint, ids: count) -> list[Road]:
    """Make the connecting roads of a joint."""
    roads = []
    for movement in joint.movements:
        source, target = joint.leg_of[movement.source], joint.leg_of[movement.target]
        road = _connecting_road(next(ids), joint, source, target, movement)
        joint.connections.append(Connection(source.road, road))
        roads.append(road)
    return roads


def _connecting_road(road_id: int, joint: Joint, source: Leg, target: Leg, movement: Movement) -> Road:
    (lanes_in, sign_in), (lanes_out, sign_out) = source.lanes(entering=True), target.lanes(entering=False)
    i, j = movement.strips[0]
    start = source.pose(entering=True, offset=width(lanes_in[:i]))
    end = target.pose(entering=False, offset=width(lanes_out[:j]))
    return Road(
        road_id,
        start,
        tangent_curve(start, end),
        right=tuple(_strip(lanes_in, lanes_out, strip) for strip in movement.strips),
        left=_inner_shoulder(source, sign_in if i == 0 else 0, target, sign_out if j == 0 else 0),
        speed_kmh=min(source.road.speed_kmh, target.road.speed_kmh),
        predecessor=RoadLink("road", source.road.id, "end" if source.at_end else "start"),
        successor=RoadLink("road", target.road.id, "end" if target.at_end else "start"),
        junction=joint.id,
        lane_links={
            -1 - k: (sign_in * (i + 1), sign_out * (j + 1))
            for k, (i, j) in enumerate(movement.strips)
            if i is not None and j is not None
        },
        kind=source.road.kind,
    )


def _inner_shoulder(source: Leg, sign_in: int, target: Leg, sign_out: int) -> Profile:
    """The shoulder to the left of a connecting road; a sign of 0: no shoulder lies to the left at that end."""
    widths = []
    for leg, sign in ((source, sign_in), (target, sign_out)):
        beside = leg.road.side(-sign) if sign else ()
        widths.append(0.0 if driving_lanes(beside) else width(beside))
    return (Lane(LaneType.SHOULDER, *widths),) if any(widths) else ()


def _strip(lanes_in: Profile, lanes_out: Profile, strip: Strip) -> Lane:
    i, j = strip
    kind = (lanes_in[i] if i is not None else lanes_out[j]).kind
    return Lane(kind, 0.0 if i is None else lanes_in[i].width, 0.0 if j is None else lanes_out[j].width)
