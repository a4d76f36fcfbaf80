"""IMU: acceleration with gravity, turn rate and compass, in the sensor's frame. No noise."""

import math

from carla_light.simulation.actors import Sensor
from carla_light.simulation.geometry import to_local
from carla_light.simulation.world import World
from carla_light.wire.replies import pack

GRAVITY_MPS2 = 9.81


def measure(world: World, sensor: Sensor, dt_s: float) -> list[bytes]:
    """[accelerometer m/s2, gyroscope rad/s, compass rad]; the compass is 0 towards north (-y) and grows clockwise."""
    forward, right = to_local(sensor.yaw, sensor.ax, sensor.ay)
    compass = math.radians(sensor.yaw + 90.0) % (2.0 * math.pi)
    return [pack([[forward, right, GRAVITY_MPS2], [0.0, 0.0, math.radians(sensor.yaw_rate)], compass])]
