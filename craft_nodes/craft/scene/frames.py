"""Plane rigid transforms. x forward, y left, angles in radians, counter-clockwise positive (ROS REP 103)."""

import numpy as np


def wrap_angle(angle_rad):
    """The same angle in [-pi, pi). Works on scalars and arrays."""
    return (np.asarray(angle_rad) + np.pi) % (2.0 * np.pi) - np.pi


def to_local(points, x, y, yaw):
    """Map-frame points [..., 2] in the frame of the pose (x [m], y [m], yaw [rad])."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    dx, dy = points[..., 0] - x, points[..., 1] - y
    return np.stack([cos * dx + sin * dy, cos * dy - sin * dx], axis=-1)


def to_map(points, x, y, yaw):
    """Points [..., 2] given in the frame of the pose (x [m], y [m], yaw [rad]), in the map frame."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    px, py = points[..., 0], points[..., 1]
    return np.stack([x + cos * px - sin * py, y + sin * px + cos * py], axis=-1)
