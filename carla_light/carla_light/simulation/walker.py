"""A pedestrian, driven by a walker control or by the client's own crowd."""

import math

from carla_light.blueprints.definition import Blueprint
from carla_light.simulation.actors import Body, Transform
from carla_light.simulation.geometry import Vector


class Walker(Body):
    """A walker. As in CARLA its origin is the middle of its body, not its feet."""

    __slots__ = ("direction", "speed", "jump", "_guided")

    def __init__(
        self, actor_id: int, blueprint: Blueprint, attributes: list, transform: Transform, parent: int
    ) -> None:
        """A walker that stands."""
        super().__init__(actor_id, blueprint, attributes, transform, parent)
        self.box_centre = (0.0, 0.0, 0.0)
        self.direction: Vector = (1.0, 0.0, 0.0)
        self.speed = 0.0
        self.jump = False
        self._guided = False

    def walk(self, direction: Vector, speed: float, jump: bool) -> None:
        """Walks on in a world direction [m/s]; values that are not finite stop the walker."""
        length = math.sqrt(sum(part * part for part in direction))
        finite = math.isfinite(length) and math.isfinite(speed)
        self.direction = tuple(part / length for part in direction) if finite and length > 0.0 else (1.0, 0.0, 0.0)
        self.speed = speed if finite and length > 0.0 else 0.0
        self.jump = bool(jump)
        self._guided = False

    def guide(self, transform: Transform, speed: float) -> None:
        """Takes pose and speed from the client's crowd, which moves the walker itself."""
        self.place(transform)
        yaw = math.radians(self.yaw)
        self.direction, self.speed, self._guided = (math.cos(yaw), math.sin(yaw), 0.0), speed, True

    def set_velocity(self, velocity: Vector) -> None:
        """Walks with a velocity."""
        self.walk(velocity, math.hypot(*velocity), False)

    def step(self, dt_s: float) -> None:
        """Moves the walker."""
        if not self.physics:
            self.vx = self.vy = 0.0
            return
        self.vx, self.vy = self.direction[0] * self.speed, self.direction[1] * self.speed
        if self._guided:
            return
        self.x += self.vx * dt_s
        self.y += self.vy * dt_s
        if self.speed > 0.0:
            self.yaw = math.degrees(math.atan2(self.direction[1], self.direction[0]))
        self.z = self.ground_z + self.half_extents[2]
