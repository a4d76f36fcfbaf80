import pytest

import carla_light
from craft.world.simulation import Simulation, WorldConfig


@pytest.fixture(scope="session")
def light_server():
    with carla_light.Server() as server:
        yield server


@pytest.fixture(scope="session")
def simulation(light_server):
    """Without background traffic: what happens is the scenario's doing."""
    simulation = Simulation(WorldConfig(port=light_server.port, background_vehicles=0))
    yield simulation
    simulation.close()
