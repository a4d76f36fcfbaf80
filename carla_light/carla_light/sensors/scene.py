"""What sensors see of other actors."""

from carla_light.simulation.actors import Actor, Body, Sensor
from carla_light.simulation.world import World


def actor_record(actor: Actor, token: bytes = b"") -> list:
    """carla::rpc::Actor: [id, parent, [uid, type, attributes], box, semantic tags, stream token]."""
    return [
        actor.id,
        actor.parent,
        [actor.id, actor.type_id, actor.attributes],
        box_record(actor),
        bytes([actor.tag]) if actor.tag else b"",
        token,
    ]


def box_record(actor: Actor) -> list:
    """carla::geom::BoundingBox: [centre in the actor's frame, half extents, rotation, actor id]."""
    return [list(actor.box_centre), list(actor.half_extents), [0.0, 0.0, 0.0], actor.id]


def visible_bodies(world: World, sensor: Sensor, range_m: float) -> list[Body]:
    """The bodies within range that a sensor can see: all but its own vehicle."""
    bodies: list[Body] = []
    for body in (*world.bodies, *world.fixtures.shown):
        reach = range_m + body.reach
        if body.id != sensor.parent and (body.x - sensor.x) ** 2 + (body.y - sensor.y) ** 2 <= reach * reach:
            bodies.append(body)
    return bodies


def ground_below(world: World, sensor: Sensor) -> float:
    """Height of the ground around a sensor [m]."""
    parent = world.actors.get(sensor.parent)
    return parent.ground_z if isinstance(parent, Body) else 0.0
