"""Obstacle sensor: the nearest body straight ahead."""

import numpy as np

from carla_light.sensors.scene import actor_record, visible_bodies
from carla_light.simulation.actors import Prop, Sensor
from carla_light.simulation.boxes import Box
from carla_light.simulation.rays import cast, directions
from carla_light.simulation.world import World
from carla_light.wire.replies import pack

_STRAIGHT = np.zeros(1)


def measure(world: World, sensor: Sensor, dt_s: float) -> list[bytes]:
    """[actor, other actor, distance m] while something is ahead within `distance`."""
    range_m, radius = sensor.number("distance"), sensor.number("hit_radius")
    bodies = visible_bodies(world, sensor, range_m)
    if sensor.options["only_dynamics"].lower() == "true":
        bodies = [body for body in bodies if not isinstance(body, Prop)]
    own = world.actors.get(sensor.parent)
    if not bodies or own is None:
        return []
    _, rays = directions(sensor, _STRAIGHT, _STRAIGHT)
    # CARLA sweeps a ball of this radius; growing the boxes by it is the same but for the corners.
    boxes = [_grown(body.box(), radius) for body in bodies]
    distance, hit = cast((sensor.x, sensor.y, sensor.z), rays, boxes, -np.inf)
    if hit[0] < 0 or distance[0] > range_m:
        return []
    return [pack([actor_record(own), actor_record(bodies[hit[0]]), float(distance[0])])]


def _grown(box: Box, by: float) -> Box:
    return box._replace(half_x=box.half_x + by, half_y=box.half_y + by, bottom=box.bottom - by, top=box.top + by)
