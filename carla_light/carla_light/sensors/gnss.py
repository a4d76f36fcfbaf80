"""GNSS: where the sensor is, by the map's geographic reference. No noise."""

import carla

from carla_light.simulation.actors import Sensor
from carla_light.simulation.world import World
from carla_light.wire.replies import pack


def measure(world: World, sensor: Sensor, dt_s: float) -> list[bytes]:
    """[latitude deg, longitude deg, altitude m]."""
    place = world.town.road_map.transform_to_geolocation(carla.Location(sensor.x, sensor.y, sensor.z))
    return [pack([place.latitude, place.longitude, place.altitude])]
