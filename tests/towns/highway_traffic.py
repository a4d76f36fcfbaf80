"""Drives Traffic Manager cars on craft_highway and prints what happened as JSON: `highway_traffic.py PORT CARS TICKS`.

A process of its own: the Traffic Manager's threads end with it.
"""

import json
import math
import os
import random
import socket
import sys

import carla


def free_port():
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def spawn(client, world, manager, cars):
    rng = random.Random(1)
    models = sorted(
        (b for b in world.get_blueprint_library().filter("vehicle.*") if b.get_attribute("base_type") == "car"),
        key=lambda blueprint: blueprint.id,
    )
    commands = [
        carla.command.SpawnActor(rng.choice(models), point).then(
            carla.command.SetAutopilot(carla.command.FutureActor, True, manager.get_port())
        )
        for point in rng.sample(world.get_map().get_spawn_points(), cars)
    ]
    ids = [response.actor_id for response in client.apply_batch_sync(commands, False) if not response.error]
    world.tick()
    for actor in world.get_actors(ids):
        manager.vehicle_percentage_speed_difference(actor, rng.uniform(-10.0, 30.0))
    return ids


def main():
    port, cars, ticks = map(int, sys.argv[1:4])
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(30.0)
    world = client.load_world("craft_highway")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    world.tick()
    town = world.get_map()
    manager = client.get_trafficmanager(free_port())
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(1)
    ids = spawn(client, world, manager, cars)
    standing, longest, outside, metres, lanes = dict.fromkeys(ids, 0), 0, 0, 0.0, {number: [] for number in ids}
    for tick in range(ticks):
        world.tick()
        snapshot = world.get_snapshot()
        for number in ids:
            actor = snapshot.find(number)
            speed = actor.get_velocity().length()
            metres += speed * 0.05
            standing[number] = standing[number] + 1 if speed < 0.1 else 0
            longest = max(longest, standing[number])
            if tick % 4 == 0:
                place = actor.get_transform().location
                waypoint = town.get_waypoint(place)
                middle = waypoint.transform.location
                outside += math.hypot(place.x - middle.x, place.y - middle.y) > 0.5 * waypoint.lane_width
                lane = [waypoint.road_id, waypoint.lane_id]
                if lanes[number][-1:] != [lane]:
                    lanes[number].append(lane)
    manager.shut_down()
    result = {"cars": len(ids), "metres": metres, "longest_stop_s": longest * 0.05, "outside": outside}
    print(json.dumps({**result, "lanes": list(lanes.values())}), flush=True)
    os._exit(0)  # the Traffic Manager's threads may outlive an ordinary exit


if __name__ == "__main__":
    main()
