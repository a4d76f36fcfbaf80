"""apply_batch: many commands in one call. A command is a variant [index, fields]."""

from collections.abc import Callable
from typing import Any

from carla_light.errors import RpcError
from carla_light.session import Session
from carla_light.simulation.walker import Walker
from carla_light.wire.replies import value, value_error

_SPAWN, _DESTROY, _WALKER_STATE = 0, 1, 7
# The single call that a command stands for.
_SINGLE = {
    2: "apply_control_to_vehicle",
    4: "apply_control_to_walker",
    5: "apply_physics_control",
    6: "set_actor_transform",
    8: "set_actor_target_velocity",
    9: "set_actor_target_angular_velocity",
    14: "set_actor_simulate_physics",
    15: "set_actor_enable_gravity",
    16: "set_actor_autopilot",
    18: "set_vehicle_light_state",
}
_UNSUPPORTED = {
    3: "ApplyVehicleAckermannControl",
    10: "ApplyImpulse",
    11: "ApplyForce",
    12: "ApplyAngularImpulse",
    13: "ApplyTorque",
    17: "ShowDebugTelemetry",
}


class BatchService:
    """Runs batches; the connection does the tick that a batch may ask for."""

    def __init__(self, session: Session, single: Callable[..., Any]) -> None:
        """`single(method, *args)` runs a single call."""
        self._session = session
        self._single = single

    def apply_batch(self, commands: list, do_tick: bool) -> list:
        """One Response<actor id> for each command."""
        responses = []
        for command in commands:
            index, fields = command[0]
            try:
                responses.append(value(self._run(index, fields, 0)))
            except RpcError as error:
                responses.append(value_error(str(error)))
            except (TypeError, ValueError, IndexError, KeyError) as error:
                responses.append(value_error(f"carla_light cannot run batch command {index} on {fields!r}: {error!r}"))
        return responses

    def _run(self, index: int, fields: list, spawned: int) -> int:
        """Runs a command; actor id 0 in a follow-up means the actor just spawned."""
        if index == _SPAWN:
            return self._spawn(fields, spawned)
        actor_id, *arguments = fields
        actor_id = actor_id or spawned
        if index == _DESTROY:
            self._single("destroy_actor", actor_id)
        elif index == _WALKER_STATE:
            (location, rotation), speed = arguments
            self._session.actor(actor_id, Walker).guide((tuple(location), tuple(rotation)), speed)
        elif index in _SINGLE:
            self._single(_SINGLE[index], actor_id, *arguments)
        else:
            name = _UNSUPPORTED.get(index, f"number {index}")
            raise RpcError(f"carla_light does not support the batch command {name}")
        return actor_id

    def _spawn(self, fields: list, spawned: int) -> int:
        description, transform, parent, attachment, socket, follow_ups = fields
        parent_id = (parent[1] or spawned) if parent[0] else 0
        record = self._single("spawn_actor_with_parent", description, transform, parent_id, attachment, socket)
        for follow_up in follow_ups:
            index, after = follow_up[0]
            self._run(index, after, record[0])
        return record[0]
