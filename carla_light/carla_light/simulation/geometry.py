"""Small pieces of plane geometry in CARLA's axes (x forward, y right, yaw clockwise in degrees)."""

import math

Vector = tuple[float, float, float]


def wrap_degrees(angle: float) -> float:
    """The same angle in [-180, 180)."""
    return (angle + 180.0) % 360.0 - 180.0


def to_world(x: float, y: float, yaw_deg: float, forward: float, right: float) -> tuple[float, float]:
    """The point that lies `forward` and `right` of a pose."""
    yaw = math.radians(yaw_deg)
    cos, sin = math.cos(yaw), math.sin(yaw)
    return x + cos * forward - sin * right, y + sin * forward + cos * right


def to_local(yaw_deg: float, x: float, y: float) -> tuple[float, float]:
    """A world vector in a frame turned by `yaw_deg`."""
    yaw = math.radians(yaw_deg)
    cos, sin = math.cos(yaw), math.sin(yaw)
    return cos * x + sin * y, -sin * x + cos * y
