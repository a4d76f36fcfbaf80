"""Vehicles that are parked on a town: environment objects of the map, not actors. They never move.

CARLA's snapshots and carla_ros_bridge's objects do not hold them; a driver who is told of actors alone would not know
of them.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import carla
import numpy as np

from craft.scene.observation import PARKED_FROM_ID, AgentKind

REPORTED_M = 80.0  # those nearer to the ego are reported; more than perception's range [m]

_KINDS = {
    carla.CityObjectLabel.Car: AgentKind.VEHICLE,
    carla.CityObjectLabel.Truck: AgentKind.VEHICLE,
    carla.CityObjectLabel.Bus: AgentKind.VEHICLE,
    carla.CityObjectLabel.Motorcycle: AgentKind.VEHICLE,
    carla.CityObjectLabel.Bicycle: AgentKind.BICYCLE,
}


@dataclass(frozen=True)
class ParkedVehicles:
    """All of a town.

    Attributes:
        kinds: uint8 [N], AgentKind.
        poses: float64 [N, 3], x [m], y [m], yaw [rad] of the boxes' centres, map frame.
        half_sizes: float64 [N, 2], half length and half width [m].
    """

    kinds: np.ndarray
    poses: np.ndarray
    half_sizes: np.ndarray

    @cached_property
    def ids(self) -> np.ndarray:
        """int64 [N]."""
        return PARKED_FROM_ID + np.arange(len(self.kinds), dtype=np.int64)

    def near(self, x: float, y: float, range_m: float = REPORTED_M) -> np.ndarray:
        """Rows of those whose middle is within a range of a point of the map frame: int64 [K], rising."""
        return np.flatnonzero(np.hypot(self.poses[:, 0] - x, self.poses[:, 1] - y) <= range_m)


def read_parked_vehicles(world: carla.World) -> ParkedVehicles:
    """The parked vehicles of the town that is loaded, by kind and in the server's order."""
    kinds, poses, half_sizes = [], [], []
    for label, kind in _KINDS.items():
        for item in world.get_environment_objects(label):
            box = item.bounding_box  # in the world's frame
            yaw = -math.radians(box.rotation.yaw)
            poses.append((box.location.x, -box.location.y, (yaw + math.pi) % (2.0 * math.pi) - math.pi))
            half_sizes.append((box.extent.x, box.extent.y))
            kinds.append(kind)
    return ParkedVehicles(
        kinds=np.array(kinds, np.uint8),
        poses=np.array(poses, np.float64).reshape(-1, 3),
        half_sizes=np.array(half_sizes, np.float64).reshape(-1, 2),
    )
