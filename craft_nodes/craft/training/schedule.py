"""The learning rate over a run."""

import math


def learning_rate(progress: float, first: float, last: float) -> float:
    """Half a cosine from `first` to `last`; the paper names the two rates, the shape is ours.

    Args:
        progress: Share of the run's optimiser steps that are done, in [0, 1].
        first: Rate at the beginning.
        last: Rate at the end.
    """
    return last + (first - last) * (1.0 + math.cos(math.pi * progress)) / 2.0
