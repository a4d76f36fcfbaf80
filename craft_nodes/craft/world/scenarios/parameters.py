"""Parameters of scenarios: given by the route or drawn from the episode's seed, and checked either way."""

import dataclasses

from craft.world.episode import PlacementError, Stage


def parameter(sampled: tuple[float, float], allowed: tuple[float, float], unit: str) -> dataclasses.Field:
    """A dataclass field that `draw` fills.

    Args:
        sampled: Range of the uniform draw when the route gives no value.
        allowed: Closed range of values that the scenario can be staged with.
        unit: For messages.
    """
    return dataclasses.field(metadata={"sampled": sampled, "allowed": allowed, "unit": unit})


def draw(kind: type, stage: Stage):
    """An instance of the dataclass `kind`; all of its fields are `parameter`s.

    Every field takes its draw even where the route gives the value, so that giving one does not change the others.

    Raises:
        PlacementError: The route gives an unknown parameter or a value out of range.
    """
    fields = dataclasses.fields(kind)
    unknown = sorted(set(stage.params) - {field.name for field in fields})
    if unknown:
        known = ", ".join(field.name for field in fields) or "none"
        raise PlacementError(f"{stage.where}: unknown parameter {unknown[0]!r}; known are {known}")
    values = {}
    for field in fields:
        drawn = float(stage.generator.uniform(*field.metadata["sampled"]))
        value = float(stage.params.get(field.name, drawn))
        low, high = field.metadata["allowed"]
        if not low <= value <= high:
            raise PlacementError(
                f"{stage.where}: {field.name} = {value:g} {field.metadata['unit']} is out of range; "
                f"give {low:g} to {high:g}"
            )
        values[field.name] = value
    return kind(**values)
