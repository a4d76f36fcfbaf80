"""The trigger volumes of a town's traffic lights, from which the stop lines follow."""

import math

import carla

from craft.scene.light_box import LightBox
from craft.world.carla_frames import ros_pose


def read_light_boxes(world: carla.World) -> list[LightBox]:
    """Trigger volumes of all traffic lights, by id."""
    lights = world.get_actors().filter("traffic.traffic_light*")
    return [_light_box(light) for light in sorted(lights, key=lambda light: light.id)]


def _light_box(light: carla.TrafficLight) -> LightBox:
    volume = light.trigger_volume
    transform = light.get_transform()
    x, y, yaw = ros_pose(carla.Transform(transform.transform(volume.location), transform.rotation))
    return LightBox(light.id, x, y, yaw - math.radians(volume.rotation.yaw), volume.extent.x, volume.extent.y)
