"""How the vehicle moved in one episode: what efficiency and comfort are measured from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Trace:
    """Motion at every frame, map frame.

    Attributes:
        dt_s: Between two frames [s].
        pose: float64 [N, 3], x [m], y [m], yaw [rad] of the box centre.
        velocity: float64 [N, 2] [m/s].
        acceleration: float64 [N, 2], mean over the frame that ends there, as CARLA gives it [m/s2]; 0 in frame 0.
        yaw_rate: float64 [N] [rad/s].
        traffic_mps: float64 [N], mean speed of the background cars around [m/s]; NaN where there are none.
        progress_m: float64 [N], position along the route [m].
        route_length_m: [m].
    """

    dt_s: float
    pose: np.ndarray
    velocity: np.ndarray
    acceleration: np.ndarray
    yaw_rate: np.ndarray
    traffic_mps: np.ndarray
    progress_m: np.ndarray
    route_length_m: float
