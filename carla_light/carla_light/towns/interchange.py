r"""One carriageway of a divided highway: runs with two or three lanes, and the joints with ramps between them.

```
  2 lanes | entry  | 3 lanes           | merge   | 2 lanes | diverge | 3 lanes           | exit   | 2 lanes
 ---------+--------+-------------------+---------+---------+---------+-------------------+--------+---------
 ---------+--------+-------------------+-------/-+---------+-\-------+-------------------+--------+---------
          |      / | acceleration lane | ____/   |         |   \____ | deceleration lane | \      |
   ramp __|____/   |                   |         |         |         |                   |   \____|__ ramp
```
Between the lanes of a run lanes may be changed. Where a third lane ends it swings into its neighbour (merge) or becomes
the ramp (exit); see joint.py. A third lane from an entry to an exit makes a weaving stretch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan, cos, pi, sin, tan

from carla_light.towns.geometry import Corner, Pose, wrap
from carla_light.towns.joint import Joint, Mouth, Movement, Strip
from carla_light.towns.junction import Junction
from carla_light.towns.network import Network, Street
from carla_light.towns.road import Control, Lane, LaneType, Profile

_INNER_SHOULDER_M = 1.0
_EMERGENCY_LANE_M = 2.5
_RAMP_SHOULDERS_M = (0.5, 1.5)  # inner, outer
_GORE_M = 0.3  # between the emergency lane and the ramp's inner shoulder where they meet
_STRAIGHT_M = 25.0  # length of a ramp's straight part beside the highway


@dataclass(frozen=True)
class Ramp:
    """A ramp between the highway and a secondary street on the carriageway's right.

    Attributes:
        depth: From the carriageway's reference line to the street [m].
        radius: Of its curve [m].
        signalised: Whether its junction with the street is.
        control: What controls the end of an off-ramp, unless that is signalised.
        speed_kmh: Speed limit [km/h].
        lane_width: [m]
    """

    depth: float
    radius: float
    speed_kmh: float
    lane_width: float
    signalised: bool = False
    control: Control | None = None


@dataclass(frozen=True)
class Run:
    """A stretch of highway: number of lanes, their width [m], length [m], limit [km/h].

    Half-way it may turn [rad], by an arc of this radius [m].
    """

    lanes: int
    lane_width: float
    length: float
    speed_kmh: float
    turn: float = 0.0
    radius: float = 0.0


@dataclass(frozen=True)
class Gap:
    """Where a joint lies between two runs: its length [m], and the ramp that enters or leaves there."""

    length: float
    ramp: Ramp | None = None


def _profile(lanes: int, lane_width: float) -> Profile:
    return (*(Lane(LaneType.DRIVING, lane_width),) * lanes, Lane(LaneType.SHOULDER, _EMERGENCY_LANE_M))


def lay_carriageway(
    town: Network,
    pose: Pose,
    head: tuple[Street, Joint],
    parts: Sequence[Run | Gap],
    tail: tuple[Street, Joint],
) -> list[Junction]:
    """Add a carriageway to a town.

    Args:
        town: The network.
        pose: First pose of its reference line, the inner edge of the inner lane, in the direction of travel.
        head: The two-way street that it comes from, and the joint between them.
        parts: Runs with gaps between them, a run first and last.
        tail: The two-way street that it leads to, and the joint between them.

    Returns:
        The junctions of its ramps with secondary streets, in the direction of travel; their other legs are to be added.
    """
    inner = (Lane(LaneType.SHOULDER, _INNER_SHOULDER_M),)
    runs, gaps = parts[0::2], parts[1::2]
    joints = [head[1], *(town.joint() for _ in gaps), tail[1]]
    streets, ends = [], []
    for run, (before, after), gap in zip(runs, pairwise(joints), [*gaps, None], strict=True):
        corner = pose.moved(0.5 * run.length, 0.0)
        end = Pose(corner.x, corner.y, wrap(pose.heading + run.turn)).moved(0.5 * run.length, 0.0)
        corners = [Corner(corner.x, corner.y, run.radius)] if run.turn else []
        mouths = Mouth(before, pose.x, pose.y), Mouth(after, end.x, end.y)
        profile = _profile(run.lanes, run.lane_width)
        streets.append(town.street(*mouths, profile, run.speed_kmh, left=inner, corners=corners, kind="motorway"))
        ends.append(end)
        if gap is not None:
            pose = end.moved(gap.length, 0.0)
    through = tuple((k, k) for k in range(runs[0].lanes + 1))
    head[1].movements.append(Movement(head[0], streets[0], through))
    terminals = []
    for k, gap in enumerate(gaps):
        terminals += _lay_gap(town, joints[k + 1], gap, ends[k], (runs[k], streets[k]), (runs[k + 1], streets[k + 1]))
    tail[1].movements.append(Movement(streets[-1], tail[0], through))
    return terminals


def _lay_gap(
    town: Network, joint: Joint, gap: Gap, pose: Pose, before: tuple[Run, Street], after: tuple[Run, Street]
) -> list[Junction]:
    """The movements of a joint that begins at `pose`, and its ramp's junction with the secondary street."""
    (run_in, source), (run_out, target) = before, after
    n, m = run_in.lanes, run_out.lanes
    through: list[Strip] = [(k, k) for k in range(min(n, m))]
    movements = []
    terminals = []
    if gap.ramp is not None:
        entering = m > n
        through.append((n, None) if entering else (None, m))  # the emergency lane makes room for the ramp
        terminal, ramp = _lay_ramp(town, joint, gap, pose, max(run_in, run_out, key=lambda run: run.lanes), entering)
        if entering:
            movements.append(Movement(ramp, target, ((0, m - 1), (1, m))))
        else:
            movements.append(Movement(source, ramp, ((n - 1, 0), (n, 1))))
        terminals.append(terminal)
    elif n == m:
        through.append((n, m))
    else:
        movements.append(Movement(source, target, ((n - 1, m - 1), (n, m))))
    joint.movements += [Movement(source, target, tuple(through)), *movements]
    return terminals


def _lay_ramp(town: Network, joint: Joint, gap: Gap, pose: Pose, run: Run, entering: bool) -> tuple[Junction, Street]:
    """The ramp at a joint that begins at `pose`, and its junction with the secondary street.

    The ramp's reference line meets that of the third lane in an arc as long as the joint, whose turn keeps the ramp
    clear of the emergency lane; away from the highway it bends until it is square to it.
    """
    ramp = gap.ramp
    gore = _EMERGENCY_LANE_M + _GORE_M + _RAMP_SHOULDERS_M[0]
    turn = 2.0 * atan(gore / gap.length)
    straight = _STRAIGHT_M + ramp.radius * tan(0.25 * pi - 0.5 * turn)
    away = -1.0 if entering else 1.0
    u, v = (0.0 if entering else gap.length), -(run.lanes - 1) * run.lane_width - gore
    nose = pose.moved(u, v)
    u, v = u + away * straight * cos(turn), v - straight * sin(turn)
    corner, foot = pose.moved(u, v), pose.moved(u, -ramp.depth)
    terminal = town.junction(foot.x, foot.y, signalised=ramp.signalised)
    inner, outer = _RAMP_SHOULDERS_M
    profile = (Lane(LaneType.DRIVING, ramp.lane_width), Lane(LaneType.SHOULDER, outer))
    left = (Lane(LaneType.SHOULDER, inner),)
    corners = [Corner(corner.x, corner.y, ramp.radius)]
    mouth = Mouth(joint, nose.x, nose.y)
    if entering:
        return terminal, town.street(terminal, mouth, profile, ramp.speed_kmh, left=left, corners=corners)
    street = town.street(mouth, terminal, profile, ramp.speed_kmh, left=left, corners=corners, control_b=ramp.control)
    return terminal, street
