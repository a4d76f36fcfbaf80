"""World frames made by hand."""

import numpy as np

from craft.perception import Odometry, TrackedObjects, VehicleStatus, WorldFrame


def objects(stamp_s, rows=()):
    """Tracked objects. A row: (id, kind, x, y, yaw, speed, half length, half width)."""
    table = np.array([row[2:] for row in rows], float).reshape(-1, 6)
    x, y, yaw, speed, half_length, half_width = table.T
    return TrackedObjects(
        stamp_s=stamp_s,
        ids=np.array([row[0] for row in rows], np.int64),
        kinds=np.array([row[1] for row in rows], np.uint8),
        poses=np.stack([x, y, yaw], axis=1),
        velocities=np.stack([speed * np.cos(yaw), speed * np.sin(yaw)], axis=1),
        yaw_rates=np.zeros(len(rows)),
        accelerations=np.zeros((len(rows), 2)),
        half_sizes=np.stack([half_length, half_width], axis=1),
    )


def frame(stamp_s=0.0, x=0.0, y=0.0, yaw=0.0, speed=0.0, rows=(), lights=None, collisions=()):
    """A frame with the vehicle at this pose, rolling forward without acceleration."""
    return WorldFrame(
        stamp_s=stamp_s,
        odometry=Odometry(stamp_s, x, y, yaw, speed, 0.0, 0.0),
        status=VehicleStatus(stamp_s, 0.0, 0.0, 0.0, 0.0),
        objects=objects(stamp_s, rows),
        lights=lights or {},
        collisions=tuple(collisions),
    )
