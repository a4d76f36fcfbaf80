"""One episode: a town and the actors in it."""

from carla_light.blueprints.definition import Blueprint
from carla_light.errors import RpcError
from carla_light.opendrive.approaches import Approach
from carla_light.opendrive.town import Town
from carla_light.simulation.actors import Actor, Body, Plain, Prop, Sensor, Sign, Transform
from carla_light.simulation.boxes import overlap_normal
from carla_light.simulation.contacts import Contact, find_contacts
from carla_light.simulation.fixtures import Fixtures
from carla_light.simulation.geometry import to_world, wrap_degrees
from carla_light.simulation.lanes import LaneWatch
from carla_light.simulation.snapshot import pack_snapshot
from carla_light.simulation.traffic_lights import LightGroup, TrafficLight
from carla_light.simulation.vehicle import Vehicle
from carla_light.simulation.walker import Walker

# A trigger volume reaches from the line this far back [m] (half of it), and 1 m up; as the boxes of CARLA's towns do.
TRIGGER_HALF_LENGTH_M = 1.5
TRIGGER_HALF_HEIGHT_M = 1.0
_TAG_SIGN = 8
_SPECTATOR_AT: Transform = ((0.0, 0.0, 50.0), (-89.0, 0.0, 0.0))


class World:
    """Everything that exists in an episode, and time."""

    def __init__(self, town: Town, episode: int, frame: int = 1) -> None:
        """A fresh episode; `frame` goes on from the last one because clients wait for higher frames."""
        self.town = town
        self.episode = episode
        self.frame = frame
        self.time_s = 0.0
        self.dt_s = 0.0
        self.actors: dict[int, Actor] = {}
        self.vehicles: dict[int, Vehicle] = {}
        self.walkers: dict[int, Walker] = {}
        self.props: dict[int, Prop] = {}
        self.sensors: dict[int, Sensor] = {}
        self.fixtures = Fixtures(town.parked)
        self.contacts: list[Contact] = []
        self._last_id = 0
        self.spectator = self._keep(Plain(self._new_id(), "spectator", [], _SPECTATOR_AT))
        self.lights = {approach.signal: self._add_light(approach) for approach in town.lights}
        for kind, approaches in (("traffic.stop", town.stops), ("traffic.yield", town.yields)):
            for approach in approaches:
                self._add_sign(kind, approach)
        self.light_groups = self._group_lights()
        self.lanes = LaneWatch(town, self.lights)

    @property
    def bodies(self) -> list[Body]:
        """All actors with a body."""
        return [*self.vehicles.values(), *self.walkers.values(), *self.props.values()]

    # -- actors of the town ------------------------------------------------------------------------------------------
    def _add_light(self, approach: Approach) -> TrafficLight:
        light = TrafficLight(self._new_id(), approach.signal, _trigger_transform(approach))
        _set_trigger_box(light, approach)
        return self._keep(light)

    def _add_sign(self, kind: str, approach: Approach) -> None:
        sign = Sign(self._new_id(), kind, [], _trigger_transform(approach))
        sign.tag = _TAG_SIGN
        _set_trigger_box(sign, approach)
        self._keep(sign)

    def _group_lights(self) -> list[LightGroup]:
        """Lights by junction, then by controller; a light without a controller is a phase of its own."""
        junctions: dict[str, dict[tuple, list[TrafficLight]]] = {}
        for approach in self.town.lights:
            phase = self.town.phases.get(approach.signal)
            junction = phase.junction if phase else approach.junction or "signal " + approach.signal
            rank = phase.rank if phase else (len(self.town.phases), approach.signal)
            junctions.setdefault(junction, {}).setdefault(rank, []).append(self.lights[approach.signal])
        return [LightGroup([phases[rank] for rank in sorted(phases)]) for phases in junctions.values()]

    # -- spawning ----------------------------------------------------------------------------------------------------
    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _keep(self, actor: Actor) -> Actor:
        self.actors[actor.id] = actor
        return actor

    def spawn(self, blueprint: Blueprint, attributes: list, transform: Transform, parent: int = 0) -> Actor:
        """Puts a new actor into the world.

        Raises:
            RpcError: The place is taken, or the parent does not exist.
        """
        if parent and parent not in self.actors:
            raise RpcError(f"cannot attach {blueprint.name}: there is no actor {parent}")
        kind = blueprint.name.split(".", 1)[0]
        if kind == "vehicle":
            return self._spawn_body(Vehicle, self.vehicles, blueprint, attributes, transform, parent)
        if kind == "walker":
            return self._spawn_body(Walker, self.walkers, blueprint, attributes, transform, parent)
        if kind == "static":
            return self._spawn_body(Prop, self.props, blueprint, attributes, transform, parent)
        if kind == "sensor":
            sensor = Sensor(self._new_id(), blueprint, attributes, transform, parent)
            self.sensors[sensor.id] = sensor
            self.mount(sensor)
            return self._keep(sensor)
        return self._keep(Plain(self._new_id(), blueprint.name, attributes, transform, parent))

    def _spawn_body(
        self, kind: type, shelf: dict, blueprint: Blueprint, attributes: list, transform: Transform, parent: int
    ) -> Body:
        body = kind(self._last_id + 1, blueprint, attributes, transform, parent)
        if kind is not Prop:
            self._check_free(body)
        self._last_id = body.id
        shelf[body.id] = body
        self.settle(body)
        return self._keep(body)

    def _check_free(self, body: Body) -> None:
        box = body.box()
        for other in (*self.bodies, *self.fixtures.near([body])):
            if other.solid and overlap_normal(box, other.box()) is not None:
                raise RpcError("Spawn failed because of collision at spawn position")

    def destroy(self, actor: Actor) -> None:
        """Takes an actor out of the world."""
        for shelf in (self.actors, self.vehicles, self.walkers, self.props, self.sensors):
            shelf.pop(actor.id, None)

    def settle(self, actor: Actor) -> None:
        """Finds ground, lane, limit and light where an actor was put."""
        if isinstance(actor, Vehicle):
            self.lanes.place(actor)
        elif isinstance(actor, Walker):
            actor.ground_z = self.lanes.ground_z(actor.x, actor.y, actor.z)
        elif isinstance(actor, Sensor):
            actor.mount = actor.transform()

    # -- time --------------------------------------------------------------------------------------------------------
    def step(self, dt_s: float) -> None:
        """Advances the world by one frame."""
        self.frame += 1
        self.time_s += dt_s
        self.dt_s = dt_s
        for group in self.light_groups:
            group.step(dt_s)
        for vehicle in self.vehicles.values():
            vehicle.step(dt_s)
        for walker in self.walkers.values():
            walker.step(dt_s)
        bodies = [body for body in self.bodies if body.solid]
        self.contacts = find_contacts(bodies + self.fixtures.near(bodies))
        for vehicle in self.vehicles.values():
            vehicle.close_step(dt_s)
            self.lanes.update(vehicle)
        for sensor in self.sensors.values():
            self.mount(sensor)

    def mount(self, sensor: Sensor) -> None:
        """Moves a sensor with its parent."""
        parent = self.actors.get(sensor.parent)
        if parent is None:
            return
        (forward, right, up), (pitch, yaw, roll) = sensor.mount
        sensor.x, sensor.y = to_world(parent.x, parent.y, parent.yaw, forward, right)
        sensor.z = parent.z + up
        sensor.pitch, sensor.yaw, sensor.roll = parent.pitch + pitch, wrap_degrees(parent.yaw + yaw), parent.roll + roll
        sensor.vx, sensor.vy, sensor.yaw_rate = parent.vx, parent.vy, parent.yaw_rate
        sensor.ax, sensor.ay = parent.ax, parent.ay

    def snapshot(self) -> bytes:
        """The payload of the world stream."""
        return pack_snapshot(self.episode, self.frame, self.time_s, self.dt_s, self.actors.values())


def _trigger_transform(approach: Approach) -> Transform:
    """The line's middle, turned so that the box's x axis lies across the lanes, as in CARLA's towns."""
    return (approach.x, approach.y, approach.z), (0.0, wrap_degrees(approach.yaw + 90.0), 0.0)


def _set_trigger_box(actor: Actor, approach: Approach) -> None:
    # With the actor turned right by 90 degrees, its +y axis points back along the approach.
    actor.box_centre = (0.0, TRIGGER_HALF_LENGTH_M, TRIGGER_HALF_HEIGHT_M)
    actor.half_extents = (approach.half_width, TRIGGER_HALF_LENGTH_M, TRIGGER_HALF_HEIGHT_M)
