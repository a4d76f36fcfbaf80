"""Comfort by hand: one bound at a time, and Bench2Drive's quirks apart from what is meant."""

import math

import numpy as np
import pytest

from craft.evaluation.comfort import Motion, comfort, motion_of
from craft.evaluation.quirks import Quirks


def motion(count=20, lon=0.0, lat=0.0, yaw_rate=0.0, dt_s=0.1, heading=0.7):
    """A drive with these courses (a number, or one value a sample); the vehicle heads 0.7 rad from the x axis."""
    forward = np.tile([math.cos(heading), math.sin(heading)], (count, 1))
    right = np.tile([math.sin(heading), -math.cos(heading)], (count, 1))
    lon, lat, yaw_rate = (np.broadcast_to(np.asarray(v, float), count) for v in (lon, lat, yaw_rate))
    return Motion(lon[:, None] * forward + lat[:, None] * right, forward, right, yaw_rate, dt_s)


T = 0.1 * np.arange(20)


@pytest.mark.parametrize(
    ("drive", "comfortable"),
    [
        (motion(), True),
        (motion(lon=2.39), True),
        (motion(lon=2.41), False),
        (motion(lon=-4.04), True),
        (motion(lon=-4.06), False),
        (motion(lat=4.88), True),
        (motion(lat=-4.90), False),
        (motion(12, lon=-3.0 + 4.0 * T[:12]), True),  # longitudinal jerk
        (motion(12, lon=-3.0 + 4.3 * T[:12]), False),
        (motion(7, lon=3.8 * T[:7], lat=7.0 * T[:7]), True),  # jerk: the length grows by 8.0 m/s3
        (motion(7, lon=3.8 * T[:7], lat=8.0 * T[:7]), False),  # by 8.9 m/s3
        (motion(yaw_rate=0.94), True),
        (motion(yaw_rate=-0.96), False),
        (motion(10, yaw_rate=-0.85 + 1.9 * T[:10]), True),  # yaw acceleration
        (motion(10, yaw_rate=-0.9 + 2.0 * T[:10]), False),
    ],
)
def test_each_bound(drive, comfortable):
    assert comfort(drive) == float(comfortable)


def test_chunks_of_20_count_and_the_rest_does_not():
    lon = np.zeros(75)
    lon[5] = lon[65] = 50.0  # the first chunk, and the rest of 15 samples
    assert comfort(motion(75, lon=lon)) == pytest.approx(2 / 3)
    assert comfort(motion(12, lon=3.0)) == 0.0, "a short drive is one chunk"
    assert comfort(motion(6)) is None


def test_true_time_makes_the_jerk():
    """2.5 m/s3 at 10 Hz are 5 m/s3 at 20 Hz; the quirk takes every rate for 10 Hz."""
    slow, fast = motion(lon=-3.0 + 2.5 * T), motion(lon=-3.0 + 2.5 * T, dt_s=0.05)
    assert (comfort(slow), comfort(fast)) == (1.0, 0.0)
    assert comfort(fast, Quirks.BENCH2DRIVE) == 1.0


def test_quirks_meet_degrees_with_radians_and_leave_out_the_yaw_acceleration():
    # 1.2 deg/s is nothing, but above the bound of 0.95 as a bare number
    assert comfort(motion(yaw_rate=math.radians(1.2))) == 1.0
    assert comfort(motion(yaw_rate=math.radians(1.2)), Quirks.BENCH2DRIVE) == 0.0
    # a jump by 2 pi deg/s is taken for a whole turn and disappears
    jump = np.where(T < 0.95, 0.0, 2.0 * math.pi)
    assert comfort(motion(yaw_rate=np.radians(jump)), Quirks.BENCH2DRIVE) == 1.0
    # 2 (deg/s)/s as bare numbers are above 1.93, but nobody looks at the slope
    assert comfort(motion(10, yaw_rate=np.radians(-0.9 + 2.0 * T[:10])), Quirks.BENCH2DRIVE) == 1.0


def test_metric_info_is_carlas_frame_and_degrees():
    row = {
        "acceleration": [1.0, -2.0, 9.8],
        "angular_velocity": [0.0, 0.0, 90.0],
        "forward_vector": [0.0, 1.0, 0.0],
        "right_vector": [-1.0, 0.0, 0.0],
    }
    read = motion_of({"0": row, "2": row})
    assert read.yaw_rate == pytest.approx([math.pi / 2] * 2)
    assert (read.acceleration * read.forward).sum(axis=1).tolist() == [-2.0, -2.0]
    assert (read.acceleration * read.right).sum(axis=1).tolist() == [-1.0, -1.0]
