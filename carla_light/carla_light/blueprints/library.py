"""All blueprints, by name."""

from carla_light.blueprints.definition import Blueprint
from carla_light.blueprints.props import PROPS
from carla_light.blueprints.sensors import SENSORS
from carla_light.blueprints.vehicles import VEHICLES
from carla_light.blueprints.walkers import WALKER_CONTROLLER, WALKERS
from carla_light.errors import RpcError

BLUEPRINTS = {b.name: b for b in (*VEHICLES, *WALKERS, WALKER_CONTROLLER, *PROPS, *SENSORS)}


def find(name: str) -> Blueprint:
    """The blueprint of this name.

    Raises:
        RpcError: There is none.
    """
    try:
        return BLUEPRINTS[name]
    except KeyError:
        raise RpcError(
            f"carla_light has no blueprint '{name}'; world.get_blueprint_library() lists those it has"
        ) from None
