"""The things in a world and their state. Locations in m, angles in degrees, CARLA's axes."""

import math

from carla_light.blueprints.definition import Blueprint
from carla_light.simulation.boxes import Box, make_box
from carla_light.simulation.geometry import Vector, to_world

Transform = tuple[Vector, Vector]  # (x, y, z), (pitch, yaw, roll), as it travels


class Actor:
    """Anything with an id and a place."""

    __slots__ = (
        "id",
        "type_id",
        "attributes",
        "parent",
        "tag",
        "stream",
        "box_centre",
        "half_extents",
        "x",
        "y",
        "z",
        "pitch",
        "yaw",
        "roll",
        "vx",
        "vy",
        "vz",
        "yaw_rate",
        "ax",
        "ay",
    )

    def __init__(self, actor_id: int, type_id: str, attributes: list, transform: Transform, parent: int = 0) -> None:
        """Puts an actor at a transform; `attributes` is [[id, type, value]], `parent` an actor id or 0."""
        self.id = actor_id
        self.type_id = type_id
        self.attributes = attributes
        self.parent = parent
        self.tag = 0
        self.stream = 0
        self.box_centre: Vector = (0.0, 0.0, 0.0)
        self.half_extents: Vector = (0.0, 0.0, 0.0)
        self.vx = self.vy = self.vz = self.yaw_rate = self.ax = self.ay = 0.0
        self.place(transform)

    def place(self, transform: Transform) -> None:
        """Moves the actor at once."""
        (self.x, self.y, self.z), (self.pitch, self.yaw, self.roll) = transform

    def transform(self) -> Transform:
        """Where the actor is."""
        return (self.x, self.y, self.z), (self.pitch, self.yaw, self.roll)


class Body(Actor):
    """An actor that occupies a box and can be hit."""

    __slots__ = ("blueprint", "solid", "physics", "ground_z", "mass_kg", "reach")

    def __init__(
        self, actor_id: int, blueprint: Blueprint, attributes: list, transform: Transform, parent: int
    ) -> None:
        """A body of a blueprint."""
        super().__init__(actor_id, blueprint.name, attributes, transform, parent)
        self.blueprint = blueprint
        self.tag = blueprint.tag
        self.half_extents = blueprint.half_extents
        self.box_centre = (blueprint.offset_x, 0.0, blueprint.half_extents[2])
        self.mass_kg = blueprint.mass_kg
        # No point of the box is farther from the origin in the plane [m].
        self.reach = math.hypot(*blueprint.half_extents[:2]) + abs(blueprint.offset_x)
        self.solid = True
        self.physics = True
        self.ground_z = self.z

    def box(self) -> Box:
        """The box in the world."""
        x, y = self.x, self.y
        if self.box_centre[0]:
            x, y = to_world(x, y, self.yaw, self.box_centre[0], 0.0)
        middle, half = self.z + self.box_centre[2], self.half_extents
        return make_box(x, y, self.yaw, half[0], half[1], middle - half[2], middle + half[2])


class Prop(Body):
    """A thing that stands still."""

    __slots__ = ()


class Fixture(Prop):
    """A part of the map that can be hit: a parked vehicle. No actor: its id is 0, as in CARLA's collision events."""

    __slots__ = ("name",)

    def __init__(self, blueprint: Blueprint, name: str, transform: Transform) -> None:
        """A fixture with the box of a blueprint."""
        super().__init__(0, blueprint, [], transform, 0)
        self.name = name
        self.physics = False


class Sensor(Actor):
    """A sensor. `mount` is its transform relative to the parent (in the world without one)."""

    __slots__ = ("mount", "options", "period_s", "due_s")

    def __init__(
        self, actor_id: int, blueprint: Blueprint, attributes: list, transform: Transform, parent: int
    ) -> None:
        """A sensor with its attributes as numbers where they are numbers."""
        super().__init__(actor_id, blueprint.name, attributes, transform, parent)
        self.mount = transform
        values = {attribute.name: attribute.value for attribute in blueprint.attributes}
        values.update((name, value) for name, _, value in attributes)
        self.options = values
        self.period_s = self.number("sensor_tick")
        self.due_s = 0.0

    def number(self, name: str) -> float:
        """A numeric attribute."""
        return float(self.options[name])


class Plain(Actor):
    """An actor without a body that only has to exist: the spectator, walker controllers."""

    __slots__ = ()


class Sign(Actor):
    """A stop or yield sign; its box is the trigger volume on the lanes that it governs."""

    __slots__ = ()
