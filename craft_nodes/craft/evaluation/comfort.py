"""Comfort (Bench2Drive's smoothness, with nuPlan's bounds): the share of two-second chunks without a hard movement."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from craft.evaluation.quirks import Quirks
from craft.evaluation.smoothing import savitzky_golay

SAMPLE_DT_S = 0.1  # that the definition has in mind [s]
CHUNK = 20  # samples
WINDOW, ORDER = 7, 2  # of the Savitzky-Golay filter
LON_ACCELERATION = (-4.05, 2.40)  # [m/s2]
LAT_ACCELERATION = 4.89  # [m/s2]
JERK = 8.37  # change of the acceleration's length [m/s3]
LON_JERK = 4.13  # [m/s3]
YAW_ACCELERATION = 1.93  # [rad/s2]
YAW_RATE = 0.95  # [rad/s]


@dataclass(frozen=True)
class Motion:
    """Evenly spaced samples of a drive, in any frame that the vectors share.

    Attributes:
        acceleration: float64 [N, 2] [m/s2].
        forward, right: float64 [N, 2], directions of the vehicle.
        yaw_rate: float64 [N] [rad/s].
        dt_s: [s].
    """

    acceleration: np.ndarray
    forward: np.ndarray
    right: np.ndarray
    yaw_rate: np.ndarray
    dt_s: float = SAMPLE_DT_S


def motion_of(metric_info: Mapping[str, Mapping[str, list[float]]], dt_s: float = SAMPLE_DT_S) -> Motion:
    """The motion that a metric_info.json tells; its angular velocity is in deg/s (CARLA).

    Args:
        metric_info: Frame -> vectors, in the order of time.
        dt_s: Between two of its frames [s].
    """
    rows = metric_info.values()

    def plane(name):
        return np.array([row[name][:2] for row in rows], np.float64).reshape(-1, 2)

    yaw_rate = np.radians(np.array([row["angular_velocity"][2] for row in rows], np.float64))
    return Motion(plane("acceleration"), plane("forward_vector"), plane("right_vector"), yaw_rate, dt_s)


def comfort(motion: Motion, quirks: Quirks = Quirks.NONE) -> float | None:
    """Share of the comfortable chunks, 0..1; None for a drive shorter than the filter's window.

    A rest shorter than a chunk is left out; a drive that is not longer than a chunk is one.

    With Bench2Drive's quirks the samples are taken to be 0.1 s apart whatever they are, the yaw rate in deg/s meets the
    bound in rad/s after having been unwrapped like an angle, and so does, in place of the yaw acceleration, the same
    yaw rate again.
    """
    count = len(motion.yaw_rate)
    if count < WINDOW:
        return None
    chunks = [slice(0, count)] if count <= CHUNK else [slice(k, k + CHUNK) for k in range(0, count - CHUNK + 1, CHUNK)]
    return sum(_comfortable(motion, chunk, quirks) for chunk in chunks) / len(chunks)


def _comfortable(motion: Motion, chunk: slice, quirks: Quirks) -> bool:
    acceleration = motion.acceleration[chunk]
    lon = _smooth((acceleration * motion.forward[chunk]).sum(axis=1))
    lat = _smooth((acceleration * motion.right[chunk]).sum(axis=1))
    length = _smooth(np.hypot(*acceleration.T))
    dt_s, yaw_rate = motion.dt_s, motion.yaw_rate[chunk]
    if quirks is Quirks.BENCH2DRIVE:
        dt_s, yaw_rate = SAMPLE_DT_S, np.unwrap(np.degrees(yaw_rate))
    yaw_rate = _smooth(yaw_rate)
    yaw_acceleration = yaw_rate if quirks is Quirks.BENCH2DRIVE else _slope(yaw_rate, dt_s)
    low, high = LON_ACCELERATION
    return bool(
        (low < lon).all()
        and (lon < high).all()
        and (np.abs(lat) < LAT_ACCELERATION).all()
        and (np.abs(_slope(length, dt_s)) < JERK).all()
        and (np.abs(_slope(lon, dt_s)) < LON_JERK).all()
        and (np.abs(yaw_acceleration) < YAW_ACCELERATION).all()
        and (np.abs(yaw_rate) < YAW_RATE).all()
    )


def _smooth(values: np.ndarray) -> np.ndarray:
    return savitzky_golay(values, WINDOW, ORDER)


def _slope(values: np.ndarray, dt_s: float) -> np.ndarray:
    return savitzky_golay(values, WINDOW, ORDER, derivative=1, dt_s=dt_s)
