"""A vehicle: its control, its motion in one step, and what it obeys."""

import math
from dataclasses import dataclass

from carla_light.blueprints.definition import Blueprint
from carla_light.simulation.actors import Body, Transform
from carla_light.simulation.geometry import Vector, wrap_degrees
from carla_light.simulation.lanes import LanePosition
from carla_light.simulation.response import REAR_M, slip_angle, speed_after
from carla_light.simulation.traffic_lights import TrafficLight

FALL_SPEED_MPS = 5.0  # a vehicle spawned above the road comes down at this speed; ours
CLIMB_M = 1.0  # a vehicle follows the road up; farther below, a scenario has parked it out of sight; ours
STANDSTILL_MPS = 0.05  # below it the reported gear is neutral


def _finite(value: float, low: float, high: float) -> float:
    """`value` within bounds; 0 for NaN, which the Traffic Manager sometimes sends."""
    return min(max(value, low), high) if value == value else 0.0


@dataclass(frozen=True)
class VehicleControl:
    """What the driver does. Throttle and brake 0..1, steer -1..1 (right positive)."""

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False
    manual_gear_shift: bool = False
    gear: int = 0

    @classmethod
    def from_rpc(cls, fields: list) -> "VehicleControl":
        """A control as it arrives, made sane."""
        throttle, steer, brake, hand_brake, reverse, manual, gear = fields[:7]
        return cls(
            _finite(throttle, 0.0, 1.0),
            _finite(steer, -1.0, 1.0),
            _finite(brake, 0.0, 1.0),
            bool(hand_brake),
            bool(reverse),
            bool(manual),
            int(gear),
        )


class Vehicle(Body):
    """A vehicle; `speed` is signed along the heading [m/s]."""

    __slots__ = (
        "control",
        "speed",
        "constant_velocity",
        "light_state",
        "speed_limit",
        "lane",
        "traffic_light",
        "physics_control",
        "_last_vx",
        "_last_vy",
    )

    def __init__(
        self, actor_id: int, blueprint: Blueprint, attributes: list, transform: Transform, parent: int
    ) -> None:
        """A vehicle at rest."""
        super().__init__(actor_id, blueprint, attributes, transform, parent)
        self.control = VehicleControl()
        self.speed = 0.0
        self.constant_velocity: Vector | None = None
        self.light_state = 0
        self.speed_limit = 0.0
        self.lane: LanePosition | None = None
        self.traffic_light: TrafficLight | None = None
        self.physics_control: list | None = None
        self._last_vx = self._last_vy = 0.0

    @property
    def gear(self) -> int:
        """Reported gear: the driver's if shifted by hand, else -1, 0 or 1."""
        if self.control.manual_gear_shift:
            return self.control.gear
        if self.control.reverse:
            return -1
        return 0 if abs(self.speed) < STANDSTILL_MPS else 1

    def set_velocity(self, velocity: Vector) -> None:
        """Sets the velocity; a car keeps only the part along its heading."""
        yaw = math.radians(self.yaw)
        self.speed = velocity[0] * math.cos(yaw) + velocity[1] * math.sin(yaw)
        self.vx, self.vy, self.vz = velocity

    def set_speed(self, speed: float) -> None:
        """Changes the speed along the heading at once, as a collision does."""
        self.speed = speed
        yaw = math.radians(self.yaw)
        self.vx, self.vy = speed * math.cos(yaw), speed * math.sin(yaw)

    def step(self, dt_s: float) -> None:
        """Moves the vehicle."""
        if not self.physics:
            self.vx = self.vy = self.vz = self.yaw_rate = self.speed = 0.0
            return
        if self.constant_velocity is not None:
            self._step_constant(dt_s)
        else:
            self._step_driven(dt_s)
        self._fall(dt_s)

    def _step_constant(self, dt_s: float) -> None:
        forward, right, _ = self.constant_velocity
        yaw = math.radians(self.yaw)
        cos, sin = math.cos(yaw), math.sin(yaw)
        self.vx, self.vy = cos * forward - sin * right, sin * forward + cos * right
        self.x += self.vx * dt_s
        self.y += self.vy * dt_s
        self.speed, self.yaw_rate = forward, 0.0

    def _step_driven(self, dt_s: float) -> None:
        # As published, place and heading advance with the speed before the tick.
        speed, control = self.speed, self.control
        slip = slip_angle(control.steer)
        course = math.radians(self.yaw) + slip
        self.x += speed * math.cos(course) * dt_s
        self.y += speed * math.sin(course) * dt_s
        yaw_rate = math.degrees(speed / REAR_M * math.sin(slip))
        self.yaw = wrap_degrees(self.yaw + yaw_rate * dt_s)
        self.yaw_rate = yaw_rate
        self.speed = self._next_speed(dt_s)
        course = math.radians(self.yaw) + slip
        self.vx, self.vy = self.speed * math.cos(course), self.speed * math.sin(course)

    def _next_speed(self, dt_s: float) -> float:
        control = self.control
        reverse = control.reverse or (control.manual_gear_shift and control.gear < 0)
        direction = -1.0 if reverse else 1.0
        throttle, brake = control.throttle, 1.0 if control.hand_brake else control.brake
        along = self.speed * direction
        if along < 0.0:  # rolling against the gear: the engine holds back
            return -direction * speed_after(-along, 0.0, max(throttle, brake), dt_s)
        return direction * speed_after(along, throttle, brake, dt_s)

    def _fall(self, dt_s: float) -> None:
        height = self.z - self.ground_z
        if height > 0.0:
            self.z = max(self.ground_z, self.z - FALL_SPEED_MPS * dt_s)
            self.pitch = self.roll = 0.0
        elif height > -CLIMB_M:
            self.z = self.ground_z

    def close_step(self, dt_s: float) -> None:
        """Takes the acceleration from the change of velocity since the last step, collisions included."""
        self.ax, self.ay = (self.vx - self._last_vx) / dt_s, (self.vy - self._last_vy) / dt_s
        self._last_vx, self._last_vy = self.vx, self.vy
