"""The world as one binary message: the episode, then 119 bytes for every actor."""

import time
from collections.abc import Callable, Iterable

from carla_light.simulation.actors import Actor, Plain, Prop, Sensor, Sign
from carla_light.simulation.traffic_lights import LightState, TrafficLight
from carla_light.simulation.vehicle import Vehicle
from carla_light.simulation.walker import Walker
from carla_light.wire.layouts import (
    ACTOR_ACTIVE,
    EPISODE_HEADER,
    PLAIN_ACTOR,
    SENSOR_HEADER,
    TRAFFIC_LIGHT,
    VEHICLE,
    WALKER,
    WORLD_OBSERVER_TYPE,
)


def _common(a: Actor) -> tuple:
    return (
        a.id, ACTOR_ACTIVE, a.x, a.y, a.z, a.pitch, a.yaw, a.roll,
        a.vx, a.vy, a.vz, 0.0, 0.0, a.yaw_rate, a.ax, a.ay, 0.0,
    )  # fmt: skip


def _vehicle(v: Vehicle) -> bytes:
    c, light = v.control, v.traffic_light
    return VEHICLE.pack(
        *_common(v), c.throttle, c.steer, c.brake, c.hand_brake, c.reverse, c.manual_gear_shift, v.gear,
        v.speed_limit, light.state if light else LightState.GREEN, light is not None, light.id if light else 0, 0,
    )  # fmt: skip


def _traffic_light(light: TrafficLight) -> bytes:
    group = light.group
    return TRAFFIC_LIGHT.pack(
        *_common(light), light.signal.encode(), light.green_s, light.yellow_s, light.red_s,
        group.elapsed_s, light.pole_index, group.frozen, light.state,
    )  # fmt: skip


def _walker(w: Walker) -> bytes:
    return WALKER.pack(*_common(w), *w.direction, w.speed, w.jump)


def _plain(a: Actor) -> bytes:
    return PLAIN_ACTOR.pack(*_common(a))


_PACK: dict[type, Callable] = {
    Vehicle: _vehicle,
    TrafficLight: _traffic_light,
    Walker: _walker,
    Prop: _plain,
    Sensor: _plain,
    Plain: _plain,
    Sign: _plain,
}


def pack_snapshot(episode: int, frame: int, time_s: float, dt_s: float, actors: Iterable[Actor]) -> bytes:
    """The payload of the world stream for one frame."""
    parts = [
        SENSOR_HEADER.pack(WORLD_OBSERVER_TYPE, frame, time_s, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        EPISODE_HEADER.pack(episode, time.time(), dt_s, 0, 0, 0, 0),
    ]
    parts += [_PACK[type(actor)](actor) for actor in actors]
    return b"".join(parts)
