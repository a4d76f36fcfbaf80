"""The ego of many rollouts at once: the tracking law and the response of craft.vehicle, in torch.

Line by line the compiled functions of the same names, in the same order of arithmetic; a branch is a `torch.where`.
N is the number of rollouts, T the number of points of a candidate; everything is float64.
"""

import math

import torch

from craft.scene.candidates import TRAJECTORY_DT_S
from craft.vehicle.response import (
    COAST_THROTTLE,
    KMH_PER_MPS,
    MAX_SPEED_KMH,
    REAR_M,
    SLIP_RATIO,
    STEER_GAIN_RAD,
    TICK_S,
    brake_map,
    driven_map,
)
from craft.vehicle.tracking import PATH_COLUMNS, TrackingGains


def fill_paths(trajectories: torch.Tensor, gains: TrackingGains) -> torch.Tensor:
    """Prepare candidates for `control`; see craft.vehicle.tracking.fill_path.

    Args:
        trajectories: [N, T, 3], x [m], y [m], yaw [rad].
        gains: TrackingGains.

    Returns:
        [N, T + 1, PATH_COLUMNS].
    """
    rollouts, count, _ = trajectories.shape
    path = trajectories.new_zeros(rollouts, count + 1, PATH_COLUMNS)
    direction = trajectories.new_tensor([1.0, 0.0]).expand(rollouts, 2)
    length = trajectories.new_zeros(rollouts)
    for i in range(count):
        piece = trajectories[:, i, :2] - path[:, i, :2]
        length = torch.sqrt(piece[:, 0] * piece[:, 0] + piece[:, 1] * piece[:, 1])
        moves = (length > 1e-9)[:, None]
        direction = torch.where(moves, piece / length[:, None].clamp(min=1e-9), direction)
        path[:, i, 3:] = direction
        path[:, i + 1, :2] = trajectories[:, i, :2]
        path[:, i + 1, 2] = path[:, i, 2] + length
    yaw = trajectories[:, -1, 2]
    ends_short = (length < gains.min_piece_m)[:, None]
    path[:, count, 3:] = torch.where(ends_short, torch.stack([torch.cos(yaw), torch.sin(yaw)], -1), direction)
    return path


def place_on_path(path: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """[N], arc length [m] of each path's nearest point to (x, y) [N]; a path goes on straight after its end."""
    start_x, start_y, arc, direction_x, direction_y = path.unbind(-1)
    dx, dy = x[:, None] - start_x, y[:, None] - start_y
    along = (dx * direction_x + dy * direction_y).clamp(min=0.0)
    along = torch.cat([torch.minimum(along[:, :-1], arc[:, 1:] - arc[:, :-1]), along[:, -1:]], 1)
    ex, ey = dx - along * direction_x, dy - along * direction_y
    distance = ex * ex + ey * ey
    nearest = distance.amin(1, keepdim=True)
    return torch.where(distance == nearest, arc + along, torch.inf).amin(1)  # of equally near ones the first


def point_at(path: torch.Tensor, place: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(x, y) [N] of each path at arc length `place` [N] [m]."""
    passed = (path[:, 1:, 2] <= place[:, None]).sum(1)
    start_x, start_y, arc, direction_x, direction_y = path[torch.arange(len(path), device=path.device), passed].unbind(
        1
    )
    along = place - arc
    return start_x + along * direction_x, start_y + along * direction_y


def position_at(path: torch.Tensor, time_s: float) -> torch.Tensor:
    """[N, 2], position of each trajectory at one time, linear between points; after the end it goes on as it ended."""
    i = min(int(time_s / TRAJECTORY_DT_S), path.shape[1] - 2)
    part = time_s / TRAJECTORY_DT_S - i
    return path[:, i, :2] + part * (path[:, i + 1, :2] - path[:, i, :2])


def desired_speed(
    path: torch.Tensor, age_s: float, cos: torch.Tensor, sin: torch.Tensor, gains: TrackingGains
) -> torch.Tensor:
    """[N], speed [m/s] that each trajectory asks for at `age_s`; see craft.vehicle.tracking.desired_speed."""
    window = gains.speed_window_s
    positions = [position_at(path, age_s + i * window) for i in range(3)]
    move, later_move = positions[1] - positions[0], positions[2] - positions[1]
    speed = torch.sqrt(move[:, 0] * move[:, 0] + move[:, 1] * move[:, 1]) / window
    later = torch.sqrt(later_move[:, 0] * later_move[:, 0] + later_move[:, 1] * later_move[:, 1]) / window
    starts_later = (speed < gains.brake_speed_mps) & (later > speed)
    move = torch.where(starts_later[:, None], later_move, move)
    speed = torch.where(starts_later, later, speed)
    return torch.where(move[:, 0] * cos + move[:, 1] * sin <= 0.0, 0.0, speed)


class Pid:
    """A PID of each rollout; see craft.vehicle.tracking.pid. All are at the same tick."""

    def __init__(self, p: float, i: float, d: float, window: int, like: torch.Tensor):
        """The window starts full of zeros; `like` [N] gives shape and device."""
        self.p, self.i, self.d = p, i, d
        self.errors = [torch.zeros_like(like) for _ in range(window)]
        self.sum = torch.zeros_like(like)
        self.cursor = 0

    def __call__(self, error: torch.Tensor) -> torch.Tensor:
        """The output [N] for this tick's errors [N]."""
        window = len(self.errors)
        previous = self.errors[(self.cursor + window - 1) % window]
        self.sum = self.sum + (error - self.errors[self.cursor])
        self.errors[self.cursor] = error
        self.cursor = (self.cursor + 1) % window
        return self.p * error + self.i * self.sum / window + self.d * (error - previous)


class Controls:
    """The tracking law with the memory of its two PIDs; see craft.vehicle.tracking.control."""

    def __init__(self, path: torch.Tensor, gains: TrackingGains):
        """Take the paths of `fill_paths`."""
        self.path, self.gains = path, gains
        like = path[:, 0, 0]
        self.turn = Pid(gains.turn_p, gains.turn_i, gains.turn_d, gains.window, like)
        self.speed = Pid(gains.speed_p, gains.speed_i, gains.speed_d, gains.window, like)

    def __call__(self, age_s: float, x, y, cos, sin, speed) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(throttle, steer, brake), each [N], for poses and speeds [N]."""
        gains = self.gains
        look_ahead = gains.look_ahead_gain_s * speed + gains.look_ahead_offset_m
        look_ahead = look_ahead.clamp(gains.min_look_ahead_m, gains.max_look_ahead_m)
        aim_x, aim_y = point_at(self.path, place_on_path(self.path, x, y) + look_ahead)
        dx, dy = aim_x - x, aim_y - y
        error = -torch.atan2(cos * dy - sin * dx, cos * dx + sin * dy) / (0.5 * math.pi)
        steer = self.turn(torch.where(speed < gains.standstill_mps, 0.0, error))

        desired = desired_speed(self.path, age_s, cos, sin, gains)
        braking = (desired < gains.brake_speed_mps) | (speed > gains.brake_ratio * desired)
        shortfall = (desired - speed).clamp(0.0, gains.max_speed_error_mps)
        throttle = self.speed(shortfall).clamp(0.0, gains.max_throttle)
        return torch.where(braking, 0.0, throttle), steer.clamp(-1.0, 1.0), braking.to(speed.dtype)


def next_speed(speed: torch.Tensor, throttle: torch.Tensor, brake: torch.Tensor) -> torch.Tensor:
    """[N], speed [m/s] after one tick; see craft.vehicle.response.next_speed."""
    v = (speed * KMH_PER_MPS).clamp(0.0, MAX_SPEED_KMH)
    braked = v + brake.clamp(max=1.0) * (brake_map.py_func(v) - v)
    driven = torch.where(throttle < COAST_THROTTLE, v, driven_map.py_func(v, throttle.clamp(max=1.0)))
    return torch.where(brake > 0.0, braked, driven).clamp(0.0, MAX_SPEED_KMH) / KMH_PER_MPS


def advance(x, y, yaw, cos, sin, speed, throttle, steer, brake) -> tuple[torch.Tensor, ...]:
    """(x, y, yaw, speed), each [N], after one tick; see craft.vehicle.response.step."""
    tangent = -SLIP_RATIO * torch.tan(STEER_GAIN_RAD * steer.clamp(-1.0, 1.0))
    cos_slip = 1.0 / torch.sqrt(1.0 + tangent * tangent)
    sin_slip = tangent * cos_slip
    distance = speed * TICK_S
    return (
        x + distance * (cos * cos_slip - sin * sin_slip),
        y + distance * (sin * cos_slip + cos * sin_slip),
        yaw + distance / REAR_M * sin_slip,
        next_speed(speed, throttle, brake),
    )
