"""The static road as convex quads and stop lines, in the map frame."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class LaneKind(IntEnum):
    """What a piece of road surface is for."""

    DRIVING = 1
    SHOULDER = 2  # also the emergency lane of a highway
    PARKING = 3
    SIDEWALK = 4


class StopKind(IntEnum):
    """Why one stops at a stop line."""

    LIGHT = 1
    STOP = 2
    YIELD = 3


@dataclass(frozen=True)
class RoadMap:
    """Road surface and stop lines of one town; map frame (x forward = CARLA x, y left = minus CARLA y), metres.

    Attributes:
        name: Name of the town.
        quads: float32 [Q, 4, 2], corners of convex lane pieces (about 2 m long) in the order rear left, rear right,
            front right, front left as seen along the lane's direction of travel (counter-clockwise).
        quad_kind: uint8 [Q], LaneKind.
        quad_yaw: float32 [Q], direction of travel [rad].
        quad_lane: int32 [Q], one number for each (road, section, lane).
        quad_junction: bool [Q], whether the piece lies inside a junction.
        quad_speed_limit: float32 [Q] [m/s].
        stop_lines: float32 [S, 2, 2], left and right end of each stop line as seen along the direction of travel.
        stop_yaw: float32 [S], direction of travel across the line [rad].
        stop_kind: uint8 [S], StopKind.
        stop_id: int64 [S], id of the traffic light (as in CarlaTrafficLightStatus) or of the sign.
        crosswalks: float32 [C, 4, 2], corners.
    """

    name: str
    quads: np.ndarray
    quad_kind: np.ndarray
    quad_yaw: np.ndarray
    quad_lane: np.ndarray
    quad_junction: np.ndarray
    quad_speed_limit: np.ndarray
    stop_lines: np.ndarray
    stop_yaw: np.ndarray
    stop_kind: np.ndarray
    stop_id: np.ndarray
    crosswalks: np.ndarray

    def __post_init__(self):
        shapes = {
            "quads": (np.float32, (None, 4, 2)),
            "quad_kind": (np.uint8, (len(self.quads),)),
            "quad_yaw": (np.float32, (len(self.quads),)),
            "quad_lane": (np.int32, (len(self.quads),)),
            "quad_junction": (np.bool_, (len(self.quads),)),
            "quad_speed_limit": (np.float32, (len(self.quads),)),
            "stop_lines": (np.float32, (None, 2, 2)),
            "stop_yaw": (np.float32, (len(self.stop_lines),)),
            "stop_kind": (np.uint8, (len(self.stop_lines),)),
            "stop_id": (np.int64, (len(self.stop_lines),)),
            "crosswalks": (np.float32, (None, 4, 2)),
        }
        for name, (dtype, shape) in shapes.items():
            array = getattr(self, name)
            fits = array.ndim == len(shape) and all(
                want in (None, have) for want, have in zip(shape, array.shape, strict=True)
            )
            if array.dtype != dtype or not fits:
                raise ValueError(
                    f"RoadMap.{name} of {self.name!r} is {array.dtype}{list(array.shape)}, "
                    f"expected {np.dtype(dtype)}{[n if n is not None else 'N' for n in shape]}"
                )
            if array.dtype == np.float32 and not np.isfinite(array).all():
                raise ValueError(f"RoadMap.{name} of {self.name!r} has values that are not finite")
