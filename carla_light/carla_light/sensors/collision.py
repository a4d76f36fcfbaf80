"""Collision sensor: one event in every tick of contact, with each other actor."""

from carla_light.sensors.scene import actor_record
from carla_light.simulation.actors import Sensor
from carla_light.simulation.world import World
from carla_light.wire.replies import pack


def measure(world: World, sensor: Sensor, dt_s: float) -> list[bytes]:
    """[actor, other actor, impulse on the actor in N s] for each contact of the parent."""
    events = []
    for first, second, impulse in world.contacts:
        if sensor.parent == first.id:
            own, other, sign = first, second, 1.0
        elif sensor.parent == second.id:
            own, other, sign = second, first, -1.0
        else:
            continue
        events.append(pack([actor_record(own), actor_record(other), [sign * part for part in impulse]]))
    return events
