"""Same seed, same commands: the same state, tick for tick, on two servers and after spawning and destroying."""

import hashlib
import struct
import subprocess
import sys
from pathlib import Path

import carla

from carla_light import Server

TRAFFIC_RUN = Path(__file__).with_name("traffic_run.py")


def traffic(port, cars, ticks, cycles):
    result = subprocess.run(
        [sys.executable, TRAFFIC_RUN, *map(str, (port, cars, ticks, cycles))],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    digest, driven = result.stdout.split()
    return digest, float(driven)


def test_traffic_manager_runs_are_equal_on_two_servers():
    runs = []
    for _ in range(2):
        with Server() as server:
            runs.append(traffic(server.port, 10, 300, 2))
    assert runs[0] == runs[1]
    assert runs[0][1] > 2 * 10 * 15 * 2.0  # 10 cars for 15 s at more than 2 m/s on average: they do drive


def drive(world, car_id, points, ticks):
    """A scripted drive of two cars; the hash of all states."""
    library = world.get_blueprint_library()
    cars = [world.spawn_actor(library.find(name), point) for name, point in zip(car_id, points, strict=True)]
    world.reset_all_traffic_lights()
    state = hashlib.sha256()
    for tick in range(ticks):
        for number, car in enumerate(cars):
            car.apply_control(carla.VehicleControl(0.7, 0.3 * (-1) ** (tick // 10 + number), 0.4 * (tick % 40 > 30)))
        world.tick()
        snapshot = world.get_snapshot()
        lights = world.get_actors().filter("traffic.traffic_light")
        for actor in [*cars, *sorted(lights, key=lambda light: light.id)]:
            place = snapshot.find(actor.id).get_transform()
            state.update(struct.pack("<3f", place.location.x, place.location.y, place.rotation.yaw))
        state.update(bytes(int(light.state) for light in sorted(lights, key=lambda light: light.id)))
        state.update(struct.pack("<2f", *(car.get_speed_limit() for car in cars)))
    for car in cars:
        car.destroy()
    world.tick()
    return state.hexdigest()


def test_spawning_and_destroying_leaves_no_residue_in_an_episode(world):
    points = world.get_map().get_spawn_points()
    names = ("vehicle.lincoln.mkz_2020", "vehicle.tesla.model3")
    hashes = [drive(world, names, (points[0], points[40]), 80) for _ in range(3)]
    assert len(set(hashes)) == 1
    other = drive(world, names, (points[1], points[40]), 80)
    assert other != hashes[0]
