"""Rays against upright boxes and the ground plane, for lidar, radar, obstacle sensor and ray casts."""

from collections.abc import Sequence

import numpy as np

from carla_light.simulation.actors import Actor
from carla_light.simulation.boxes import Box

GROUND, MISS = -1, -2  # what a ray hit where it hit no box


def directions(actor: Actor, azimuth: np.ndarray, altitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors [N,3] in the sensor's frame and in the world's.

    Args:
        actor: The sensor.
        azimuth: Right of forward [rad], [N].
        altitude: Above forward [rad], [N].
    """
    local = np.stack(
        [np.cos(altitude) * np.cos(azimuth), np.cos(altitude) * np.sin(azimuth), np.sin(altitude)], axis=-1
    )
    pitch, yaw, roll = np.radians([actor.pitch, actor.yaw, actor.roll])
    cp, sp, cy, sy, cr, sr = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw), np.cos(roll), np.sin(roll)
    # carla::geom::Transform: yaw, then pitch (nose up positive), then roll, in left-handed axes.
    rotation = np.array(
        [
            [cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr],
            [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr],
            [sp, -cp * sr, cp * cr],
        ]
    )
    return local, local @ rotation.T


def cast(
    origin: tuple[float, float, float], rays: np.ndarray, boxes: Sequence[Box], ground_z: float
) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the first hit of every ray [N] (inf for none) and the index of the box hit, GROUND or MISS.

    A ray that starts inside a box does not hit that box.
    """
    height = origin[2] - ground_z
    with np.errstate(divide="ignore", invalid="ignore"):
        down = rays[:, 2]
        distance = np.where((down < -1e-9) & (height > 0.0), -height / down, np.inf)
        hit = np.where(np.isfinite(distance), GROUND, MISS)
        for index, box in enumerate(boxes):
            entry, leave = _slabs(origin, rays, box)
            closer = (entry <= leave) & (entry > 0.0) & (entry < distance)
            distance = np.where(closer, entry, distance)
            hit = np.where(closer, index, hit)
    return distance, hit


def _slabs(origin: tuple[float, float, float], rays: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Where rays enter and leave the three slabs whose intersection is the box."""
    dx, dy = origin[0] - box.x, origin[1] - box.y
    entry = np.full(len(rays), -np.inf)
    leave = np.full(len(rays), np.inf)
    for position, direction, low, high in (
        (box.cos * dx + box.sin * dy, box.cos * rays[:, 0] + box.sin * rays[:, 1], -box.half_x, box.half_x),
        (-box.sin * dx + box.cos * dy, -box.sin * rays[:, 0] + box.cos * rays[:, 1], -box.half_y, box.half_y),
        (origin[2], rays[:, 2], box.bottom, box.top),
    ):
        first, second = (low - position) / direction, (high - position) / direction
        entry = np.fmax(entry, np.fmin(first, second))
        leave = np.fmin(leave, np.fmax(first, second))
    return entry, leave
