"""Drives Traffic Manager cars on a server and prints a hash of every state: `traffic_run.py PORT CARS TICKS CYCLES`.

A process of its own: the Traffic Manager's threads end with it.
"""

import hashlib
import os
import random
import socket
import struct
import sys

import carla


def free_port():
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def cycle(client, world, manager, cars, ticks, state):
    """Spawns cars, lets them drive, hashes what the snapshots say, destroys them."""
    rng = random.Random(7)
    models = sorted(
        (b for b in world.get_blueprint_library().filter("vehicle.*") if b.get_attribute("base_type") == "car"),
        key=lambda blueprint: blueprint.id,
    )
    spawn = [
        carla.command.SpawnActor(rng.choice(models), point).then(
            carla.command.SetAutopilot(carla.command.FutureActor, True, manager.get_port())
        )
        for point in rng.sample(world.get_map().get_spawn_points(), cars)
    ]
    ids = [response.actor_id for response in client.apply_batch_sync(spawn, False) if not response.error]
    driven = 0.0
    for _ in range(ticks):
        world.tick()
        snapshot = world.get_snapshot()
        for number in ids:
            actor = snapshot.find(number)
            place, velocity = actor.get_transform(), actor.get_velocity()
            driven += velocity.length() * 0.05
            values = (place.location.x, place.location.y, place.rotation.yaw, velocity.x, velocity.y)
            state.update(struct.pack("<5f", *values))
    client.apply_batch_sync([carla.command.DestroyActor(number) for number in ids], False)
    world.tick()
    return driven


def main():
    port, cars, ticks, cycles = map(int, sys.argv[1:5])
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(30.0)
    state, driven = hashlib.sha256(), 0.0
    for _ in range(cycles):
        world = client.load_world("craft_town")
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        world.apply_settings(settings)
        world.tick()
        manager = client.get_trafficmanager(free_port())
        manager.set_synchronous_mode(True)
        manager.set_random_device_seed(3)
        driven += cycle(client, world, manager, cars, ticks, state)
        manager.shut_down()
    print(state.hexdigest(), f"{driven:.0f}", flush=True)
    os._exit(0)  # the Traffic Manager's threads may outlive an ordinary exit


if __name__ == "__main__":
    main()
