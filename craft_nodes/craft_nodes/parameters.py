"""Declaration of node parameters: typed, described, bounded; unknown names are refused."""

import inspect
import re
from dataclasses import MISSING, fields

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

_ALWAYS_KNOWN = {"use_sim_time", "start_type_description_service"}


class ParameterError(ValueError):
    """A parameter that cannot be used; the message names the node, the parameter and the cure."""


def declare(node: Node, name: str, default, description: str, *, low=None, high=None, choices=()):
    """Declare one read-only parameter and return its value.

    Raises:
        ParameterError: The given value has another type, lies outside [low, high] or is not among the choices.
    """
    descriptor = ParameterDescriptor(name=name, description=description, read_only=True)
    if low is not None or high is not None:
        if isinstance(default, int):
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
        else:
            descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
    try:
        value = node.declare_parameter(name, default, descriptor).value
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        given = node._parameter_overrides[name].value  # rclpy offers no public way to see a refused override
        bounds = f" in [{low}, {high}]" if low is not None or high is not None else ""
        raise ParameterError(
            f"{node.get_fully_qualified_name()}: parameter {name!r} is {given!r}; "
            f"give a {type(default).__name__}{bounds} ({description})"
        ) from error
    if choices and value not in choices:
        raise ParameterError(
            f"{node.get_fully_qualified_name()}: parameter {name!r} is {value!r}; choose one of {', '.join(choices)}"
        )
    return value


def declare_dataclass(node: Node, kind: type, prefix: str, **fixed):
    """Declare every field of a configuration dataclass and return the instance.

    Args:
        node: The node.
        kind: Frozen dataclass whose docstring describes its fields under "Attributes:"; it checks ranges itself.
        prefix: Put before the names, such as "craft.".
        fixed: Fields that are given instead of declared.

    Raises:
        ParameterError: A value of a wrong type, or one that the dataclass refuses.
    """
    described = _descriptions(kind)
    values = dict(fixed)
    for f in fields(kind):
        if f.name not in values:
            default = f.default if f.default is not MISSING else f.default_factory()
            values[f.name] = declare(node, prefix + f.name, default, described[f.name])
    try:
        return kind(**values)
    except ValueError as error:
        raise ParameterError(f"{node.get_fully_qualified_name()}: {error}") from error


def _descriptions(kind: type) -> dict[str, str]:
    """Field -> its text in the docstring's "Attributes:" section; continuation lines are joined."""
    section = inspect.getdoc(kind).split("Attributes:\n", 1)[1]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def refuse_unknown(node: Node) -> None:
    """Call after all declarations.

    Raises:
        ParameterError: A parameter was given that the node does not have; lists the known ones.
    """
    known = {p for p in node._parameters} | _ALWAYS_KNOWN
    unknown = sorted(set(node._parameter_overrides) - known)
    if unknown:
        raise ParameterError(
            f"{node.get_fully_qualified_name()}: unknown parameter {', '.join(map(repr, unknown))}; "
            f"known are {', '.join(sorted(known - _ALWAYS_KNOWN))}"
        )
