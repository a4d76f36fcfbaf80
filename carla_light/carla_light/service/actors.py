"""Calls about any actor: spawning, destroying, placing."""

from carla_light.blueprints.library import find
from carla_light.errors import RpcError
from carla_light.sensors.emission import is_streaming
from carla_light.sensors.scene import actor_record, box_record
from carla_light.session import Session
from carla_light.simulation.actors import Actor, Body, Sensor
from carla_light.simulation.vehicle import Vehicle
from carla_light.simulation.walker import Walker


def _tuples(transform: list) -> tuple:
    location, rotation = transform
    return tuple(location), tuple(rotation)


class ActorService:
    """Spawn, destroy, move."""

    def __init__(self, session: Session) -> None:
        """Serves a session."""
        self._session = session

    def _record(self, actor: Actor) -> list:
        return actor_record(actor, self._session.hub.token(actor.stream))

    def get_actors_by_id(self, ids: list[int]) -> list:
        """Records of those that exist."""
        actors = self._session.world.actors
        return [self._record(actors[i]) for i in ids if i in actors]

    def spawn_actor(self, description: list, transform: list) -> list:
        """Spawns [uid, blueprint, attributes] at a transform."""
        return self.spawn_actor_with_parent(description, transform, 0, 0)

    def spawn_actor_with_parent(
        self, description: list, transform: list, parent: int, attachment: int, socket: str = ""
    ) -> list:
        """Spawns an actor that moves with another (rigidly, whatever the attachment)."""
        _, name, attributes = description
        actor = self._session.world.spawn(find(name), [list(a[:3]) for a in attributes], _tuples(transform), parent)
        if isinstance(actor, Sensor) and is_streaming(name):
            actor.stream = self._session.hub.open()
        return self._record(actor)

    def destroy_actor(self, actor_id: int) -> bool:
        """Destroys an actor."""
        self._session.destroy(self._session.actor(actor_id))
        return True

    def get_actor_bounding_box(self, actor_id: int) -> list:
        """The box in the actor's frame."""
        return box_record(self._session.actor(actor_id))

    def set_actor_location(self, actor_id: int, location: list[float]) -> None:
        """Moves an actor, keeping its rotation."""
        actor = self._session.actor(actor_id)
        actor.place((tuple(location), (actor.pitch, actor.yaw, actor.roll)))
        self._session.world.settle(actor)

    def set_actor_transform(self, actor_id: int, transform: list) -> None:
        """Moves and turns an actor; its speed stays."""
        actor = self._session.actor(actor_id)
        actor.place(_tuples(transform))
        self._session.world.settle(actor)

    def set_actor_target_velocity(self, actor_id: int, velocity: list[float]) -> None:
        """Sets the velocity of a vehicle or walker."""
        actor = self._session.actor(actor_id, Body)
        if not isinstance(actor, Vehicle | Walker):
            raise RpcError(f"carla_light cannot give actor {actor_id} ({actor.type_id}) a velocity: props stand still")
        actor.set_velocity(tuple(velocity))

    def set_actor_target_angular_velocity(self, actor_id: int, velocity: list[float]) -> None:
        """Accepts zero, which callers send after a teleport; vehicles turn by steering alone."""
        self._session.actor(actor_id)
        if any(velocity):
            raise RpcError("carla_light does not support 'set_actor_target_angular_velocity' other than zero")

    def set_actor_simulate_physics(self, actor_id: int, enabled: bool) -> None:
        """Off: a body stays where it is put."""
        actor = self._session.actor(actor_id)
        if isinstance(actor, Body):
            actor.physics = enabled

    def set_actor_collisions(self, actor_id: int, enabled: bool) -> None:
        """Off: nothing touches the body."""
        self._session.actor(actor_id, Body).solid = enabled

    def set_actor_enable_gravity(self, actor_id: int, enabled: bool) -> None:
        """Accepts what is always so; bodies cannot leave the ground here."""
        self._session.actor(actor_id)
        if not enabled:
            raise RpcError("carla_light does not support 'set_actor_enable_gravity' with false")
