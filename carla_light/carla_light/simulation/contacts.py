"""Contacts between bodies: which boxes overlap, and the speed that is lost."""

import math
from typing import NamedTuple

from carla_light.simulation.actors import Body, Prop
from carla_light.simulation.boxes import overlap_normal
from carla_light.simulation.geometry import Vector
from carla_light.simulation.vehicle import Vehicle

_IMMOVABLE = 1e-9  # [1/kg]


class Contact(NamedTuple):
    """Two bodies whose boxes overlap; `impulse` is what `second` gives to `first` [N s]."""

    first: Body
    second: Body
    impulse: Vector


def find_contacts(bodies: list[Body]) -> list[Contact]:
    """All overlapping pairs with a moving kind among them, in a fixed order; vehicles lose speed in the impact.

    Sweeps along x: only bodies whose reach overlaps there are compared.
    """
    order = sorted(bodies, key=lambda body: (body.x - body.reach, body.id))
    contacts: list[Contact] = []
    active: list[Body] = []
    for body in order:
        left = body.x - body.reach
        active = [other for other in active if other.x + other.reach >= left]
        for other in active:
            dx, dy, reach = body.x - other.x, body.y - other.y, body.reach + other.reach
            if dx * dx + dy * dy > reach * reach or (isinstance(body, Prop) and isinstance(other, Prop)):
                continue
            first, second = (other, body) if other.id < body.id else (body, other)
            normal = overlap_normal(first.box(), second.box())
            if normal is not None:
                contacts.append(Contact(first, second, _collide(first, second, normal)))
        active.append(body)
    contacts.sort(key=lambda contact: (contact.first.id, contact.second.id))
    return contacts


def _collide(first: Body, second: Body, normal: tuple[float, float]) -> Vector:
    """An inelastic impact along the normal: both leave with the common speed; bodies that recede are left alone."""
    nx, ny = normal
    closing = (first.vx - second.vx) * nx + (first.vy - second.vy) * ny
    if closing <= 0.0:
        return 0.0, 0.0, 0.0
    impulse = closing / (_per_mass(first) + _per_mass(second))
    _push(first, -impulse / first.mass_kg, nx, ny)
    _push(second, impulse / second.mass_kg, nx, ny)
    return -impulse * nx, -impulse * ny, 0.0


def _per_mass(body: Body) -> float:
    """1 / mass; nothing moves a body whose physics are off."""
    return 1.0 / body.mass_kg if body.physics else _IMMOVABLE


def _push(body: Body, change: float, nx: float, ny: float) -> None:
    """Changes a vehicle's speed by the part of the change along the normal that its wheels allow."""
    if isinstance(body, Vehicle) and body.physics and body.constant_velocity is None:
        yaw = math.radians(body.yaw)
        body.set_speed(body.speed + change * (math.cos(yaw) * nx + math.sin(yaw) * ny))
