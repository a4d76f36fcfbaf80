"""How a vehicle answers throttle, steer and brake: one tick of 0.05 s, in CARLA's axes (y right, yaw clockwise).

Steering is the kinematic bicycle of World on Rails, speed the longitudinal map that PDM-Lite fitted to
vehicle.lincoln.mkz_2020; both serve every vehicle here. What the map leaves open is filled as follows: below 0.3
throttle PDM-Lite keeps the speed, here the car coasts down at the rate of Autoware's CARLA interface map; a partial
brake loses the proportional part of the full brake's loss.
"""

import math

TICK_S = 0.05  # the tick that the longitudinal map was fitted for [s] (PDM-Lite, 20 Hz)

FRONT_M = -0.090769015  # bicycle [m] (World on Rails)
REAR_M = 1.4178275  # bicycle [m] (World on Rails)
STEER_GAIN_RAD = 0.36848336  # wheel angle at full steer [rad] (World on Rails)
_SLIP_RATIO = REAR_M / (FRONT_M + REAR_M)

DRIVE_THROTTLE = 0.3  # below it the longitudinal map does not apply (PDM-Lite)
TOP_SPEED_KMH = 100.0  # the map was fitted from 0 to here [km/h] (PDM-Lite)
COAST_MPS2 = 0.49  # loss of speed without throttle (Autoware's CARLA interface map)
COAST_ABOVE_MPS = 2.8  # below it the loss falls linearly to zero (same source; the fall is ours)
KMH_PER_MPS = 3.6


def throttle_map(speed_kmh: float, throttle: float) -> float:
    """Speed [km/h] after one tick of `throttle` >= 0.3 (PDM-Lite)."""
    v, t = speed_kmh, throttle
    return (
        t * (-0.380192912 + t * 1.74950069)
        + v * (0.963873001 + t * (0.0916787414 - t * 0.070546153))
        + v * v * (4.37535692e-4 + t * (-1.05996152e-3 + t * 6.71079346e-4))
    )


def brake_map(speed_kmh: float) -> float:
    """Speed [km/h] after one tick of full brake (PDM-Lite)."""
    v = speed_kmh
    upper = 5.06587474e-5 + v * (-4.90357228e-7 + v * (2.44419284e-9 - v * 4.91381935e-12))
    return v * (9.3171137e-3 + v * (8.20967431e-2 + v * (-2.83832427e-3 + v * upper)))


def coast(speed_kmh: float, throttle: float) -> float:
    """Speed [km/h] after one tick of `throttle` < 0.3: full coasting at none, none of it at 0.3."""
    fade = min(speed_kmh / KMH_PER_MPS / COAST_ABOVE_MPS, 1.0) * (1.0 - throttle / DRIVE_THROTTLE)
    return speed_kmh - COAST_MPS2 * fade * TICK_S * KMH_PER_MPS


def speed_after_tick(speed: float, throttle: float, brake: float) -> float:
    """Speed [m/s] after 0.05 s.

    Args:
        speed: Now, >= 0 [m/s]; the map is read at 100 km/h above that.
        throttle: 0..1; without effect while braking.
        brake: 0..1.
    """
    v = min(speed * KMH_PER_MPS, TOP_SPEED_KMH)
    if brake > 0.0:
        v += brake * (brake_map(v) - v)
    elif throttle < DRIVE_THROTTLE:
        v = coast(v, throttle)
    else:
        v = throttle_map(v, throttle)
    return min(max(v, 0.0), TOP_SPEED_KMH) / KMH_PER_MPS


def speed_after(speed: float, throttle: float, brake: float, dt_s: float) -> float:
    """Speed [m/s] after `dt_s`: whole ticks of 0.05 s, then the proportional part of one more."""
    ticks = dt_s / TICK_S
    while ticks >= 1.0 - 1e-6:
        speed = speed_after_tick(speed, throttle, brake)
        ticks -= 1.0
    if ticks > 1e-6:
        speed += ticks * (speed_after_tick(speed, throttle, brake) - speed)
    return speed


def slip_angle(steer: float) -> float:
    """Angle [rad] from the heading to the motion of the box centre at `steer` (-1..1, right positive)."""
    return math.atan(_SLIP_RATIO * math.tan(STEER_GAIN_RAD * steer))
