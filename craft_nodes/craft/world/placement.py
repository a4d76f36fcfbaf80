"""Places routes by the topology of a town: which kinds of road a scenario type needs, and where there are any.

Nothing here knows a town's coordinates. A town is split at x = 0 into a western district for training and an eastern
one for held-out routes; a route must lie in its district with all the lanes that it drives on.
"""

import math
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import carla
import numpy as np
import tyro

from craft.scene.frames import wrap_angle
from craft.scene.road_map import StopKind
from craft.world.lane_graph import LaneGraph, LaneKey, LaneLine
from craft.world.opendrive import open_map
from craft.world.routes import SUITE_FOLDER, RouteSpec, dump_suite
from craft.world.scenarios import SCENARIOS

_CONTROLS = {"1000001": StopKind.LIGHT, "206": StopKind.STOP, "205": StopKind.YIELD}
DISTRICTS = {"training": -1.0, "held_out": 1.0}  # suite -> sign of x in its district
ROUTES_A_SCENARIO = {"training": 5, "held_out": 3}
_ROUTE_M = (130.0, 200.0)  # length of routes that stay on one road, as far as the road reaches
_APPROACH_M = (75.0, 105.0)  # from the start of a route with a turn to its junction
_EXIT_M = (45.0, 75.0)  # from the junction to the goal
_MARGIN_M = 8.0  # routes keep this far from the beginning and the end of a road where they start or stop
_STRAIGHT_RAD = math.radians(2.0)  # a straight stretch's heading varies less than this
_RIGHT_TURN_RAD = math.radians(-45.0)  # right turns turn more than this
_STRAIGHT_ON_RAD = math.radians(20.0)  # movements that turn less go straight on


@dataclass(frozen=True)
class Street:
    """One driving lane outside junctions.

    Attributes:
        lane: Its key.
        line: Its middle.
        lanes_this_way: Driving lanes of its direction.
        two_way: Whether the road has driving lanes of the other direction.
        control: What controls its end, None for priority.
    """

    lane: LaneKey
    line: LaneLine
    lanes_this_way: int
    two_way: bool
    control: StopKind | None

    @property
    def single(self) -> bool:
        """Whether it is a two-way street with one lane for each direction."""
        return self.two_way and self.lanes_this_way == 1


@dataclass(frozen=True)
class Movement:
    """A way through a junction: from a street over a connecting lane to a street; turn [rad], left positive."""

    source: Street
    connector: LaneKey
    target: Street
    turn: float


@dataclass(frozen=True)
class Site:
    """Where a route may be put: start and goal as (street, distance along it [m]), its trigger as distance [m]."""

    start: tuple[Street, float]
    goal: tuple[Street, float]
    trigger: float


class Town:
    """The streets and movements of one district of a town."""

    def __init__(self, carla_map: carla.Map, side: float):
        graph = LaneGraph(carla_map)
        controls = _controls(carla_map)
        this_way: dict[tuple[int, int, bool], int] = defaultdict(int)
        for road, section, lane in graph.onward:
            this_way[road, section, lane > 0] += 1
        streets = {}
        for key in graph.onward:
            road, section, lane = key
            line = graph.line(key)
            if not graph.starts[key].is_junction and (line.points[:, 0] * side > 0.0).all():
                both = this_way[road, section, lane <= 0] > 0
                ways = this_way[road, section, lane > 0]
                streets[key] = Street(key, line, ways, both, controls.get((road, lane)))
        self.streets = list(streets.values())
        self.movements = []
        for source in self.streets:
            for connector in graph.onward[source.lane]:
                yaw = graph.line(connector).yaw
                for after in graph.onward[connector]:
                    if after in streets:
                        turn = float(yaw[-1] - yaw[0])
                        self.movements.append(Movement(source, connector, streets[after], turn))


def _controls(carla_map: carla.Map) -> dict[tuple[int, int], StopKind]:
    """(road, lane) -> what controls the end of that lane."""
    controls = {}
    for code, kind in _CONTROLS.items():
        for landmark in carla_map.get_all_landmarks_of_type(code):
            for low, high in landmark.get_lane_validities():
                for lane in range(min(low, high), max(low, high) + 1):
                    controls[landmark.road_id, lane] = kind
    return controls


def straight_stretch(line: LaneLine) -> tuple[float, float]:
    """The longest stretch of a lane whose heading stays within _STRAIGHT_RAD, as distances along the lane [m]."""
    best, first = (0.0, 0.0), 0
    for last in range(len(line.s)):
        while abs(line.yaw[last] - line.yaw[first]) > _STRAIGHT_RAD:
            first += 1
        if line.s[last] - line.s[first] > best[1] - best[0]:
            best = float(line.s[first]), float(line.s[last])
    return best


def _along(
    street: Street, stretch: tuple[float, float], trigger: float, beyond: float, rng: np.random.Generator
) -> Iterator[Site]:
    """A route on one street, at least `beyond` metres of it after the trigger, if the stretch has room for one."""
    low, high = max(stretch[0], _MARGIN_M), min(stretch[1], street.line.length_m - _MARGIN_M)
    shortest = max(_ROUTE_M[0], trigger + beyond)
    if high - low >= shortest:
        length = rng.uniform(shortest, max(shortest, min(_ROUTE_M[1], high - low)))
        start = rng.uniform(low, high - length)
        yield Site((street, start), (street, start + length), trigger)


def _through(movement: Movement, before_junction: float, rng: np.random.Generator) -> Iterator[Site]:
    """A route through a junction with its trigger some way before the entry, if both streets have room for it."""
    approach, leave = rng.uniform(*_APPROACH_M), rng.uniform(*_EXIT_M)
    end = movement.source.line.length_m
    if end - approach >= _MARGIN_M and leave <= movement.target.line.length_m - _MARGIN_M:
        yield Site((movement.source, end - approach), (movement.target, leave), approach - before_junction)


def sites(scenario: str, town: Town, rng: np.random.Generator) -> list[Site]:
    """All places of a district where a scenario type can happen, one for each street or movement, in random order.

    Raises:
        ValueError: for a scenario type that is not known here.
    """
    found: list[Site] = []
    if scenario in ("ParkedObstacle", "StaticCutIn"):
        for street in town.streets:
            if street.lanes_this_way >= 2:  # there is a lane to change to, or to come from
                # the obstacle is up to 45 m behind the trigger and has to be passed
                found += _along(street, straight_stretch(street.line), rng.uniform(40.0, 55.0), 80.0, rng)
    elif scenario == "HardBreakRoute":
        for street in town.streets:
            # the ego has followed for a while before the leader brakes
            found += _along(street, straight_stretch(street.line), rng.uniform(60.0, 80.0), 55.0, rng)
    elif scenario == "DynamicObjectCrossing":
        for street in town.streets:
            if street.single:
                found += _along(street, (0.0, street.line.length_m), rng.uniform(40.0, 60.0), 60.0, rng)
    elif scenario == "InvadingTurn":
        for street in town.streets:
            if street.single:  # the oncoming car waits up to 75 m behind the trigger
                found += _along(street, (0.0, street.line.length_m), rng.uniform(40.0, 55.0), 85.0, rng)
    elif scenario == "VanillaSignalizedTurnEncounterRedLight":
        for movement in town.movements:
            if movement.source.control is StopKind.LIGHT:
                found += _through(movement, rng.uniform(45.0, 60.0), rng)
    elif scenario == "VanillaNonSignalizedTurnEncounterStopsign":
        for movement in town.movements:
            if movement.source.control is StopKind.STOP:
                found += _through(movement, rng.uniform(40.0, 55.0), rng)
    elif scenario == "NonSignalizedJunctionRightTurn":
        for movement in town.movements:
            gives_way = movement.source.control in (StopKind.STOP, StopKind.YIELD)
            if gives_way and movement.turn < _RIGHT_TURN_RAD:
                found += _through(movement, rng.uniform(40.0, 55.0), rng)
    else:
        raise ValueError(f"where a scenario of the type {scenario!r} can happen is not known; add it to sites()")
    return [found[k] for k in rng.permutation(len(found))]


def choose(found: Sequence[Site], n: int) -> list[Site]:
    """Take n sites in order, each time one whose streets and kind of turn were used least."""
    taken: list[Site] = []
    rest = list(found)
    uses: dict = defaultdict(int)
    for _ in range(min(n, len(rest))):
        best = min(rest, key=lambda site: sum(uses[mark] for mark in _marks(site)))
        rest.remove(best)
        taken.append(best)
        for mark in _marks(best):
            uses[mark] += 1
    return taken


def _marks(site: Site) -> tuple:
    """What two sites may have in common: start street, its road, goal street, and the kind of turn."""
    (start, _), (goal, _) = site.start, site.goal
    turn = float(wrap_angle(goal.line.yaw[0] - start.line.yaw[-1])) if goal is not start else 0.0
    kind = "straight" if abs(turn) < _STRAIGHT_ON_RAD else "left" if turn > 0.0 else "right"
    return (start.lane, ("road", start.lane[0]), ("goal", goal.lane), kind)


def place_suite(suite: str, carla_map: carla.Map, town: str, seed: int) -> list[RouteSpec]:
    """The routes of one suite: ROUTES_A_SCENARIO for each scenario type, in its district.

    The same seed always gives the same routes; two suites never share a route's seed.

    Raises:
        ValueError: when a district has too few places for a scenario type.
    """
    order = sorted(DISTRICTS).index(suite)
    rng = np.random.default_rng((seed, order))
    district = Town(carla_map, DISTRICTS[suite])
    specs = []
    for scenario in SCENARIOS:
        wanted = ROUTES_A_SCENARIO[suite]
        chosen = choose(sites(scenario, district, rng), wanted)
        if len(chosen) < wanted:
            raise ValueError(f"{town} has {len(chosen)} places for {scenario} in the {suite} district, {wanted} needed")
        for number, site in enumerate(chosen, 1):
            # even seeds for one suite, odd ones for the other, so that they never meet
            route_seed = int(rng.integers(2**30)) * len(DISTRICTS) + order
            specs.append(_spec(f"{suite}-{scenario}-{number}", scenario, town, route_seed, site))
    return specs


def _spec(route_id: str, scenario: str, town: str, seed: int, site: Site) -> RouteSpec:
    keypoints = []
    for street, s in (site.start, site.goal):
        x, y, _ = street.line.at(s)
        keypoints.append((round(x, 2), round(y, 2)))
    return RouteSpec(route_id, scenario, town, seed, tuple(keypoints), round(site.trigger, 1), {})


def write_suites(xodr: str, town: str, seed: int, folder: Path) -> list[Path]:
    """Place and write both suites; returns the files."""
    carla_map = open_map(town, xodr)
    paths = []
    for suite in DISTRICTS:
        path = folder / f"{suite}.json"
        temporary = path.with_suffix(".json.tmp")
        temporary.write_text(dump_suite(place_suite(suite, carla_map, town, seed)), encoding="utf-8")
        os.replace(temporary, path)
        paths.append(path)
    return paths


@dataclass(frozen=True)
class PlacementConfig:
    """Writes the training and held-out suites.

    Attributes:
        seed: Of the placement.
        folder: Where the suites go.
    """

    seed: int = 2
    folder: Path = SUITE_FOLDER


def main() -> None:
    """Entry point of `python -m craft.world.routes`."""
    from carla_light.towns import DEFAULT_TOWN, load  # only the generator needs the town's source

    config = tyro.cli(PlacementConfig)
    for path in write_suites(load(DEFAULT_TOWN), DEFAULT_TOWN, config.seed, config.folder):
        print(f"wrote {path}")
