"""Pedestrians, and the controller that the client's crowd attaches to them."""

from carla_light.blueprints.definition import AttributeType, Blueprint, fixed, settable

_COUNT = 51  # walker.pedestrian.0001 .. 0051
_CHILDREN = (9, 10, 11, 12, 13, 14, 48, 49)
_ADULT_HALF = (0.188, 0.188, 0.93)  # [m] (Scenic's snapshots)
_CHILD_HALF = (0.188, 0.188, 0.65)
_TAG_PEDESTRIAN = 12


def _walker(number: int) -> Blueprint:
    child = number in _CHILDREN
    return Blueprint(
        f"walker.pedestrian.{number:04d}",
        _CHILD_HALF if child else _ADULT_HALF,
        (
            fixed("age", AttributeType.STRING, "child" if child else "adult"),
            fixed("gender", AttributeType.STRING, "female" if number % 2 else "male"),
            fixed("generation", AttributeType.INT, "1"),
            fixed("can_use_wheelchair", AttributeType.BOOL, "false"),
            settable("is_invincible", AttributeType.BOOL, "true"),
            settable("speed", AttributeType.FLOAT, "1.4", "0.0", "1.4", "2.5"),
            settable("role_name", AttributeType.STRING, "pedestrian"),
        ),
        mass_kg=70.0,
        tag=_TAG_PEDESTRIAN,
    )


WALKERS = tuple(_walker(number) for number in range(1, _COUNT + 1))
WALKER_CONTROLLER = Blueprint(
    "controller.ai.walker", (0.0, 0.0, 0.0), (settable("role_name", AttributeType.STRING, "default"),)
)
