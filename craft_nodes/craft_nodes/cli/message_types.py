"""Message types of ROS 2 as rosbags knows them, read off the installed Python classes."""

import importlib
import re

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

# What get_fields_and_field_types() says, where a .msg file says something else.
_PRIMITIVES = {"float": "float32", "double": "float64", "boolean": "bool", "octet": "byte"}
_SEQUENCE = re.compile(r"sequence<(.+?)(?:, (\d+))?>$")
_ARRAY = re.compile(r"(.+)\[(\d+)\]$")


class UnknownTypeError(ValueError):
    """A message type whose package is not installed. The message names it and says what would do."""


def message_class(name: str):
    """The installed class of a message type such as "craft_msgs/msg/Observation".

    Raises:
        UnknownTypeError: Its package is not installed.
    """
    package, kind, message = name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.{kind}"), message)
    except (ImportError, AttributeError) as error:
        raise UnknownTypeError(f"{name} is not installed; install its package, or use --topics") from error


def definition(name: str) -> str:
    """The fields of a message type in the form of a .msg file; without constants and comments."""
    fields = message_class(name).get_fields_and_field_types()
    return "".join(f"{_in_msg_file(kind)} {field}\n" for field, kind in fields.items())


def register(store: Typestore, name: str) -> None:
    """Make a message type, and those that it is made of, known to a store that may know them already.

    Raises:
        UnknownTypeError: A package is not installed.
    """
    if name in store.types:
        return
    for kind in message_class(name).get_fields_and_field_types().values():
        inner = _element(kind)
        if "/" in inner:
            package, message = inner.split("/")
            register(store, f"{package}/msg/{message}")
    store.register(get_types_from_msg(definition(name), name))


def jazzy() -> Typestore:
    """A store with the standard messages of ROS 2 Jazzy."""
    return get_typestore(Stores.ROS2_JAZZY)


def _element(kind: str) -> str:
    """The type of one element of a field: "craft_msgs/Event" of "sequence<craft_msgs/Event>"."""
    for pattern in (_SEQUENCE, _ARRAY):
        if found := pattern.match(kind):
            return found[1]
    return kind


def _in_msg_file(kind: str) -> str:
    if found := _SEQUENCE.match(kind):
        return f"{_in_msg_file(found[1])}[{'<=' + found[2] if found[2] else ''}]"
    if found := _ARRAY.match(kind):
        return f"{_in_msg_file(found[1])}[{found[2]}]"
    return _PRIMITIVES.get(kind, kind)
