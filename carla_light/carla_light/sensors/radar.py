"""Radar: a regular fan of rays; every ray that meets a body is a detection."""

import math

import numpy as np

from carla_light.sensors.scene import visible_bodies
from carla_light.simulation.actors import Sensor
from carla_light.simulation.rays import cast, directions
from carla_light.simulation.world import World
from carla_light.wire.layouts import RADAR_DETECTION

_NO_GROUND = -math.inf  # a radar of CARLA drops what does not move on its own


def measure(world: World, sensor: Sensor, dt_s: float) -> list[bytes]:
    """Velocity (positive away from the sensor), azimuth, altitude and depth of each detection."""
    count = max(1, round(sensor.number("points_per_second") * dt_s))
    wide, high = math.radians(sensor.number("horizontal_fov")), math.radians(sensor.number("vertical_fov"))
    columns = max(1, round(math.sqrt(count * wide / high)))
    rows = max(1, count // columns)
    azimuth = np.tile((np.arange(columns) + 0.5) / columns - 0.5, rows) * wide
    altitude = np.repeat((np.arange(rows) + 0.5) / rows - 0.5, columns) * high
    range_m = sensor.number("range")
    bodies = visible_bodies(world, sensor, range_m)
    _, rays = directions(sensor, azimuth, altitude)
    distance, hit = cast((sensor.x, sensor.y, sensor.z), rays, [body.box() for body in bodies], _NO_GROUND)
    payload = bytearray()
    for index in np.flatnonzero((hit >= 0) & (distance <= range_m)):
        body, ray = bodies[hit[index]], rays[index]
        away = (body.vx - sensor.vx) * ray[0] + (body.vy - sensor.vy) * ray[1]
        payload += RADAR_DETECTION.pack(away, azimuth[index], altitude[index], distance[index])
    return [bytes(payload)]
