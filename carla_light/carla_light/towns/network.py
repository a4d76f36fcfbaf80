"""A road network: streets between junctions, laid out once all of them are known."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import atan2, cos, sin

from carla_light.towns.geometry import Corner, rounded_polyline
from carla_light.towns.joint import Joint, Mouth, join
from carla_light.towns.junction import Junction, Leg, connect, place_controls, place_speed_limits, setback
from carla_light.towns.parking import park_cars
from carla_light.towns.road import Control, Crosswalk, Profile, Road, RoadLink, carriageway, driving_lanes, width

_MID_CROSSWALK_HALF_M = 1.5  # half the extent of a crosswalk between two junctions, along the road
_MID_CROSSWALK_BEYOND_KERB_M = 0.3


@dataclass(frozen=True, eq=False)
class Street:
    """What was asked for: a street between two junctions, or mouths of joints."""

    a: Junction | Mouth
    b: Junction | Mouth
    corners: tuple[Corner, ...]
    right: Profile
    left: Profile
    speed_kmh: float
    control_a: Control | None
    control_b: Control | None
    crosswalk: bool
    kind: str

    def heading_at(self, at_end: bool) -> float:
        """Direction of the street away from its junction [rad]."""
        here, there = (self.b, self.a) if at_end else (self.a, self.b)
        towards = (self.corners[-1 if at_end else 0]) if self.corners else there
        return atan2(towards.y - here.y, towards.x - here.x)

    def sides_at(self, at_end: bool) -> tuple[float, float]:
        """Widths to the left and right of that direction [m]."""
        left, right = width(self.left), width(self.right)
        return (right, left) if at_end else (left, right)


class Network:
    """Collects junctions and streets; `build` lays them out as roads.

    Attributes:
        name: Name of the town.
        latitude, longitude: Of the point (0, 0) [deg].
        junctions: All junctions, joints of one-way roads among them.
        roads: All roads, after `build`.
    """

    def __init__(self, name: str, latitude: float, longitude: float):
        self.name, self.latitude, self.longitude = name, latitude, longitude
        self.junctions: list[Junction] = []
        self.roads: list[Road] = []
        self._streets: list[Street] = []
        self._ids = count(1)

    def junction(self, x: float, y: float, *, signalised: bool = False) -> Junction:
        """Add a junction at (x, y) [m]."""
        self.junctions.append(Junction(next(self._ids), x, y, signalised))
        return self.junctions[-1]

    def joint(self) -> Joint:
        """Add a joint of one-way roads; its roads begin and end at the mouths that they are given."""
        joint = Joint(next(self._ids))
        self.junctions.append(joint)
        return joint

    def street(
        self,
        a: Junction | Mouth,
        b: Junction | Mouth,
        profile: Profile,
        speed_kmh: float,
        *,
        corners: Sequence[Corner] = (),
        left: Profile | None = None,
        control_a: Control | None = None,
        control_b: Control | None = None,
        crosswalk: bool = False,
        kind: str = "town",
    ) -> Street:
        """Add a street: a two-way one unless its left side has no driving lane.

        Args:
            a, b: Its junctions, or mouths of joints.
            profile: Lanes on the right side, and on the left one unless `left` is given.
            speed_kmh: Speed limit [km/h].
            corners: Rounded corners on the way from a to b.
            left: Lanes on the left side.
            control_a, control_b: What controls the approaches to a and b; signalised junctions set lights themselves.
            crosswalk: Whether there is a crosswalk half-way.
            kind: OpenDRIVE road type.
        """
        left = profile if left is None else left
        control_a = Control.LIGHT if a.signalised and driving_lanes(left) else control_a
        control_b = Control.LIGHT if b.signalised else control_b
        street = Street(a, b, tuple(corners), profile, left, speed_kmh, control_a, control_b, crosswalk, kind)
        self._streets.append(street)
        return street

    def build(self) -> "Network":
        """Lay out all roads.

        Raises:
            ValueError: when something does not fit: corners, turns or lengths.
        """
        for street in self._streets:
            self.roads.append(self._lay_out(street))
        for road in tuple(self.roads):
            place_speed_limits(road, self._ids)
        for junction in self.junctions:
            if isinstance(junction, Joint):
                self.roads += join(junction, self._ids)
                continue
            self.roads += connect(junction, self._ids)
            place_controls(junction, self._ids)
        return self

    def _lay_out(self, street: Street) -> Road:
        """The road of a street, trimmed at both junctions."""
        mouths = [self._mouth(street, at_end) for at_end in (False, True)]
        start, pieces = rounded_polyline(mouths[0], street.corners, mouths[1])
        links = RoadLink("junction", street.a.id), RoadLink("junction", street.b.id)
        road = Road(
            next(self._ids), start, pieces, street.right, street.left, street.speed_kmh, *links, kind=street.kind
        )
        if street.crosswalk:
            half, reach = _MID_CROSSWALK_HALF_M, _MID_CROSSWALK_BEYOND_KERB_M
            across = (-carriageway(road.right) - reach, carriageway(road.left) + reach)
            road.crosswalks.append(Crosswalk(road.length / 2.0, (-half, half), across))
        park_cars(road)
        for end, at_end, control in ((street.a, False, street.control_a), (street.b, True, street.control_b)):
            leg = Leg(road, at_end, control)
            if isinstance(end, Mouth):
                end.joint.leg_of[street] = leg
            else:
                end.legs.append(leg)
        return road

    def _mouth(self, street: Street, at_end: bool) -> tuple[float, float]:
        """Where one end of a street's road lies [m]: clear of the corners of its junction, or at the mouth given."""
        end = street.b if at_end else street.a
        if isinstance(end, Mouth):
            return end.x, end.y
        heading = street.heading_at(at_end)
        others = [
            (other.heading_at(e), other.sides_at(e))
            for other in self._streets
            for e in (False, True)
            if (other.b if e else other.a) is end and not (other is street and e == at_end)
        ]
        back = setback(heading, street.sides_at(at_end), others)
        return end.x + back * cos(heading), end.y + back * sin(heading)
