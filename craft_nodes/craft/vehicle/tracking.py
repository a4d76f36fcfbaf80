"""The law that drives the vehicle along a trajectory: pure pursuit angle and speed, each through a PID.

One law for the executed controller and for the counterfactual world, evaluated once a tick of 0.05 s in both. The
numbers are SparseDriveV2's on Bench2Drive (error = angle / 90 deg, integral = mean over a window that starts full of
zeros, derivative = raw difference). Every function is compiled by numba; its pure Python form is `function.py_func`.
"""

import math
from collections import namedtuple
from dataclasses import dataclass, fields

import numpy as np

from craft.scene.candidates import TRAJECTORY_DT_S
from craft.vehicle.compiled import callable_from_python

PATH_COLUMNS = 5  # x [m], y [m], arc length [m], direction x, direction y of the piece that starts here


@dataclass(frozen=True)
class TrackingConfig:
    """Gains and limits of the tracking law."""

    turn_p: float = 1.0  # SparseDriveV2
    turn_i: float = 0.75  # SparseDriveV2
    turn_d: float = 0.4  # SparseDriveV2
    speed_p: float = 5.0  # [1/(m/s)] SparseDriveV2
    speed_i: float = 0.5  # [1/(m/s)] SparseDriveV2
    speed_d: float = 1.0  # [1/(m/s)] SparseDriveV2
    window: int = 10  # ticks over which the integral is the mean; SparseDriveV2
    max_throttle: float = 1.0  # SparseDriveV2
    max_speed_error_mps: float = 1.0  # speed error is clipped to it [m/s] SparseDriveV2
    brake_speed_mps: float = 0.2  # a slower desired speed means stand [m/s] SparseDriveV2
    brake_ratio: float = 1.1  # brake when speed / desired speed is above; SparseDriveV2
    look_ahead_gain_s: float = 0.5  # [s] SparseDriveV2
    look_ahead_offset_m: float = 2.5  # [m] SparseDriveV2
    min_look_ahead_m: float = 4.0  # [m] SparseDriveV2
    max_look_ahead_m: float = 8.0  # [m] SparseDriveV2
    standstill_mps: float = 0.01  # slower: the angle counts as zero, so nothing builds up [m/s] Bench2Drive's agents
    speed_window_s: float = 0.5  # desired speed = displacement over this time ahead / this time [s] ours
    min_piece_m: float = 0.1  # a shorter last piece gives no direction, the last yaw does [m] ours

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value >= 0.0):
                raise ValueError(f"TrackingConfig.{field.name} must be finite and >= 0, not {value}")
        if self.window < 1 or self.speed_window_s <= 0.0 or self.brake_speed_mps <= 0.0:
            raise ValueError("TrackingConfig needs window >= 1, speed_window_s > 0 and brake_speed_mps > 0")
        if self.min_look_ahead_m <= 0.0 or self.max_look_ahead_m < self.min_look_ahead_m:
            raise ValueError("TrackingConfig needs 0 < min_look_ahead_m <= max_look_ahead_m")

    @property
    def gains(self) -> "TrackingGains":
        """The same values in the form that compiled functions take; `1` for `1.0` must not make them compile again."""
        return TrackingGains(*(field.type(getattr(self, field.name)) for field in fields(self)))

    def new_memory(self) -> np.ndarray:
        """float64 [2, window + 2]: errors, their sum and the cursor of the turn and of the speed PID, all zero."""
        return np.zeros((2, self.window + 2))


TrackingGains = namedtuple("TrackingGains", [field.name for field in fields(TrackingConfig)])


@callable_from_python
def fill_path(trajectory, path, gains):
    """Prepare a trajectory for `track`.

    Args:
        trajectory: [T, 3], x [m], y [m], yaw [rad] at TRAJECTORY_DT_S, 2 TRAJECTORY_DT_S, ... in the frame whose origin
            is the vehicle at time 0.
        path: float64 [T + 1, PATH_COLUMNS], written: the origin, then the points. The last row's direction is that in
            which the path goes on: that of the last piece, or the last yaw where that piece is too short to tell.
        gains: TrackingGains.
    """
    count = trajectory.shape[0]
    path[0, 0] = path[0, 1] = path[0, 2] = 0.0
    direction_x, direction_y, length = 1.0, 0.0, 0.0
    for i in range(count):
        x, y = np.float64(trajectory[i, 0]), np.float64(trajectory[i, 1])  # float() keeps float32 in numba
        dx, dy = x - path[i, 0], y - path[i, 1]
        length = math.sqrt(dx * dx + dy * dy)
        if length > 1e-9:
            direction_x, direction_y = dx / length, dy / length
        path[i, 3], path[i, 4] = direction_x, direction_y
        path[i + 1, 0], path[i + 1, 1], path[i + 1, 2] = x, y, path[i, 2] + length
    if length < gains.min_piece_m:
        yaw = np.float64(trajectory[count - 1, 2])
        direction_x, direction_y = math.cos(yaw), math.sin(yaw)
    path[count, 3], path[count, 4] = direction_x, direction_y


@callable_from_python
def place_on_path(path, x, y):
    """Arc length [m] of the path's nearest point to (x, y); the path goes on straight after its end."""
    last = path.shape[0] - 1
    best, place = np.inf, 0.0
    for i in range(last + 1):
        dx, dy = x - path[i, 0], y - path[i, 1]
        along = max(dx * path[i, 3] + dy * path[i, 4], 0.0)
        if i < last:
            along = min(along, path[i + 1, 2] - path[i, 2])
        ex, ey = dx - along * path[i, 3], dy - along * path[i, 4]
        distance = ex * ex + ey * ey
        if distance < best:
            best, place = distance, path[i, 2] + along
    return place


@callable_from_python
def point_at(path, place):
    """(x, y) [m] of the path at arc length `place` [m]."""
    i = 0
    while i < path.shape[0] - 1 and path[i + 1, 2] <= place:
        i += 1
    along = place - path[i, 2]
    return path[i, 0] + along * path[i, 3], path[i, 1] + along * path[i, 4]


@callable_from_python
def position_at(path, time_s):
    """(x, y) [m] of the trajectory at `time_s`, linear between points; after the end it goes on as it ended."""
    i = min(int(time_s / TRAJECTORY_DT_S), path.shape[0] - 2)
    part = time_s / TRAJECTORY_DT_S - i
    return path[i, 0] + part * (path[i + 1, 0] - path[i, 0]), path[i, 1] + part * (path[i + 1, 1] - path[i, 1])


@callable_from_python
def desired_speed(path, age_s, cos_yaw, sin_yaw, gains):
    """Speed [m/s] that the trajectory asks for at `age_s`: its displacement over the next window / the window.

    A trajectory that stands during this window but moves in the next one asks for the next one's speed: otherwise a
    vehicle that is given such a trajectory at every decision would never start (ours). A displacement against the
    heading (cos_yaw, sin_yaw) asks for 0: this law does not reverse.
    """
    window = gains.speed_window_s
    x0, y0 = position_at(path, age_s)
    x1, y1 = position_at(path, age_s + window)
    dx, dy = x1 - x0, y1 - y0
    speed = math.sqrt(dx * dx + dy * dy) / window
    if speed < gains.brake_speed_mps:
        x2, y2 = position_at(path, age_s + 2.0 * window)
        dx2, dy2 = x2 - x1, y2 - y1
        later = math.sqrt(dx2 * dx2 + dy2 * dy2) / window
        if later > speed:
            dx, dy, speed = dx2, dy2, later
    if dx * cos_yaw + dy * sin_yaw <= 0.0:
        return 0.0
    return speed


@callable_from_python
def pid(error, memory, p, i, d, window):
    """One step of a PID.

    Args:
        error: This tick's error.
        memory: float64 [window + 2], this PID's row of TrackingConfig.new_memory(); updated.
        p, i, d: Gains of the error, of the mean error over the window, and of the error's change since the last tick.
        window: Ticks.
    """
    cursor = int(memory[window + 1])
    previous = memory[cursor - 1 if cursor > 0 else window - 1]
    memory[window] += error - memory[cursor]
    memory[cursor] = error
    memory[window + 1] = cursor + 1 if cursor + 1 < window else 0
    return p * error + i * memory[window] / window + d * (error - previous)


@callable_from_python
def control(path, age_s, x, y, cos_yaw, sin_yaw, speed, memory, gains):
    """`track` for a caller that has cosine and sine of the yaw at hand."""
    look_ahead = gains.look_ahead_gain_s * speed + gains.look_ahead_offset_m
    look_ahead = min(max(look_ahead, gains.min_look_ahead_m), gains.max_look_ahead_m)
    aim_x, aim_y = point_at(path, place_on_path(path, x, y) + look_ahead)
    dx, dy = aim_x - x, aim_y - y
    error = -math.atan2(cos_yaw * dy - sin_yaw * dx, cos_yaw * dx + sin_yaw * dy) / (0.5 * math.pi)
    if speed < gains.standstill_mps:
        error = 0.0
    steer = pid(error, memory[0], gains.turn_p, gains.turn_i, gains.turn_d, gains.window)

    desired = desired_speed(path, age_s, cos_yaw, sin_yaw, gains)
    braking = desired < gains.brake_speed_mps or speed > gains.brake_ratio * desired
    shortfall = min(max(desired - speed, 0.0), gains.max_speed_error_mps)
    throttle = pid(shortfall, memory[1], gains.speed_p, gains.speed_i, gains.speed_d, gains.window)
    throttle = min(max(throttle, 0.0), gains.max_throttle)
    return 0.0 if braking else throttle, min(max(steer, -1.0), 1.0), 1.0 if braking else 0.0


@callable_from_python
def track(path, age_s, x, y, yaw, speed, memory, gains):
    """The control of one tick.

    Args:
        path: float64 [T + 1, PATH_COLUMNS] of `fill_path`.
        age_s: Time since the trajectory began [s].
        x, y, yaw: The vehicle now, in the trajectory's frame [m, m, rad].
        speed: [m/s].
        memory: float64 [2, window + 2] of TrackingConfig.new_memory(); updated.
        gains: TrackingGains.

    Returns:
        (throttle 0..1, steer -1..1 right positive, brake 0 or 1).
    """
    return control(path, age_s, x, y, math.cos(yaw), math.sin(yaw), speed, memory, gains)
