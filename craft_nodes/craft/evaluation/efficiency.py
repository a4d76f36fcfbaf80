"""Driving efficiency (Bench2Drive): how fast the vehicle is, compared with the traffic around it."""

from collections.abc import Sequence

import numpy as np

from craft.evaluation.quirks import Quirks
from craft.evaluation.trace import Trace

CHECKPOINTS = 20  # stretches of equal length on a route; Bench2Drive
LAST_SHARE = 0.95  # the last stretch counts from here on, although routes end before their end; leaderboard
STANDING_MPS = 0.1  # slower traffic stands [m/s]; leaderboard
LARGEST_PERCENT = 1000.0  # larger values are dropped; Bench2Drive


def speed_percentages(trace: Trace, quirks: Quirks = Quirks.NONE) -> list[float]:
    """Mean speed of the vehicle / mean speed of the traffic on each stretch that was driven [%], two decimals.

    Frames without traffic count in neither mean. A stretch whose traffic stood, or that had none, tells nothing and is
    left out. Bench2Drive takes 100 % where the traffic's mean is exactly 0, and compares with it however small it is
    otherwise (a quirk).
    """
    progress = np.maximum.accumulate(trace.progress_m) / trace.route_length_m
    stretch = np.clip((progress * CHECKPOINTS).astype(int), 0, CHECKPOINTS - 1)
    finished = CHECKPOINTS if progress[-1] > LAST_SHARE else int(stretch[-1])
    speed, seen = np.hypot(*trace.velocity.T), np.isfinite(trace.traffic_mps)
    percentages = []
    for number in range(finished):
        frames = seen & (stretch == number)
        traffic = float(trace.traffic_mps[frames].mean()) if frames.any() else 0.0
        if traffic > (0.0 if quirks is Quirks.BENCH2DRIVE else STANDING_MPS):
            percentages.append(round(100.0 * float(speed[frames].mean()) / traffic, 2))
        elif quirks is Quirks.BENCH2DRIVE:
            percentages.append(100.0)
    return percentages


def route_efficiency(percentages: Sequence[float]) -> float | None:
    """Mean of a route's percentages, without those above 1000 % [%]; None if none is left."""
    kept = [value for value in percentages if value <= LARGEST_PERCENT]
    return sum(kept) / len(kept) if kept else None
