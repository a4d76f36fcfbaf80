"""Time and memory of this process."""

import math
import time
from collections.abc import Callable, Sequence


def best_times(functions: Sequence[Callable[[], object]], repeats: int) -> list[tuple[float, float]]:
    """Least wall and processor time of each function [s].

    They take turns, so that what other programs do to the machine meets all of them alike.
    """
    best = [(math.inf, math.inf)] * len(functions)
    for _ in range(repeats):
        for i, function in enumerate(functions):
            wall, cpu = time.perf_counter(), time.process_time()
            function()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            best[i] = min(best[i][0], wall), min(best[i][1], cpu)
    return best


def forget_peak_memory() -> None:
    """Begin the peak anew, where the kernel lets a process do so; else it stays the peak since the start."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def peak_memory_mb() -> float:
    """Most memory that this process has held at a time, with Python, torch and all libraries [MB]."""
    with open("/proc/self/status") as file:
        kilobytes = next(line for line in file if line.startswith("VmHWM")).split()[1]
    return int(kilobytes) / 1024.0
