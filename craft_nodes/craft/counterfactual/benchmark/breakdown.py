"""Where the time goes: each stage of the kernel timed alone, on the same rollouts."""

from dataclasses import dataclass, replace

import torch

from craft.counterfactual.benchmark.clock import best_times
from craft.counterfactual.benchmark.scenes import benchmark_candidates, benchmark_scene
from craft.counterfactual.benchmark.stages import STAGES, new_rollouts
from craft.counterfactual.config import CounterfactualConfig
from craft.counterfactual.surface import build_surface
from craft.counterfactual.world import CounterfactualWorld

MAX_STATES = 8  # the stages keep their rollouts in memory
_SETUP = "set-up"


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: What it does.
        cpu_microseconds_per_state: Processor time, one core.
        share: Of the time of all stages.
    """

    name: str
    cpu_microseconds_per_state: float
    share: float


@dataclass(frozen=True)
class Breakdown:
    """Where the time goes.

    Attributes:
        stages: Dearest first.
        alone_over_together: Time of all stages, each alone, over that of the evaluation in which they run together. It
            says how far the shares can be trusted: apart from 1 by what the processor overlaps, and by what the stages
            store and load between them.
        steps_simulated: Share of the candidates' steps that were simulated; the others come after a collision.
    """

    stages: list[Stage]
    alone_over_together: float
    steps_simulated: float


def break_down(candidates: int, steps: int, agents: int, states: int, repeats: int = 5) -> Breakdown:
    """Time every stage and the whole on the same states, on one core; at most MAX_STATES states are used.

    The set-up is an evaluation without a valid candidate, less the agents' rollouts: conversion of the inputs, tables
    of the route and the stop lines, the ego's place at the start, and all of Python's part. With one repeat, compiling
    is measured as well.
    """
    states = min(states, MAX_STATES)
    world = CounterfactualWorld(CounterfactualConfig(steps=steps), threads=1)
    scene, group = benchmark_scene(states, agents), benchmark_candidates(candidates)
    nobody = replace(group, valid=torch.zeros_like(group.valid))
    surface = build_surface(scene.road, world.config.surface_margin_m)
    numbers, gains = world.config.numbers, world.tracking.gains
    rollouts = new_rollouts(scene, group, steps)

    names = list(STAGES)
    work = [lambda stage=STAGES[name]: stage(rollouts, surface, numbers, gains) for name in names]
    work += [lambda: world.evaluate(scene, nobody), lambda: world.evaluate(scene, group)]
    *alone, empty, together = (1e6 * cpu / states for _, cpu in best_times(work, repeats))
    times = dict(zip(names, alone, strict=True))
    del times["tables"]  # is in the set-up
    times[_SETUP] = max(empty - times["agents' rollouts"], 0.0)
    total = sum(times.values())
    return Breakdown(
        stages=[Stage(name, spent, spent / total) for name, spent in sorted(times.items(), key=lambda item: -item[1])],
        alone_over_together=total / together,
        steps_simulated=float(rollouts.lengths.mean()) / steps,
    )
