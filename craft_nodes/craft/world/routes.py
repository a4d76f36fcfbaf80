"""Routes: what a route is, the files that hold suites of them, and how one is traced on a map.

`python -m craft.world.routes` writes the suites that come with the package; see craft.world.placement.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import carla
import numpy as np

from craft.scene.frames import wrap_angle
from craft.scene.route import Route
from craft.world.lane_graph import LaneGraph, LaneKey
from craft.world.scenarios import SCENARIOS

SUITES = ("training", "held_out")
SUITE_FOLDER = Path(__file__).parent / "suites"
POINT_SPACING_M = 1.0  # of traced routes
KEYPOINT_REACH_M = 2.0  # a keypoint lies at most this far from the middle of a driving lane [m]


@dataclass(frozen=True)
class RouteSpec:
    """A route of a suite and the scenario on it.

    Attributes:
        id: Unique in its suite.
        scenario: Name of the scenario type, one of craft.world.scenarios.SCENARIOS.
        town: Name of the town.
        seed: Of the traffic and of the scenario's randomness.
        keypoints: (x, y) in the map frame [m], at least two, start first. The route follows the lanes between them.
        trigger: Distance from the route's start at which the scenario begins [m].
        params: Parameters of the scenario that are fixed by the route.
    """

    id: str
    scenario: str
    town: str
    seed: int
    keypoints: tuple[tuple[float, float], ...]
    trigger: float
    params: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self):
        if not self.id:
            raise ValueError("id is empty; give the route a name")
        if self.scenario not in SCENARIOS:
            raise ValueError(f"scenario {self.scenario!r} is unknown; use one of {', '.join(SCENARIOS)}")
        if not self.town:
            raise ValueError("town is empty; name the town that the route lies in")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; use 0 or more")
        if len(self.keypoints) < 2:
            raise ValueError(f"keypoints has {len(self.keypoints)} of them; give at least a start and a goal")
        if not all(math.isfinite(value) for point in self.keypoints for value in point):
            raise ValueError("keypoints has a coordinate that is not finite")
        if not (math.isfinite(self.trigger) and self.trigger >= 0.0):
            raise ValueError(f"trigger is {self.trigger}; give a distance of 0 m or more from the route's start")
        bad = [name for name, value in self.params.items() if not math.isfinite(value)]
        if bad:
            raise ValueError(f"params.{bad[0]} is not finite; give a number")


def load_suite(suite: str | Path, town: str | None = None) -> list[RouteSpec]:
    """Read a suite of routes.

    Args:
        suite: "training", "held_out", or the path of a JSON file of the same form.
        town: When given, all routes must lie in this town.

    Raises:
        ValueError: naming the file, the entry and the cure.
    """
    path = SUITE_FOLDER / f"{suite}.json" if suite in SUITES else Path(suite)
    if not path.is_file():
        raise ValueError(f"there is no suite {str(suite)!r}; use {' or '.join(SUITES)}, or the path of a JSON file")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {error}; write it anew, or repair it") from None
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{path} holds no list of routes; put at least one route in it")
    specs: list[RouteSpec] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries, 1):
        where = f"{path}, route {number}"
        try:
            spec = _spec_from_json(entry)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if spec.id in seen:
            raise ValueError(f"{where}: the id {spec.id!r} is used twice; give each route its own")
        if town is not None and spec.town != town:
            raise ValueError(f"{where}: it lies in {spec.town!r}, not in {town!r}; load that town, or another suite")
        seen.add(spec.id)
        specs.append(spec)
    return specs


def dump_suite(specs: Sequence[RouteSpec]) -> str:
    """The JSON text of a suite, one route a line."""
    lines = [
        json.dumps(
            {
                "id": spec.id,
                "scenario": spec.scenario,
                "town": spec.town,
                "seed": spec.seed,
                "keypoints": spec.keypoints,
                "trigger": spec.trigger,
                "params": dict(spec.params),
            }
        )
        for spec in specs
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def route_lanes(graph: LaneGraph, carla_map: carla.Map, spec: RouteSpec) -> list[LaneKey]:
    """The lanes that a route drives on, in order.

    Raises:
        ValueError: naming the route and the keypoint that lies off the road or cannot be reached.
    """
    return [lane for lane, _, _ in _stretches(graph, carla_map, spec)]


def trace_route(carla_map: carla.Map, spec: RouteSpec) -> Route:
    """Follow the lanes through a route's keypoints.

    Returns:
        The middle of the lanes, points evenly spaced, POINT_SPACING_M apart to within half a per cent a hundred metres.

    Raises:
        ValueError: naming the route and the keypoint that lies off the road or cannot be reached, or its trigger.
    """
    graph = LaneGraph(carla_map)
    points, yaws = [], []
    for lane, s_from, s_to in _stretches(graph, carla_map, spec):
        line = graph.line(lane)
        inner = line.s[(line.s > s_from) & (line.s < s_to)]
        for s in (s_from, *inner, s_to):
            x, y, yaw = line.at(float(s))
            if not points or math.hypot(x - points[-1][0], y - points[-1][1]) > 1e-6:
                points.append((x, y))
                yaws.append(yaw)
    table = np.array(points)
    s = np.r_[0.0, np.cumsum(np.hypot(*np.diff(table, axis=0).T))]
    if s[-1] < POINT_SPACING_M:
        raise ValueError(f"route {spec.id} is {s[-1]:.2f} m long; move its keypoints apart")
    if spec.trigger >= s[-1]:
        raise ValueError(f"route {spec.id} has its trigger at {spec.trigger:g} m but ends at {s[-1]:.1f} m")
    even = np.linspace(0.0, s[-1], round(s[-1] / POINT_SPACING_M) + 1)
    continuous = yaws[0] + np.cumsum(np.r_[0.0, wrap_angle(np.diff(yaws))])
    resampled = np.stack([np.interp(even, s, table[:, 0]), np.interp(even, s, table[:, 1])], axis=1)
    return Route(resampled, wrap_angle(np.interp(even, s, continuous)))


def _stretches(graph: LaneGraph, carla_map: carla.Map, spec: RouteSpec) -> list[tuple[LaneKey, float, float]]:
    """The parts of lanes that a route drives on, in order: (lane, from, to) as distances along the lane [m]."""
    places = [_place(graph, carla_map, spec, number) for number in range(len(spec.keypoints))]
    lane, s_from = places[0]
    stretches = []
    for number, (target, s_to) in enumerate(places[1:], 2):
        if target != lane or s_to < s_from:
            way = graph.shortest(lane, target)
            if way is None:
                raise ValueError(f"route {spec.id}: no way leads from keypoint {number - 1} to keypoint {number}")
            for following in way:
                stretches.append((lane, s_from, graph.line(lane).length_m))
                lane, s_from = following, 0.0
        stretches.append((lane, s_from, s_to))
        s_from = s_to
    return stretches


def _place(graph: LaneGraph, carla_map: carla.Map, spec: RouteSpec, number: int) -> tuple[LaneKey, float]:
    """The lane of a keypoint and its distance from the lane's beginning [m]."""
    x, y = spec.keypoints[number]
    lane = graph.include(carla_map.get_waypoint(carla.Location(x=x, y=-y, z=0.0)))
    line = graph.line(lane)
    s = line.project(x, y)
    nearest_x, nearest_y, _ = line.at(s)
    gap = math.hypot(x - nearest_x, y - nearest_y)
    if gap > KEYPOINT_REACH_M:
        raise ValueError(
            f"route {spec.id}: keypoint {number + 1} ({x:g}, {y:g}) lies {gap:.1f} m from the nearest driving lane; "
            f"is the town {spec.town!r} the right one?"
        )
    return lane, s


def _spec_from_json(entry) -> RouteSpec:
    """One route of a suite file."""
    if not isinstance(entry, dict):
        raise ValueError("it is not an object; write it as {...}")
    names = ("id", "scenario", "town", "seed", "keypoints", "trigger", "params")
    missing, unknown = [n for n in names if n not in entry], [n for n in entry if n not in names]
    if missing or unknown:
        raise ValueError(f"it lacks {missing} and has the unknown keys {unknown}; the keys are {', '.join(names)}")
    _require(entry, "id", str)
    _require(entry, "scenario", str)
    _require(entry, "town", str)
    _require(entry, "seed", int)
    _require(entry, "trigger", (int, float))
    _require(entry, "params", dict)
    _require(entry, "keypoints", list)
    if not all(isinstance(p, list) and len(p) == 2 and all(_is_number(v) for v in p) for p in entry["keypoints"]):
        raise ValueError("keypoints is not a list of [x, y] pairs")
    for name, value in entry["params"].items():
        if not _is_number(value):
            raise ValueError(f"params.{name} is {value!r}; give a number")
    return RouteSpec(
        id=entry["id"],
        scenario=entry["scenario"],
        town=entry["town"],
        seed=entry["seed"],
        keypoints=tuple((float(x), float(y)) for x, y in entry["keypoints"]),
        trigger=float(entry["trigger"]),
        params={name: float(value) for name, value in entry["params"].items()},
    )


def _require(entry: dict, name: str, kind) -> None:
    if not isinstance(entry[name], kind) or isinstance(entry[name], bool):
        wanted = {str: "a text", int: "a whole number", dict: "an object", list: "a list"}.get(kind, "a number")
        raise ValueError(f"{name} is {entry[name]!r}; give {wanted}")


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


if __name__ == "__main__":
    from craft.world.placement import main

    main()
