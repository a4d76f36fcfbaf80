"""The ego's response against the figures derived from its published constants."""

import math

import pytest

from craft.vehicle.response import REAR_M, TICK_S, brake_map, next_speed, slip, step, throttle_map


@pytest.mark.parametrize(
    ("speed_kmh", "throttle", "acceleration"),
    [(0, 1.0, 7.6), (20, 1.0, 6.05), (50, 1.0, 4.1), (100, 1.0, 2.0), (0, 0.75, 3.9), (20, 0.75, 3.1), (50, 0.75, 2.2)],
)
def test_throttle_gives_the_derived_acceleration(speed_kmh, throttle, acceleration):
    assert (throttle_map(float(speed_kmh), throttle) - speed_kmh) / 3.6 / TICK_S == pytest.approx(
        acceleration, abs=0.06
    )


@pytest.mark.parametrize(("speed_kmh", "acceleration"), [(20, -16.6), (50, -7.5), (100, -7.3)])
def test_brake_gives_the_derived_deceleration(speed_kmh, acceleration):
    assert (brake_map(float(speed_kmh)) - speed_kmh) / 3.6 / TICK_S == pytest.approx(acceleration, abs=0.06)


@pytest.mark.parametrize(("speed_kmh", "distance_m"), [(30, 2.7), (50, 11.3), (100, 52)])
def test_full_brake_stops_in_the_derived_distance(speed_kmh, distance_m):
    state = (0.0, 0.0, 0.0, speed_kmh / 3.6)
    for _ in range(120):
        state = step(*state, 0.0, 0.0, 1.0)
    assert state[0] == pytest.approx(distance_m, abs=0.3)
    assert state[3] < 1e-6


@pytest.mark.parametrize(("steer", "curvature"), [(0.1, 0.028), (0.2, 0.056), (0.5, 0.138), (1.0, 0.269)])
def test_steer_gives_the_derived_curvature_to_the_right(steer, curvature):
    x, y, yaw, speed = step(0.0, 0.0, 0.0, 5.0, 0.0, steer, 0.0)
    assert yaw / (5.0 * TICK_S) == pytest.approx(-curvature, abs=6e-4)
    assert math.sin(math.atan(slip(steer))) / REAR_M == pytest.approx(-curvature, abs=6e-4)
    assert y < 0.0 and speed == 5.0


def test_partial_brake_is_a_share_of_full_brake_and_wins_over_throttle():
    full = next_speed(10.0, 1.0, 1.0)
    assert next_speed(10.0, 1.0, 0.25) == pytest.approx(10.0 + 0.25 * (full - 10.0))
    assert next_speed(0.0, 0.0, 1.0) == 0.0


def test_the_pure_python_form_is_the_same():
    state = (1.0, -2.0, 0.7, 9.0, 0.6, -0.4, 0.0)
    assert step.py_func(*state) == pytest.approx(step(*state), abs=1e-12)
