"""Which route is driven when, and with which seed."""

from collections.abc import Iterator, Sequence

import numpy as np

from craft.world.routes import RouteSpec


def schedule(routes: Sequence[RouteSpec], seed: int, *, in_order: bool) -> Iterator[tuple[RouteSpec, int]]:
    """Endless (route, episode seed) pairs; a function of its arguments alone.

    Args:
        routes: The suite, not empty.
        seed: Of the phase.
        in_order: Evaluation: the suite's own order, again and again, each pass with new seeds. Else a new shuffle for
            every pass, so that each route is driven once before any is driven twice.

    Raises:
        ValueError: There is no route.
    """
    if not routes:
        raise ValueError("the list of routes is empty; give a suite with at least one route")
    generator = np.random.default_rng(seed)
    while True:
        order = range(len(routes)) if in_order else generator.permutation(len(routes))
        for i in order:
            yield routes[int(i)], int(generator.integers(2**31))
