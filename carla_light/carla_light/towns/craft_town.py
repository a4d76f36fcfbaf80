"""craft_town: two districts with the same kinds of places and different geometry.

West (x < 0) a right-angled grid with lanes of 3.5 m; east (x > 0) turned by 24 degrees, with a skewed crossing, winding
streets and lanes of 3.25 m. Training routes lie in the west, held-out routes in the east.

```
 W0 --- D ======= E ----------- R ======== S ---+      === parking lanes   ### 2+2 arterial
 |      | loop    |           (yield T)   (stop T)|
 A ### B ####### C ########### P ####### Q ------+
 |     |         |             |         |
 +---- F ~~~~~~~ G ~~~~~~~~~~~ U ------- V  (U, V: loop in the south)
```
"""

from math import cos, radians, sin

from carla_light.towns.geometry import Corner
from carla_light.towns.network import Network
from carla_light.towns.road import Control, Lane, LaneType, Profile

_EAST_TURN = radians(24.0)
_BEND = Corner(75.0, 0.0, 150.0)  # where the arterial turns into the eastern district's direction [m]
# Junction P lies exactly in that direction, so that straight movements across it are lines.
_EAST_ORIGIN = (_BEND.x + 170.0 * cos(_EAST_TURN), _BEND.y + 170.0 * sin(_EAST_TURN))


def _profile(lane_width: float, lanes: int, outer: LaneType, outer_width: float) -> Profile:
    driving = (Lane(LaneType.DRIVING, lane_width),) * lanes
    return (*driving, Lane(outer, outer_width), Lane(LaneType.SIDEWALK, 2.5))


_ARTERIAL_WEST = _profile(3.5, 2, LaneType.SHOULDER, 0.5)
_STREET_WEST = _profile(3.5, 1, LaneType.SHOULDER, 0.5)
_PARKING_WEST = _profile(3.5, 1, LaneType.PARKING, 2.2)
_ARTERIAL_EAST = _profile(3.25, 2, LaneType.SHOULDER, 0.6)
_STREET_EAST = _profile(3.25, 1, LaneType.SHOULDER, 0.6)
_PARKING_EAST = _profile(3.25, 1, LaneType.PARKING, 2.4)


def _east(u: float, v: float) -> tuple[float, float]:
    """A point of the eastern district, given along and across its arterial [m], in the town's frame."""
    c, s = cos(_EAST_TURN), sin(_EAST_TURN)
    return _EAST_ORIGIN[0] + c * u - s * v, _EAST_ORIGIN[1] + s * u + c * v


def _east_corner(u: float, v: float, radius: float) -> Corner:
    return Corner(*_east(u, v), radius)


def craft_town() -> Network:
    """The town as a network that is laid out."""
    town = Network("craft_town", latitude=48.0, longitude=11.0)

    # ---- west -------------------------------------------------------------------------------------------------------
    a = town.junction(-580.0, 0.0)  # T, the arterial stops
    b = town.junction(-325.0, 0.0, signalised=True)
    c = town.junction(-70.0, 0.0, signalised=True)
    d = town.junction(-325.0, 185.0)  # all-way stop
    e = town.junction(-70.0, 185.0)  # two-way stop
    f = town.junction(-325.0, -175.0)  # T, yield
    g = town.junction(-70.0, -175.0)  # T, stop
    town.street(a, b, _ARTERIAL_WEST, 60.0, control_a=Control.STOP)
    town.street(b, c, _ARTERIAL_WEST, 60.0)
    town.street(b, d, _STREET_WEST, 40.0, control_b=Control.STOP)
    town.street(f, b, _STREET_WEST, 40.0, control_a=Control.YIELD)
    town.street(c, e, _STREET_WEST, 50.0)
    town.street(g, c, _STREET_WEST, 50.0, control_a=Control.STOP)
    stops = {"control_a": Control.STOP, "control_b": Control.STOP}
    town.street(d, e, _PARKING_WEST, 30.0, crosswalk=True, **stops)
    loop = [Corner(-325.0, 275.0, 30.0), Corner(-70.0, 275.0, 45.0)]
    town.street(d, e, _STREET_WEST, 40.0, corners=loop, control_a=Control.STOP)
    town.street(a, d, _STREET_WEST, 40.0, corners=[Corner(-580.0, 185.0, 60.0)], control_b=Control.STOP)
    town.street(a, f, _STREET_WEST, 50.0, corners=[Corner(-580.0, -175.0, 40.0)])
    winding = [Corner(-262.0, -175.0, 60.0), Corner(-196.0, -215.0, 55.0), Corner(-133.0, -175.0, 60.0)]
    town.street(f, g, _STREET_WEST, 40.0, corners=winding)

    # ---- east -------------------------------------------------------------------------------------------------------
    p = town.junction(*_east(0.0, 0.0), signalised=True)
    q = town.junction(*_east(265.0, 0.0), signalised=True)
    r = town.junction(*_east(-35.0, 185.0))  # T, yield
    s = town.junction(*_east(250.0, 200.0))  # T, stop
    u = town.junction(*_east(10.0, -175.0))  # two-way stop
    v = town.junction(*_east(270.0, -165.0))  # all-way stop
    town.street(p, q, _ARTERIAL_EAST, 50.0)
    town.street(p, r, _STREET_EAST, 40.0, control_b=Control.YIELD)
    town.street(q, s, _STREET_EAST, 40.0, control_b=Control.STOP)
    town.street(r, s, _PARKING_EAST, 30.0, crosswalk=True)
    town.street(u, p, _STREET_EAST, 50.0, control_a=Control.STOP)
    town.street(v, q, _STREET_EAST, 40.0, control_a=Control.STOP)
    bend = [_east_corner(80.0, -172.0, 90.0), _east_corner(150.0, -138.0, 70.0), _east_corner(210.0, -162.0, 80.0)]
    town.street(u, v, _STREET_EAST, 50.0, corners=bend, control_b=Control.STOP)
    loop = [_east_corner(14.0, -262.0, 45.0), _east_corner(268.0, -250.0, 30.0)]
    town.street(u, v, _STREET_EAST, 40.0, corners=loop, **stops)
    town.street(s, q, _STREET_EAST, 50.0, corners=[_east_corner(352.0, 205.0, 50.0), _east_corner(352.0, 0.0, 40.0)])

    # ---- the three connections between the districts ----------------------------------------------------------------
    town.street(c, p, _ARTERIAL_EAST, 60.0, corners=[_BEND])
    town.street(e, r, _STREET_EAST, 50.0, corners=[Corner(53.0, 185.0, 120.0)], control_a=Control.STOP)
    town.street(g, u, _STREET_EAST, 50.0, corners=[Corner(112.0, -175.0, 100.0)])
    return town.build()
