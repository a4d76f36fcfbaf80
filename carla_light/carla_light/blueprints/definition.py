"""A blueprint and its attributes, as `get_actor_definitions` lists them."""

from dataclasses import dataclass
from enum import IntEnum


class AttributeType(IntEnum):
    """carla::rpc::ActorAttributeType."""

    BOOL = 1
    INT = 2
    FLOAT = 3
    STRING = 4
    RGB = 5


@dataclass(frozen=True)
class Attribute:
    """One attribute; `choices` are the recommended values."""

    name: str
    type: AttributeType
    value: str
    choices: tuple[str, ...] = ()
    modifiable: bool = True

    def rpc(self) -> list:
        """[id, type, value, recommended values, is modifiable, restrict to recommended]."""
        return [self.name, int(self.type), self.value, list(self.choices), self.modifiable, False]


@dataclass(frozen=True)
class Blueprint:
    """Something that can be spawned.

    Attributes:
        name: CARLA's type id.
        half_extents: Half length, width and height of its box [m]; zeros for things without a body.
        attributes: What a client can read and set.
        offset_x: From the actor's origin to the box centre, forward [m].
        mass_kg: What it weighs in a collision.
        tag: CARLA's semantic tag.
    """

    name: str
    half_extents: tuple[float, float, float]
    attributes: tuple[Attribute, ...]
    offset_x: float = 0.0
    mass_kg: float = 1.0
    tag: int = 0

    def rpc(self, uid: int) -> list:
        """[uid, id, tags, attributes]."""
        return [uid, self.name, ",".join(self.name.split(".")), [a.rpc() for a in self.attributes]]


def fixed(name: str, kind: AttributeType, value: str) -> Attribute:
    """An attribute that a client can only read."""
    return Attribute(name, kind, value, modifiable=False)


def settable(name: str, kind: AttributeType, value: str, *choices: str) -> Attribute:
    """An attribute that a client can set."""
    return Attribute(name, kind, value, choices or (value,))
