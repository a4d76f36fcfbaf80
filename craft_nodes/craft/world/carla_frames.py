"""The edge between CARLA's frame (left-handed, degrees) and ours (ROS REP 103: right-handed, radians)."""

import math

import carla

SPAWN_HEIGHT_M = 0.3  # above the road, so that wheels never start inside the surface [m]


def carla_transform(x: float, y: float, yaw: float, z: float = 0.0) -> carla.Transform:
    """A ROS map pose (x [m], y left [m], yaw [rad]) at height z [m] as a CARLA transform."""
    return carla.Transform(carla.Location(x=x, y=-y, z=z), carla.Rotation(yaw=-math.degrees(yaw)))


def carla_vector(x: float, y: float) -> carla.Vector3D:
    """A ROS map vector in the road plane as a CARLA vector."""
    return carla.Vector3D(x=x, y=-y, z=0.0)


def ros_pose(transform: carla.Transform) -> tuple[float, float, float]:
    """A CARLA transform as a ROS map pose: x [m], y left [m], yaw [rad] (not wrapped)."""
    location = transform.location
    return location.x, -location.y, -math.radians(transform.rotation.yaw)
