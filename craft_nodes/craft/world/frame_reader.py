"""One CARLA snapshot becomes one WorldFrame: a single conversion, without a call to the server."""

import math
from dataclasses import dataclass

import carla
import numpy as np

from craft.perception.inputs import Collision, Odometry, TrackedObjects, VehicleStatus, WorldFrame
from craft.scene.observation import PARKED_FROM_ID, AgentKind, LightState
from craft.world.collisions import LAYOUT_ID, NEAR_M, CollisionLog, box_gap
from craft.world.parked_vehicles import ParkedVehicles

LIGHT_STATES = {
    carla.TrafficLightState.Red: LightState.RED,
    carla.TrafficLightState.Yellow: LightState.YELLOW,
    carla.TrafficLightState.Green: LightState.GREEN,
    carla.TrafficLightState.Off: LightState.OFF,
    carla.TrafficLightState.Unknown: LightState.UNKNOWN,
}


@dataclass(frozen=True)
class Body:
    """What never changes about a vehicle or walker."""

    kind: AgentKind
    offset_x: float  # box centre in the actor's frame, x forward [m]
    offset_y: float  # y left [m]
    half_length: float  # [m]
    half_width: float  # [m]


@dataclass(frozen=True)
class Motion:
    """Pose of the box centre and motion of one body; map frame."""

    x: float  # [m]
    y: float  # [m]
    yaw: float  # [rad], in [-pi, pi)
    vx: float  # [m/s]
    vy: float  # [m/s]
    yaw_rate: float  # [rad/s]
    ax: float  # [m/s2]
    ay: float  # [m/s2]


class FrameReader:
    """Reads the frames of one episode.

    Args:
        world: The CARLA world.
        ego: The ego vehicle.
        collisions: Log of the ego's collision sensor.
        parked: The town's parked vehicles; those near the ego are among the objects, after all others.
    """

    def __init__(self, world: carla.World, ego: carla.Vehicle, collisions: CollisionLog, parked: ParkedVehicles):
        self._world = world
        self._parked = parked
        self._ego_id = ego.id
        self._collisions = collisions
        self._bodies: dict[int, Body | None] = {}
        self._lights = sorted(world.get_actors().filter("traffic.traffic_light*"), key=lambda light: light.id)

    def read(self, stamp_s: float, throttle: float, steer: float, brake: float) -> WorldFrame:
        """The frame of the server's latest tick.

        Args:
            stamp_s: Simulation time of that tick [s].
            throttle, steer, brake: The control that was in force during it.
        """
        snapshot = self._world.get_snapshot()
        actors = {actor.id: actor for actor in snapshot}
        unknown = actors.keys() - self._bodies.keys()
        if unknown:
            self._identify(sorted(unknown))
        ids = sorted(i for i in actors if self._bodies[i] is not None and i != self._ego_id)
        ego = _motion(actors[self._ego_id], self._bodies[self._ego_id])
        cos, sin = math.cos(ego.yaw), math.sin(ego.yaw)
        odometry = Odometry(
            stamp_s=stamp_s,
            x=ego.x,
            y=ego.y,
            yaw=ego.yaw,
            vx=cos * ego.vx + sin * ego.vy,
            vy=cos * ego.vy - sin * ego.vx,
            yaw_rate=ego.yaw_rate,
        )
        status = VehicleStatus(stamp_s, cos * ego.ax + sin * ego.ay, throttle, steer, brake)
        others = [_motion(actors[i], self._bodies[i]) for i in ids]
        objects = self._tracked(stamp_s, ids, others, self._parked.near(ego.x, ego.y))
        return WorldFrame(
            stamp_s=stamp_s,
            odometry=odometry,
            status=status,
            objects=objects,
            lights={light.id: int(LIGHT_STATES[light.state]) for light in self._lights},
            collisions=self._contacts(snapshot.frame, stamp_s, ego, objects),
        )

    def _identify(self, ids: list[int]) -> None:
        """Ask the server once about actors not seen before."""
        found = {actor.id: _body(actor) for actor in self._world.get_actors(ids)}
        self._bodies.update((i, found.get(i)) for i in ids)

    def _tracked(self, stamp_s: float, ids: list[int], others: list[Motion], parked: np.ndarray) -> TrackedObjects:
        bodies, count = [self._bodies[i] for i in ids], len(ids)
        actors_and_parked = count + len(parked)
        velocities = np.zeros((actors_and_parked, 2))
        yaw_rates = np.zeros(actors_and_parked)
        accelerations = np.zeros((actors_and_parked, 2))
        velocities[:count] = np.array([(m.vx, m.vy) for m in others]).reshape(-1, 2)
        yaw_rates[:count] = [m.yaw_rate for m in others]
        accelerations[:count] = np.array([(m.ax, m.ay) for m in others]).reshape(-1, 2)
        poses = np.array([(m.x, m.y, m.yaw) for m in others]).reshape(-1, 3)
        half_sizes = np.array([(b.half_length, b.half_width) for b in bodies]).reshape(-1, 2)
        return TrackedObjects(
            stamp_s=stamp_s,
            ids=np.concatenate([np.array(ids, np.int64), self._parked.ids[parked]]),
            kinds=np.concatenate([np.array([body.kind for body in bodies], np.uint8), self._parked.kinds[parked]]),
            poses=np.concatenate([poses, self._parked.poses[parked]]),
            velocities=velocities,
            yaw_rates=yaw_rates,
            accelerations=accelerations,
            half_sizes=np.concatenate([half_sizes, self._parked.half_sizes[parked]]),
        )

    def _contacts(
        self, server_frame: int, stamp_s: float, ego: Motion, objects: TrackedObjects
    ) -> tuple[Collision, ...]:
        body = self._bodies[self._ego_id]
        pose, half_size = (ego.x, ego.y, ego.yaw), (body.half_length, body.half_width)
        reach = sum(half_size) + objects.half_sizes.sum(axis=1)
        near = (np.abs(objects.poses[:, :2] - pose[:2]) <= reach[:, None]).all(axis=1)
        gaps_m: dict[int, float] = {}
        for row in np.flatnonzero(near):
            gap = box_gap(pose, half_size, objects.poses[row].tolist(), objects.half_sizes[row].tolist())
            if gap < NEAR_M:
                other = int(objects.ids[row])
                other = LAYOUT_ID if other >= PARKED_FROM_ID else other
                gaps_m[other] = min(gap, gaps_m.get(other, math.inf))
        contacts = self._collisions.during(server_frame, gaps_m)
        return tuple(Collision(stamp_s, other_id, impulse) for other_id, impulse in contacts)


def _body(actor: carla.Actor) -> Body | None:
    """Static data of an actor, None where it is no road user."""
    family = actor.type_id.split(".", 1)[0]
    if family not in ("vehicle", "walker"):
        return None
    kind = AgentKind.WALKER if family == "walker" else AgentKind.VEHICLE
    if actor.attributes.get("base_type") == "bicycle":
        kind = AgentKind.BICYCLE
    box = actor.bounding_box
    return Body(kind, box.location.x, -box.location.y, box.extent.x, box.extent.y)


def _motion(actor: carla.ActorSnapshot, body: Body) -> Motion:
    """Motion of the box centre: the actor's own, carried over by the rigid body's rotation."""
    transform, velocity, acceleration = actor.get_transform(), actor.get_velocity(), actor.get_acceleration()
    location = transform.location
    yaw = -math.radians(transform.rotation.yaw)
    yaw = (yaw + math.pi) % (2.0 * math.pi) - math.pi
    yaw_rate = -math.radians(actor.get_angular_velocity().z)
    cos, sin = math.cos(yaw), math.sin(yaw)
    rx, ry = cos * body.offset_x - sin * body.offset_y, sin * body.offset_x + cos * body.offset_y
    return Motion(
        x=location.x + rx,
        y=-location.y + ry,
        yaw=yaw,
        vx=velocity.x - yaw_rate * ry,
        vy=-velocity.y + yaw_rate * rx,
        yaw_rate=yaw_rate,
        ax=acceleration.x,
        ay=-acceleration.y,
    )
