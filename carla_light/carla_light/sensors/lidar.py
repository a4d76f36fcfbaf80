"""Lidar, plain and semantic: rays against the boxes of all bodies and the ground."""

import numpy as np

from carla_light.sensors.scene import ground_below, visible_bodies
from carla_light.simulation.actors import Sensor
from carla_light.simulation.rays import cast, directions
from carla_light.simulation.world import World
from carla_light.wire.layouts import LIDAR_HEADER

_TAG_ROAD = 1
_SEMANTIC_POINT = np.dtype([("point", "<f4", 3), ("cos_angle", "<f4"), ("actor", "<u4"), ("tag", "<u4")])


def measure(world: World, sensor: Sensor, dt_s: float) -> list[bytes]:
    """Header, points per channel, then the points (x y z in the sensor's frame) channel by channel.

    One frame holds points_per_second x dt points, spread over the arc that the lidar turns in dt.
    """
    channels = int(sensor.options["channels"])
    columns = max(1, round(sensor.number("points_per_second") * dt_s / channels))
    range_m, field = sensor.number("range"), np.radians(sensor.number("horizontal_fov"))
    turn = min(2.0 * np.pi * sensor.number("rotation_frequency") * dt_s, field)
    start = (2.0 * np.pi * sensor.number("rotation_frequency") * (world.time_s - dt_s)) % field - field / 2.0
    azimuth = (start + np.arange(columns) * (turn / columns) + field / 2.0) % field - field / 2.0
    altitude = np.radians(np.linspace(sensor.number("upper_fov"), sensor.number("lower_fov"), channels))

    bodies = visible_bodies(world, sensor, range_m)
    local, rays = directions(sensor, np.tile(azimuth, channels), np.repeat(altitude, columns))
    origin = (sensor.x, sensor.y, sensor.z)
    distance, hit = cast(origin, rays, [body.box() for body in bodies], ground_below(world, sensor))
    seen = distance <= range_m
    counts = seen.reshape(channels, columns).sum(axis=1).astype("<u4")
    angle = float((start + turn) % (2.0 * np.pi))
    header = LIDAR_HEADER.pack(angle, channels) + counts.tobytes()
    points = (local[seen] * distance[seen, None]).astype("<f4")
    if sensor.type_id == "sensor.lidar.ray_cast":
        fade = np.exp(-sensor.number("atmosphere_attenuation_rate") * distance[seen])
        return [header + np.column_stack([points, fade]).astype("<f4").tobytes()]
    # Index -1 (ground) reads the last entry of these tables.
    actor_ids = np.array([body.id for body in bodies] + [0], np.uint32)
    tags = np.array([body.tag for body in bodies] + [_TAG_ROAD], np.uint32)
    record = np.zeros(len(points), _SEMANTIC_POINT)
    record["point"], record["cos_angle"] = points, -rays[seen, 2]
    record["actor"], record["tag"] = actor_ids[hit[seen]], tags[hit[seen]]
    return [header + record.tobytes()]
