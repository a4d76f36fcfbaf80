"""The vehicle response against the published numbers, and against the product's own copy of it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carla_light.simulation import response
from craft.vehicle import response as product

KMH = 3.6


def acceleration(speed_kmh, throttle, brake):
    """m/s2 over one tick of 0.05 s."""
    return (response.speed_after_tick(speed_kmh / KMH, throttle, brake) - speed_kmh / KMH) / response.TICK_S


# driving_facts, derived from PDM-Lite's map: m/s2 at a speed in km/h
@pytest.mark.parametrize(
    ("throttle", "brake", "speed_kmh", "expected"),
    [
        (1.0, 0.0, 0.0, 7.6), (1.0, 0.0, 20.0, 6.05), (1.0, 0.0, 50.0, 4.1), (1.0, 0.0, 99.0, 2.0),
        (0.75, 0.0, 0.0, 3.9), (0.75, 0.0, 20.0, 3.1), (0.75, 0.0, 50.0, 2.2), (0.75, 0.0, 99.0, 1.1),
        (0.0, 1.0, 20.0, -16.6), (0.0, 1.0, 50.0, -7.5), (0.0, 1.0, 100.0, -7.3),
    ],
)  # fmt: skip
def test_published_accelerations(throttle, brake, speed_kmh, expected):
    assert acceleration(speed_kmh, throttle, brake) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(("speed_kmh", "expected_m"), [(30.0, 2.7), (50.0, 11.3), (100.0, 52.0)])
def test_published_stopping_distances(speed_kmh, expected_m):
    # A tick is driven with the speed before it.
    speed, distance = speed_kmh / KMH, 0.0
    while speed > 0.01:
        distance += speed * response.TICK_S
        speed = response.speed_after_tick(speed, 0.0, 1.0)
    assert distance == pytest.approx(expected_m, rel=0.01)


@pytest.mark.parametrize(("steer", "curvature"), [(0.1, 0.028), (0.2, 0.056), (0.5, 0.138), (1.0, 0.269)])
def test_published_curvatures(steer, curvature):
    assert math.sin(response.slip_angle(steer)) / response.REAR_M == pytest.approx(curvature, abs=6e-4)


@settings(deadline=None)
@given(st.floats(0.0, 27.7), st.floats(0.3, 1.0), st.booleans(), st.floats(0.0, 1.0))
def test_same_as_the_products_response(speed, throttle, brakes, brake):
    # Below 0.3 throttle the product keeps the speed as PDM-Lite does; here the car coasts.
    pressed = brake if brakes else 0.0
    ours = response.speed_after_tick(speed, throttle, pressed)
    assert ours == pytest.approx(product.next_speed.py_func(speed, throttle, pressed), abs=1e-12)


@settings(deadline=None)
@given(st.floats(-1.0, 1.0), st.floats(0.0, 27.0))
def test_same_turn_as_the_product(steer, speed):
    # The product's frame has y to the left: angles change sign.
    _, _, yaw, _ = product.step.py_func(0.0, 0.0, 0.0, speed, 0.0, steer, 0.0)
    ours = speed / response.REAR_M * math.sin(response.slip_angle(steer)) * response.TICK_S
    assert -ours == pytest.approx(yaw, abs=1e-9)


@settings(deadline=None)
@given(st.floats(0.0, 40.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.001, 0.5))
def test_the_speed_never_becomes_negative_and_brakes_never_accelerate(speed, throttle, brake, dt_s):
    after = response.speed_after(speed, throttle, brake, dt_s)
    assert after >= 0.0
    if brake > 0.0:
        assert after <= speed + 1e-9  # a change of units and back rounds


def test_coasting_loses_049_mps2_when_fast_and_nothing_at_rest():
    assert acceleration(36.0, 0.0, 0.0) == pytest.approx(-0.49)
    assert acceleration(36.0, 0.15, 0.0) == pytest.approx(-0.245)
    assert acceleration(0.0, 0.0, 0.0) == 0.0


def test_other_steps_apply_the_map_at_its_own_rate():
    two_ticks = response.speed_after_tick(response.speed_after_tick(5.0, 0.8, 0.0), 0.8, 0.0)
    assert response.speed_after(5.0, 0.8, 0.0, 0.1) == pytest.approx(two_ticks)
    half = 5.0 + 0.5 * (response.speed_after_tick(5.0, 0.8, 0.0) - 5.0)
    assert response.speed_after(5.0, 0.8, 0.0, 0.025) == pytest.approx(half)
