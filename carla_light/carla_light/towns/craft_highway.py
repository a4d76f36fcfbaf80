r"""craft_highway: a divided highway of 2.2 km between two signalised junctions, with a street along either side.

West (x < 0) lanes of 3.75 m and 120 km/h; east (x > 0) turned by 12 degrees, with lanes of 3.5 m, 100 km/h and other
lengths. Training routes lie in the west, held-out routes in the east. Each district has, for either direction, an
on-ramp upstream of an off-ramp, so that routes lead from the street to the highway and back.

```
 +----- L ----------------- o -----------|------- S ------------------ o -----+      o on-ramps begin here
 |       \                 /                       \                  /       |      L, S off-ramps end here
 |        \__<____3_______/              |          \__<____2______<_/        |        at a light, a stop sign
 W ==============================<================================<========== E      W, E lights
 W ==========>================================>============================== E      3 third lane all the way
 |        / >_____2_____>__              |         / >______3________         |      2 third lane ends after the
 |       /                 \                      /                  \        |        on-ramp, and begins again
 +----- o ----------------- S -----------|------- o ------------------ L -----+        before the off-ramp
                                       x = 0
```
Nothing crosses the highway, so the town is planar.
"""

from math import cos, pi, radians, sin, tan

from carla_light.towns.geometry import Corner, Pose, wrap
from carla_light.towns.interchange import Gap, Ramp, Run, lay_carriageway
from carla_light.towns.joint import Mouth
from carla_light.towns.network import Network
from carla_light.towns.road import Control, Lane, LaneType, Profile

_WEST = Pose(0.0, 0.0, pi)  # from the bend of the highway along its axis [m, rad]
_EAST = Pose(0.0, 0.0, radians(12.0))
_HALF_MEDIAN_M = 3.0  # from the highway's axis to the reference line of either carriageway
_BEND_RADIUS_M = 1500.0
_WEST_STREET_M, _EAST_STREET_M = 131.0, 143.0  # from the axis to the streets beside it
_WEST_HEAD_M, _EAST_HEAD_M = (1246.0, 1400.0), (1125.0, 1280.0)  # of the streets that lead to the highway: from, to
_STREET_BEND_M = 200.0  # radius of the bends of the streets between the districts


def _profile(lanes: int, lane_width: float, *, shoulder: float, sidewalk: bool) -> Profile:
    driving = (Lane(LaneType.DRIVING, lane_width),) * lanes
    return (*driving, Lane(LaneType.SHOULDER, shoulder), *((Lane(LaneType.SIDEWALK, 2.5),) if sidewalk else ()))


_HEAD = _profile(2, 3.5, shoulder=2.5, sidewalk=False)
_STREET_WEST = _profile(1, 3.5, shoulder=0.5, sidewalk=True)
_STREET_EAST = _profile(1, 3.25, shoulder=0.6, sidewalk=True)


def _corner(frame: Pose, u: float, v: float, radius: float) -> Corner:
    point = frame.moved(u, v)
    return Corner(point.x, point.y, radius)


def _between_districts(side: float) -> Corner:
    """Where the western and the eastern street on one side of the highway (1 north, -1 south) meet."""
    y, v = side * _WEST_STREET_M, side * _EAST_STREET_M
    turn = _EAST.heading
    return Corner((cos(turn) * y - v) / sin(turn), y, _STREET_BEND_M)


def _west_ramp(**control) -> Ramp:
    return Ramp(_WEST_STREET_M - _HALF_MEDIAN_M, radius=90.0, speed_kmh=70.0, lane_width=3.75, **control)


def _east_ramp(**control) -> Ramp:
    return Ramp(_EAST_STREET_M - _HALF_MEDIAN_M, radius=100.0, speed_kmh=80.0, lane_width=3.5, **control)


def _bend(side: float) -> Run:
    """The run around the bend, of the northern (1) or southern (-1) carriageway in its direction of travel."""
    length = 480.0 - side * 2.0 * _HALF_MEDIAN_M * tan(0.5 * _EAST.heading)
    return Run(2, 3.75, length, 120.0, -side * _EAST.heading, _BEND_RADIUS_M - side * _HALF_MEDIAN_M)


def _eastbound() -> list[Run | Gap]:
    return [
        Run(2, 3.75, 110.13, 80.0),
        Gap(60.17, _west_ramp()),
        Run(3, 3.75, 250.21, 120.0),
        Gap(100.17),
        Run(2, 3.75, 120.13, 120.0),
        Gap(100.17),
        Run(3, 3.75, 160.13, 120.0),
        Gap(60.17, _west_ramp(control=Control.STOP)),
        _bend(-1.0),
        Gap(70.17, _east_ramp()),
        Run(3, 3.5, 550.21, 100.0),
        Gap(70.17, _east_ramp(signalised=True)),
        Run(2, 3.5, 150.13, 80.0),
    ]


def _westbound() -> list[Run | Gap]:
    return [
        Run(2, 3.5, 100.13, 80.0),
        Gap(70.17, _east_ramp()),
        Run(3, 3.5, 200.21, 100.0),
        Gap(80.17),
        Run(2, 3.5, 110.13, 100.0),
        Gap(80.17),
        Run(3, 3.5, 130.13, 100.0),
        Gap(70.17, _east_ramp(control=Control.STOP)),
        _bend(1.0),
        Gap(60.17, _west_ramp()),
        Run(3, 3.75, 650.21, 120.0),
        Gap(60.17, _west_ramp(signalised=True)),
        Run(2, 3.75, 190.13, 80.0),
    ]


def _before_bend(parts: list[Run | Gap]) -> float:
    """Length of a carriageway from its beginning to the corner of its bend [m]."""
    k = next(k for k, part in enumerate(parts) if isinstance(part, Run) and part.turn)
    return sum(part.length for part in parts[:k]) + 0.5 * parts[k].length


def craft_highway() -> Network:
    """The town as a network that is laid out."""
    town = Network("craft_highway", latitude=48.5, longitude=11.5)
    w = town.junction(-_WEST_HEAD_M[1], 0.0, signalised=True)
    end = _EAST.moved(_EAST_HEAD_M[1], 0.0)
    e = town.junction(end.x, end.y, signalised=True)

    # ---- the highway ------------------------------------------------------------------------------------------------
    west_joint, east_joint = town.joint(), town.joint()
    mouth = _EAST.moved(_EAST_HEAD_M[0], 0.0)
    west_head = town.street(w, Mouth(west_joint, -_WEST_HEAD_M[0], 0.0), _HEAD, 70.0), west_joint
    east_head = town.street(Mouth(east_joint, mouth.x, mouth.y), e, _HEAD, 70.0), east_joint
    # the corners of both bends lie off the axis, half-way between the normals of the two districts
    corner = _HALF_MEDIAN_M * tan(0.5 * _EAST.heading)
    eastbound, westbound = _eastbound(), _westbound()
    start = _WEST.reversed().moved(corner - _before_bend(eastbound), -_HALF_MEDIAN_M)
    s_on_west, s_off_west, s_on_east, s_off_east = lay_carriageway(town, start, west_head, eastbound, east_head)
    start = _EAST.moved(_before_bend(westbound) + corner, _HALF_MEDIAN_M)
    start = Pose(start.x, start.y, wrap(_EAST.heading + pi))
    n_on_east, n_off_east, n_on_west, n_off_west = lay_carriageway(town, start, east_head, westbound, west_head)

    # ---- west -------------------------------------------------------------------------------------------------------
    town.street(w, n_off_west, _STREET_WEST, 50.0, corners=[_corner(_WEST, _WEST_HEAD_M[1], -_WEST_STREET_M, 60.0)])
    town.street(n_off_west, n_on_west, _STREET_WEST, 60.0)
    town.street(s_on_west, w, _STREET_WEST, 50.0, corners=[_corner(_WEST, _WEST_HEAD_M[1], _WEST_STREET_M, 50.0)])
    town.street(s_on_west, s_off_west, _STREET_WEST, 60.0)

    # ---- east -------------------------------------------------------------------------------------------------------
    town.street(n_on_east, e, _STREET_EAST, 50.0, corners=[_corner(_EAST, _EAST_HEAD_M[1], _EAST_STREET_M, 60.0)])
    winding = [_corner(_EAST, 430.0, 185.0, 150.0), _corner(_EAST, 680.0, 190.0, 180.0)]
    town.street(n_off_east, n_on_east, _STREET_EAST, 60.0, corners=winding)
    town.street(s_off_east, e, _STREET_EAST, 50.0, corners=[_corner(_EAST, _EAST_HEAD_M[1], -_EAST_STREET_M, 50.0)])
    town.street(s_on_east, s_off_east, _STREET_EAST, 60.0)

    # ---- between the districts --------------------------------------------------------------------------------------
    town.street(n_on_west, n_off_east, _STREET_EAST, 70.0, corners=[_between_districts(1.0)])
    town.street(s_off_west, s_on_east, _STREET_EAST, 70.0, corners=[_between_districts(-1.0)])
    return town.build()
