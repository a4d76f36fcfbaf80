"""How the ego vehicle answers throttle, steer and brake: one tick of 0.05 s.

Steering: the kinematic bicycle of World on Rails. Speed: the longitudinal map that PDM-Lite fitted to
vehicle.lincoln.mkz_2020 in CARLA. Every function is compiled by numba; its pure Python form is `function.py_func`.
Map or ego frame as the caller likes: x forward, y left, yaw counter-clockwise.
"""

import math

from craft.vehicle.compiled import callable_from_python

TICK_S = 0.05  # the tick for which the longitudinal map was fitted [s] (PDM-Lite, 20 Hz)

FRONT_M = -0.090769015  # bicycle, from the box centre to the front axle [m] (World on Rails)
REAR_M = 1.4178275  # bicycle, from the rear axle to the box centre [m] (World on Rails)
STEER_GAIN_RAD = 0.36848336  # wheel angle at full steer [rad] (World on Rails)
SLIP_RATIO = REAR_M / (FRONT_M + REAR_M)

COAST_THROTTLE = 0.3  # below it the speed does not change (PDM-Lite)
MAX_SPEED_KMH = 100.0  # the map was fitted from 0 to here; clamped outside [km/h] (PDM-Lite)
KMH_PER_MPS = 3.6


@callable_from_python
def driven_map(speed_kmh, throttle):
    """Speed [km/h] after one tick of a `throttle` that drives, COAST_THROTTLE..1, at `speed_kmh` (PDM-Lite)."""
    v, t = speed_kmh, throttle
    constant = t * (-0.380192912 + t * 1.74950069)
    linear = 0.963873001 + t * (0.0916787414 - t * 0.070546153)
    square = 4.37535692e-4 + t * (-1.05996152e-3 + t * 6.71079346e-4)
    return constant + v * (linear + v * square)


@callable_from_python
def throttle_map(speed_kmh, throttle):
    """Speed [km/h] after one tick of `throttle` (0..1) at `speed_kmh` (PDM-Lite)."""
    if throttle < COAST_THROTTLE:
        return speed_kmh
    return driven_map(speed_kmh, throttle)


@callable_from_python
def brake_map(speed_kmh):
    """Speed [km/h] after one tick of full brake at `speed_kmh` (PDM-Lite)."""
    v = speed_kmh
    high = 5.06587474e-5 + v * (-4.90357228e-7 + v * (2.44419284e-9 - v * 4.91381935e-12))
    return v * (9.3171137e-3 + v * (8.20967431e-2 + v * (-2.83832427e-3 + v * high)))


@callable_from_python
def next_speed(speed, throttle, brake):
    """Speed [m/s] after one tick.

    Args:
        speed: Now [m/s]; taken as 0 below 0 and as 100 km/h above 100 km/h.
        throttle: 0..1; without effect while braking.
        brake: 0..1. The map knows full brake only; between, the loss of speed is proportional to it (ours).
    """
    v = min(max(speed * KMH_PER_MPS, 0.0), MAX_SPEED_KMH)
    if brake > 0.0:
        v += min(brake, 1.0) * (brake_map(v) - v)
    else:
        v = throttle_map(v, min(throttle, 1.0))
    return min(max(v, 0.0), MAX_SPEED_KMH) / KMH_PER_MPS


@callable_from_python
def slip(steer):
    """Tangent of the angle between heading and motion at `steer` (-1..1, right positive); left positive."""
    return -SLIP_RATIO * math.tan(STEER_GAIN_RAD * min(max(steer, -1.0), 1.0))


@callable_from_python
def advance(x, y, yaw, cos_yaw, sin_yaw, speed, throttle, steer, brake):
    """`step` for a caller that has cosine and sine of the yaw at hand."""
    tangent = slip(steer)
    cos_slip = 1.0 / math.sqrt(1.0 + tangent * tangent)
    sin_slip = tangent * cos_slip
    distance = speed * TICK_S
    return (
        x + distance * (cos_yaw * cos_slip - sin_yaw * sin_slip),
        y + distance * (sin_yaw * cos_slip + cos_yaw * sin_slip),
        yaw + distance / REAR_M * sin_slip,
        next_speed(speed, throttle, brake),
    )


@callable_from_python
def step(x, y, yaw, speed, throttle, steer, brake):
    """Pose of the box centre and speed after one tick of TICK_S.

    Args:
        x, y: Box centre [m].
        yaw: Heading [rad].
        speed: Forward, >= 0 [m/s].
        throttle: 0..1.
        steer: -1..1, CARLA's sign: right positive.
        brake: 0..1.

    Returns:
        (x, y, yaw, speed). The yaw is not wrapped. Position and yaw advance with the speed before the tick.
    """
    return advance(x, y, yaw, math.cos(yaw), math.sin(yaw), speed, throttle, steer, brake)
