"""RGB camera: a flat picture, sky above and road below. Nothing is rendered; it keeps image pipelines running."""

from functools import lru_cache

from carla_light.simulation.actors import Sensor
from carla_light.simulation.world import World
from carla_light.wire.layouts import IMAGE_HEADER

_SKY_BGRA = bytes((230, 200, 150, 255))
_ROAD_BGRA = bytes((90, 90, 90, 255))


@lru_cache(maxsize=8)
def _picture(width: int, height: int) -> bytes:
    sky = height // 2
    return _SKY_BGRA * (width * sky) + _ROAD_BGRA * (width * (height - sky))


def measure(world: World, sensor: Sensor, dt_s: float) -> list[bytes]:
    """Image header and BGRA bytes."""
    width, height = int(sensor.options["image_size_x"]), int(sensor.options["image_size_y"])
    return [IMAGE_HEADER.pack(width, height, sensor.number("fov")) + _picture(width, height)]
