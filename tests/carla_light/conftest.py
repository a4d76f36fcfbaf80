"""One server for all tests here; every test that asks for `world` gets a fresh episode in synchronous mode."""

import queue

import carla
import pytest

from carla_light import Server
from carla_light.towns import DEFAULT_TOWN

DT_S = 0.05


@pytest.fixture(scope="session")
def server():
    with Server() as running:
        yield running


@pytest.fixture(scope="session")
def client(server):
    client = carla.Client("127.0.0.1", server.port)
    client.set_timeout(20.0)
    return client


@pytest.fixture
def world(client):
    world = client.load_world(DEFAULT_TOWN)
    settings = world.get_settings()
    settings.synchronous_mode = True
    settings.fixed_delta_seconds = DT_S
    world.apply_settings(settings)
    world.tick()
    return world


@pytest.fixture
def listen(world):
    """Listens to a sensor that sends every frame; returns the queue of its data, from the next frame on.

    A client subscribes in the background, so the first frames may pass unheard.
    """
    sensors = []

    def _listen(sensor):
        data = queue.Queue()
        sensor.listen(data.put)
        sensors.append(sensor)
        for _ in range(200):
            frame = world.tick()
            try:
                while data.get(timeout=0.1).frame < frame:
                    pass
                return data
            except queue.Empty:
                continue
        raise AssertionError(f"{sensor.type_id} never sent anything")

    yield _listen
    for sensor in sensors:
        sensor.stop()


@pytest.fixture
def spawn(world):
    """Spawns a blueprint, by default at the first spawn point, on the ground."""

    def _spawn(name, transform=None, parent=None, **attributes):
        blueprint = world.get_blueprint_library().find(name)
        for key, value in attributes.items():
            blueprint.set_attribute(key, str(value))
        if transform is None:
            transform = world.get_map().get_spawn_points()[0]
        actor = world.spawn_actor(blueprint, transform, attach_to=parent)
        world.tick()
        return actor

    return _spawn
