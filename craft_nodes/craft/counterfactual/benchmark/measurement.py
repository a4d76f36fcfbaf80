"""Candidates a second, time a state, peak memory."""

from dataclasses import dataclass

import torch

from craft.counterfactual.benchmark.clock import best_times, forget_peak_memory, peak_memory_mb
from craft.counterfactual.benchmark.scenes import benchmark_candidates, benchmark_scene
from craft.counterfactual.config import CounterfactualConfig
from craft.counterfactual.world import CounterfactualWorld
from craft.scene.candidates import Candidates

BUFFER_STATES = 2048  # B, a rollout buffer; CRAFT


@dataclass(frozen=True)
class Measurement:
    """What was measured.

    Attributes:
        candidates, steps, agents, states: Size of the work.
        threads: Cores used.
        seconds: Wall time.
        candidates_per_s: Of wall time.
        milliseconds_per_state: Wall time.
        cpu_seconds: Processor time of all threads together: what is left of the noise of other programs.
        cpu_candidates_per_s: For each second of processor time.
        peak_memory_mb: Most memory of the whole process while it was measured [MB].
        collided: Share of the rollouts that a collision ended early.
    """

    candidates: int
    steps: int
    agents: int
    states: int
    threads: int
    seconds: float
    candidates_per_s: float
    milliseconds_per_state: float
    cpu_seconds: float
    cpu_candidates_per_s: float
    peak_memory_mb: float
    collided: float


def measure(
    candidates: int = 512, steps: int = 20, agents: int = 20, states: int = 8, threads: int = 1, repeats: int = 5
) -> Measurement:
    """Best of `repeats` evaluations; compiling is not measured.

    Args:
        candidates: G.
        steps: H.
        agents: Other vehicles within reach of the ego, on the other lanes.
        states: B.
        threads: Cores.
        repeats: Evaluations.
    """
    warm_up()
    forget_peak_memory()
    world = CounterfactualWorld(CounterfactualConfig(steps=steps), threads=threads)
    scene, group = benchmark_scene(states, agents), benchmark_candidates(candidates)
    # each state has its own, as a policy without a vocabulary would give: the larger of the two cases
    group = Candidates(*(t.expand(states, *t.shape).contiguous() for t in (group.trajectories, group.valid)))
    results = []
    ((wall, cpu),) = best_times([lambda: results.append(world.evaluate(scene, group).collision)], repeats)
    return Measurement(
        candidates=candidates,
        steps=steps,
        agents=agents,
        states=states,
        threads=threads,
        seconds=wall,
        candidates_per_s=states * candidates / wall,
        milliseconds_per_state=1e3 * wall / states,
        cpu_seconds=cpu,
        cpu_candidates_per_s=states * candidates / cpu,
        peak_memory_mb=peak_memory_mb(),
        collided=float(results[-1].to(torch.float32).mean()),
    )


def warm_up() -> None:
    """Compile the kernel, or load it from the cache on disk, so that the first decision does not wait for it."""
    CounterfactualWorld(threads=1).evaluate(benchmark_scene(1, 1), benchmark_candidates(1))
