"""The closed loop on a carla_light server of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

import carla_light
from craft.world.closed_loop import ClosedLoop
from craft.world.simulation import Simulation, WorldConfig


@contextmanager
def embedded_loop() -> Iterator[ClosedLoop]:
    """A closed loop on the default town; its server ends with the block.

    Raises:
        OSError: The server cannot be started or does not answer.
    """
    with carla_light.Server(port=0) as server:
        simulation = Simulation(WorldConfig(port=server.port))
        yield ClosedLoop(simulation)
        simulation.close()
