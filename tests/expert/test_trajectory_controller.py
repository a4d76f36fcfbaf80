"""The executed controller, closed loop with the vehicle's response."""

import numpy as np
import pytest

from craft.policies.controller import TrajectoryController
from craft.scene.frames import to_local, to_map
from craft.vehicle.response import step

TIMES = 0.5 * np.arange(1, 7)


def straight(speed):
    return np.stack([speed * TIMES, 0.0 * TIMES, 0.0 * TIMES], axis=1)


def arc(speed, curvature):
    angle = curvature * speed * TIMES
    return np.stack([np.sin(angle) / curvature, (1.0 - np.cos(angle)) / curvature, angle], axis=1)


def drive(make, pose, speed, seconds):
    """Decide every 5 frames with `make(pose, speed)`, follow every frame. Returns [frames, 4]: x, y, yaw, speed."""
    controller, rows = TrajectoryController(), []
    x, y, yaw = pose
    for k in range(round(seconds / 0.05)):
        if k % 5 == 0:
            trajectory, origin, decided = make((x, y, yaw), speed), (x, y, yaw), k
        controls = controller.follow(trajectory, origin, (x, y, yaw), 0.05 * (k - decided), speed)
        throttle, steer, brake = controls
        assert 0.0 <= throttle <= 1.0 and -1.0 <= steer <= 1.0 and 0.0 <= brake <= 1.0
        x, y, yaw, speed = step(x, y, yaw, speed, throttle, steer, brake)
        rows.append((x, y, yaw, speed))
    return np.array(rows)


@pytest.mark.parametrize("speed", [3.0, 8.0, 12.0])
def test_holds_lane_and_speed_on_a_straight(speed):
    heading = 0.7  # of the lane, through (10, 20)

    def make(pose, _):
        # The lane as seen from the vehicle: points on it, `speed` apart in time, from the vehicle's projection on.
        along = to_local(np.array(pose[:2]), 10.0, 20.0, heading)[0]
        points = np.stack([along + speed * TIMES, 0.0 * TIMES], axis=1)
        local = to_local(to_map(points, 10.0, 20.0, heading), *pose)
        return np.concatenate([local, np.full((6, 1), heading - pose[2])], axis=1)

    start = to_map(np.array([0.0, 0.5]), 10.0, 20.0, heading)  # half a metre beside it
    rows = drive(make, (*start, heading), speed, 10.0)
    lateral = to_local(rows[:, :2], 10.0, 20.0, heading)[:, 1]
    assert np.abs(lateral[100:]).max() < 0.1
    assert np.abs(lateral).max() < 0.6  # never swings out farther than it began
    assert rows[100:, 3] == pytest.approx(speed, abs=0.15 * speed)


@pytest.mark.parametrize(("speed", "curvature"), [(5.0, 0.05), (5.0, -0.05), (8.0, 0.02), (4.0, 0.1)])
def test_stays_on_a_circle(speed, curvature):
    radius = 1.0 / curvature
    centre = np.array([0.0, radius])

    def make(pose, _):
        # The circle through the origin, left (or right, curvature < 0) of it, followed from the projection on.
        out = np.array(pose[:2]) - centre
        angle = np.arctan2(out[1], out[0]) + np.pi / 2 * np.sign(curvature)
        base = np.array([*(centre + abs(radius) * out / np.linalg.norm(out)), angle])
        here = arc(speed, curvature)
        points = to_local(to_map(here[:, :2], *base), *pose)
        return np.concatenate([points, (here[:, 2] + base[2] - pose[2])[:, None]], axis=1)

    rows = drive(make, (0.0, 0.0, 0.0), speed, 8.0)
    gap = np.linalg.norm(rows[:, :2] - centre, axis=1) - abs(radius)
    assert np.abs(gap).max() < 0.3


def test_one_trajectory_is_followed_in_the_frame_in_which_it_was_decided():
    # Followed for 1 s without a new decision, wherever the vehicle was when it was decided.
    pose = (100.0, -50.0, 2.0)
    controller = TrajectoryController()
    x, y, yaw, speed = *pose, 6.0
    for k in range(20):
        controls = controller.follow(arc(6.0, 0.04), pose, (x, y, yaw), 0.05 * k, speed)
        x, y, yaw, speed = step(x, y, yaw, speed, *controls)
    local = to_local(np.array([x, y]), *pose)
    # After 1 s the vehicle is near the second point, on the circle of radius 25 m.
    assert np.linalg.norm(local - [0.0, 25.0]) == pytest.approx(25.0, abs=0.3)
    assert local[0] == pytest.approx(arc(6.0, 0.04)[1, 0], abs=0.5)


def test_starts_from_standstill_and_stops():
    rows = drive(lambda pose, speed: straight(8.0), (0.0, 0.0, 0.0), 0.0, 5.0)
    assert rows[-1, 3] == pytest.approx(8.0, rel=0.12)
    stopped = drive(lambda pose, speed: straight(0.0), (0.0, 0.0, 0.0), 8.0, 4.0)
    assert stopped[-1, 3] < 0.05
    assert stopped[-1, 0] < 6.0  # stopping from 30 km/h takes 2.7 m (driving_facts) plus the response


def test_reset_forgets():
    controller = TrajectoryController()
    fresh = controller.follow(arc(5.0, 0.1), (0, 0, 0), (0, 0.5, 0), 0.0, 5.0)
    controller.follow(arc(5.0, -0.1), (0, 0, 0), (0, -2.0, 0), 0.05, 3.0)
    assert controller.follow(arc(5.0, 0.1), (0, 0, 0), (0, 0.5, 0), 0.0, 5.0) != fresh
    controller.reset()
    assert controller.follow(arc(5.0, 0.1), (0, 0, 0), (0, 0.5, 0), 0.0, 5.0) == fresh


@pytest.mark.parametrize("bad", [np.zeros((6, 2)), np.zeros((0, 3)), np.full((6, 3), np.nan)])
def test_a_malformed_trajectory_is_refused(bad):
    with pytest.raises(ValueError, match="trajectory to follow"):
        TrajectoryController().follow(bad, (0, 0, 0), (0, 0, 0), 0.0, 1.0)


def test_a_trajectory_from_the_future_is_refused():
    with pytest.raises(ValueError, match="before it was decided"):
        TrajectoryController().follow(straight(1.0), (0, 0, 0), (0, 0, 0), -0.1, 1.0)
