"""How the cost grows with each quantity, the others held."""

from collections.abc import Callable
from dataclasses import dataclass

from craft.counterfactual.benchmark.clock import best_times
from craft.counterfactual.benchmark.scenes import ROAD_M, benchmark_candidates, benchmark_road, scene_without_contacts
from craft.counterfactual.config import CounterfactualConfig
from craft.counterfactual.surface import build_surface
from craft.counterfactual.world import CounterfactualWorld

STATES = 4  # evaluated at a time
_FACTORS = (1, 2, 4)
_ROADS = (1, 4, 16)  # times ROAD_M


@dataclass(frozen=True)
class ScalingRow:
    """The cost at one size.

    Attributes:
        quantity: What grows.
        count: Its size.
        cpu_microseconds: Processor time of one state, or of one map where the quantity says so, one core.
        growth: Cost over that of the quantity's first row.
        ratio_to_linear: Growth over that of the count: 1 is linear, below is better, 1 / growth of the count is free.
    """

    quantity: str
    count: int
    cpu_microseconds: float
    growth: float
    ratio_to_linear: float


def scaling(candidates: int, steps: int, agents: int, repeats: int = 5) -> list[ScalingRow]:
    """Grow candidates, steps, agents in reach, agents out of reach and polygons, each from the size given.

    No rollout ends early here: the agents in reach stand just behind the ego. So twice the steps are twice the work.
    """
    agents = max(agents, 1)
    roads = [benchmark_road(factor * ROAD_M) for factor in _ROADS]
    kinds = {
        "candidates": {n: _evaluation(n, steps, agents) for n in (f * candidates for f in _FACTORS)},
        "steps": {n: _evaluation(candidates, n, agents) for n in (f * steps for f in _FACTORS)},
        "agents in reach": {n: _evaluation(candidates, steps, n) for n in (f * agents for f in _FACTORS)},
        "agents out of reach": {n: _evaluation(candidates, steps, agents, n) for n in (f * agents for f in _FACTORS)},
        "polygons of the map": {len(road.quads): _evaluation(candidates, steps, agents, 0, road) for road in roads},
        "polygons, once for each map": {len(road.quads): _building(road) for road in roads},
    }
    return [row for quantity, work in kinds.items() for row in _rows(quantity, work, repeats)]


def _evaluation(candidates, steps, agents, out_of_reach=0, road=None) -> tuple[Callable[[], object], int]:
    world = CounterfactualWorld(CounterfactualConfig(steps=steps), threads=1)
    scene, group = scene_without_contacts(STATES, agents, out_of_reach, road), benchmark_candidates(candidates)
    return lambda: world.evaluate(scene, group), STATES


def _building(road) -> tuple[Callable[[], object], int]:
    return lambda: build_surface(road, CounterfactualConfig().surface_margin_m), 1


def _rows(quantity, work, repeats) -> list[ScalingRow]:
    times = best_times([function for function, _ in work.values()], repeats)
    costs = [1e6 * cpu / parts for (_, cpu), (_, parts) in zip(times, work.values(), strict=True)]
    first = next(iter(work))
    return [
        ScalingRow(quantity, count, cost, cost / costs[0], cost / costs[0] * first / count)
        for count, cost in zip(work, costs, strict=True)
    ]
