"""Which sensor measures how, and when it is due."""

from collections.abc import Iterator

from carla_light.sensors import camera, collision, gnss, imu, lidar, obstacle, radar
from carla_light.simulation.actors import Sensor
from carla_light.simulation.world import World
from carla_light.wire.layouts import SENSOR_HEADER, SENSOR_TYPE
from carla_light.wire.streams import StreamHub

_MEASURE = {
    "sensor.camera.rgb": camera.measure,
    "sensor.lidar.ray_cast": lidar.measure,
    "sensor.lidar.ray_cast_semantic": lidar.measure,
    "sensor.other.collision": collision.measure,
    "sensor.other.gnss": gnss.measure,
    "sensor.other.imu": imu.measure,
    "sensor.other.obstacle": obstacle.measure,
    "sensor.other.radar": radar.measure,
}
_EVENT_SENSORS = ("sensor.other.collision", "sensor.other.obstacle")  # never skipped by sensor_tick


def is_streaming(type_id: str) -> bool:
    """Whether the server sends this sensor's data; lane invasions are computed in the client."""
    return type_id in _MEASURE


def measurements(world: World, hub: StreamHub, dt_s: float) -> Iterator[tuple[int, bytes]]:
    """(stream, message) of every sensor that is due and listened to."""
    for sensor in world.sensors.values():
        if not hub.has_listener(sensor.stream) or not _due(world, sensor):
            continue
        for payload in _MEASURE[sensor.type_id](world, sensor, dt_s):
            yield sensor.stream, _header(world, sensor) + payload


def _due(world: World, sensor: Sensor) -> bool:
    if sensor.period_s <= 0.0 or sensor.type_id in _EVENT_SENSORS:
        return True
    if world.time_s < sensor.due_s - 1e-9:
        return False
    sensor.due_s = world.time_s + sensor.period_s
    return True


def _header(world: World, s: Sensor) -> bytes:
    return SENSOR_HEADER.pack(SENSOR_TYPE[s.type_id], world.frame, world.time_s, s.x, s.y, s.z, s.pitch, s.yaw, s.roll)
