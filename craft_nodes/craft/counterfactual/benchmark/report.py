"""Everything that is measured in one call."""

import os
from dataclasses import dataclass

from craft.counterfactual.benchmark.breakdown import Breakdown, break_down
from craft.counterfactual.benchmark.measurement import BUFFER_STATES, Measurement, measure
from craft.counterfactual.benchmark.scaling import ScalingRow, scaling


@dataclass(frozen=True)
class Report:
    """What `craft bench counterfactual` measures.

    Attributes:
        cores: That this process may use.
        one_core: The work asked for, on one core.
        all_cores: The same on all cores.
        speed_up: Of all cores, in wall time: what other programs take of the machine is missing from it.
        cpu_speed_up: Cores times processor time on one core over that on all: what is left on a quiet machine.
        buffer: A full rollout buffer of such states, once, on all cores.
        breakdown: Where the time goes, on one core.
        scaling: How the cost grows, on one core.
    """

    cores: int
    one_core: Measurement
    all_cores: Measurement
    speed_up: float
    cpu_speed_up: float
    buffer: Measurement
    breakdown: Breakdown
    scaling: list[ScalingRow]


def report(
    candidates: int, steps: int, agents: int, states: int, repeats: int = 5, buffer_states: int = BUFFER_STATES
) -> Report:
    """Measure everything.

    Args:
        candidates: G.
        steps: H.
        agents: Other vehicles within reach of the ego.
        states: B, of the measurements on one and on all cores.
        repeats: Of each measurement but the buffer; the best counts.
        buffer_states: States of the full buffer.
    """
    cores = len(os.sched_getaffinity(0))
    one = measure(candidates, steps, agents, states, threads=1, repeats=repeats)
    every = measure(candidates, steps, agents, states, threads=cores, repeats=repeats)
    return Report(
        cores=cores,
        one_core=one,
        all_cores=every,
        speed_up=one.seconds / every.seconds,
        cpu_speed_up=cores * one.cpu_seconds / every.cpu_seconds,
        buffer=measure(candidates, steps, agents, buffer_states, threads=cores, repeats=1),
        breakdown=break_down(candidates, steps, agents, states, repeats),
        scaling=scaling(candidates, steps, agents, repeats),
    )
