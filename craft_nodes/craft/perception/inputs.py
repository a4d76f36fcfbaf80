"""What perception is given for one frame: the contents of the bridge's topics, in ROS frames, without messages."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Odometry:
    """Pose and motion of the ego vehicle (nav_msgs/Odometry).

    Attributes:
        stamp_s: Simulation time [s].
        x, y, yaw: Pose of the box centre in the map frame [m, m, rad].
        vx, vy: Velocity in the body frame [m/s].
        yaw_rate: [rad/s].
    """

    stamp_s: float
    x: float
    y: float
    yaw: float
    vx: float
    vy: float
    yaw_rate: float


@dataclass(frozen=True)
class VehicleStatus:
    """Acceleration and the control in force (carla_msgs/CarlaEgoVehicleStatus).

    Attributes:
        stamp_s: Simulation time [s].
        acceleration: Along the vehicle's heading [m/s2].
        throttle, brake: 0..1.
        steer: -1..1, CARLA's sign: right positive.
    """

    stamp_s: float
    acceleration: float
    throttle: float
    steer: float
    brake: float


@dataclass(frozen=True)
class TrackedObjects:
    """All other vehicles and walkers (derived_object_msgs/ObjectArray), N rows, map frame.

    Attributes:
        stamp_s: Simulation time [s].
        ids: int64 [N], CARLA actor ids.
        kinds: uint8 [N], AgentKind.
        poses: float64 [N, 3], x [m], y [m], yaw [rad].
        velocities: float64 [N, 2], over ground, map frame [m/s].
        yaw_rates: float64 [N] [rad/s].
        accelerations: float64 [N, 2], map frame [m/s2].
        half_sizes: float64 [N, 2], half length and half width [m].
    """

    stamp_s: float
    ids: np.ndarray
    kinds: np.ndarray
    poses: np.ndarray
    velocities: np.ndarray
    yaw_rates: np.ndarray
    accelerations: np.ndarray
    half_sizes: np.ndarray


@dataclass(frozen=True)
class Collision:
    """One contact of the ego vehicle (carla_msgs/CarlaCollisionEvent).

    Attributes:
        stamp_s: Simulation time [s].
        other_id: CARLA actor id of the other party, 0 for the static layout.
        impulse: Length of the normal impulse [N s].
    """

    stamp_s: float
    other_id: int
    impulse: float


@dataclass(frozen=True)
class WorldFrame:
    """One simulation frame as the world publishes it.

    Attributes:
        stamp_s: Simulation time [s].
        odometry, status, objects: Of this frame.
        lights: Traffic light id -> LightState, all lights of the town.
        collisions: Contacts of the ego vehicle during this frame.
    """

    stamp_s: float
    odometry: Odometry
    status: VehicleStatus
    objects: TrackedObjects
    lights: dict[int, int]
    collisions: tuple[Collision, ...]
