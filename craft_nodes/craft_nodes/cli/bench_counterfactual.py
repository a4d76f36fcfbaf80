"""`craft bench counterfactual`: how fast the counterfactual world scores, where the time goes and how it grows."""

import argparse
import json
from dataclasses import asdict

import torch
from rich.console import Console
from rich.table import Table

from craft.counterfactual.benchmark.measurement import BUFFER_STATES
from craft.counterfactual.benchmark.report import Report, report


def main(arguments: list[str]) -> int:
    """Entry point of `craft bench counterfactual`."""
    parser = argparse.ArgumentParser(
        prog="craft bench counterfactual",
        description="Measures the counterfactual world on a road and traffic made up for it, with every check on: "
        f"on one core, on all cores, and with a full buffer of {BUFFER_STATES:,} states.",
    )
    sizes = {
        "candidates": (512, 1, "candidates of a state"),
        "steps": (20, 1, "virtual steps of 0.1 s"),
        "agents": (20, 0, "other vehicles in reach"),
        "states": (8, 1, "states scored together"),
    }
    for name, (default, _, text) in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{text} (default: {default})")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, and nothing else")
    options = parser.parse_args(arguments)
    for name, (_, least, _) in sizes.items():
        if getattr(options, name) < least:
            parser.error(f"--{name} must be at least {least}, not {getattr(options, name)}")
    torch.set_num_threads(1)
    with Console(stderr=True).status("measuring (half a minute; longer when the kernels have to be compiled)"):
        result = report(options.candidates, options.steps, options.agents, options.states)
    if options.json:
        print(json.dumps(asdict(result), indent=2))
    else:
        console = Console()
        for table in (rates(result), stages(result), growth(result)):
            console.print(table)
    return 0


def rates(result: Report) -> Table:
    """Candidates a second and memory."""
    one = result.one_core
    table = Table(
        "states", "cores", "candidates/s", "of CPU time", "ms a state", "seconds", "peak MB",
        title=f"{one.candidates} candidates x {one.steps} steps x {one.agents} agents",
        caption=f"all cores against one: {result.speed_up:.2f} x; from CPU time, so on a quiet machine at best: "
        f"{result.cpu_speed_up:.2f} x. {one.collided:.0%} of the rollouts end in a collision.",
    )  # fmt: skip
    for measurement in (one, result.all_cores, result.buffer):
        table.add_row(
            f"{measurement.states:,}",
            f"{measurement.threads}",
            f"{measurement.candidates_per_s:,.0f}",
            f"{measurement.cpu_candidates_per_s:,.0f}",
            f"{measurement.milliseconds_per_state:.2f}",
            f"{measurement.seconds:.3f}",
            f"{measurement.peak_memory_mb:,.0f}",
        )
    return table


def stages(result: Report) -> Table:
    """Where the time goes."""
    breakdown = result.breakdown
    table = Table(
        "stage", "share", "CPU µs a state",
        title="where the time goes, one core",
        caption=f"each stage timed alone on the same rollouts; their sum is {breakdown.alone_over_together:.2f} x the "
        f"whole. {breakdown.steps_simulated:.0%} of the steps are simulated, the others come after a collision.",
    )  # fmt: skip
    for stage in breakdown.stages:
        table.add_row(stage.name, f"{stage.share:.1%}", f"{stage.cpu_microseconds_per_state:,.1f}")
    return table


def growth(result: Report) -> Table:
    """How the cost grows."""
    table = Table(
        "what grows", "to", "CPU µs", "cost grows by", "ratio to linear",
        title="how the cost of a state grows, one core, no rollout ends early",
        caption="ratio to linear: 1 is linear, below is better",
    )  # fmt: skip
    last = None
    for row in result.scaling:
        if row.quantity != last:
            table.add_section()
        table.add_row(
            row.quantity if row.quantity != last else "",
            f"{row.count:,}",
            f"{row.cpu_microseconds:,.0f}",
            f"{row.growth:.2f} x",
            f"{row.ratio_to_linear:.2f}",
        )
        last = row.quantity
    return table
