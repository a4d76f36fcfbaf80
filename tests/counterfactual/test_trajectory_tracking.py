"""The tracking law on the ego's response: it stands, starts, brakes and turns as the trajectory does."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft.vehicle.response import TICK_S, step
from craft.vehicle.tracking import PATH_COLUMNS, TrackingConfig, fill_path, place_on_path, point_at, track

CONFIG = TrackingConfig()


def path_of(trajectory):
    path = np.zeros((len(trajectory) + 1, PATH_COLUMNS))
    fill_path(np.asarray(trajectory, float), path, CONFIG.gains)
    return path


def drive(positions, speed, seconds=3.0, yaw=0.0):
    """States after each tick; positions(t) -> (x, y)."""
    path = path_of([(*positions(0.5 * (i + 1)), yaw) for i in range(6)])
    state, memory, states = (0.0, 0.0, 0.0, speed), CONFIG.new_memory(), []
    for tick in range(round(seconds / TICK_S)):
        state = step(*state, *track(path, tick * TICK_S, *state, memory, CONFIG.gains))
        states.append(state)
    return states


def test_a_standing_trajectory_stops_the_vehicle_and_keeps_it():
    states = drive(lambda t: (0.04 * t, 0.0), 5.0)
    assert states[-1][3] < 1e-6
    assert states[-1][0] < 1.0
    assert all(state[0] == 0.0 for state in drive(lambda t: (0.0, 0.0), 0.0))


@pytest.mark.parametrize("acceleration", [0.4, 1.0, 2.0])
def test_a_starting_trajectory_starts_even_when_given_anew_each_decision(acceleration):
    path = path_of([(0.5 * acceleration * (0.5 * i) ** 2, 0.0, 0.0) for i in range(1, 7)])
    state, memory = (0.0, 0.0, 0.0, 0.0), CONFIG.new_memory()
    driven = 0.0
    for _ in range(8):  # eight decisions of 0.25 s, each takes the same trajectory from where the vehicle is
        state = (0.0, 0.0, 0.0, state[3])
        for tick in range(5):
            state = step(*state, *track(path, tick * TICK_S, *state, memory, CONFIG.gains))
        driven += state[0]
    assert driven > 0.2


def test_a_braking_trajectory_stops_near_its_end_and_not_past_it():
    # from 8 m/s at -4 m/s2: 8 m
    states = drive(lambda t: (8 * min(t, 2) - 2 * min(t, 2) ** 2, 0.0), 8.0)
    assert states[-1][3] < 0.01
    assert 6.0 < states[-1][0] <= 8.0


def test_a_steady_trajectory_keeps_its_speed_and_line():
    states = drive(lambda t: (8 * t, 0.0), 8.0)
    assert states[-1] == pytest.approx((24.0, 0.0, 0.0, 8.0), abs=1e-9)


@pytest.mark.parametrize("radius", [15.0, 40.0])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_an_arc_is_followed_to_its_side(radius, side):
    states = drive(lambda t: (radius * math.sin(5 * t / radius), side * radius * (1 - math.cos(5 * t / radius))), 5.0)
    for x, y, _, _ in states:
        assert abs(math.hypot(x, y - side * radius) - radius) < 0.6


def test_a_trajectory_backwards_brakes():
    assert drive(lambda t: (-t, 0.0), 3.0)[-1][3] < 1e-3


@given(st.floats(-5, 30), st.floats(-5, 5))
def test_the_place_on_a_straight_path_is_the_projection(x, y):
    path = path_of([(2.0 * (i + 1), 0.0, 0.0) for i in range(6)])
    assert place_on_path(path, x, y) == pytest.approx(max(x, 0.0), abs=1e-9)
    assert point_at(path, max(x, 0.0)) == pytest.approx((max(x, 0.0), 0.0), abs=1e-9)


def test_compiled_and_pure_python_agree():
    path = path_of([(3.0 * i, 0.1 * i * i, 0.0) for i in range(1, 7)])
    one, two = CONFIG.new_memory(), CONFIG.new_memory()
    for tick in range(25):
        state = (0.1 * tick, 0.02 * tick, 0.01 * tick, 5.0)
        assert track.py_func(path, tick * TICK_S, *state, one, CONFIG.gains) == pytest.approx(
            track(path, tick * TICK_S, *state, two, CONFIG.gains), abs=1e-12
        )


@pytest.mark.parametrize("wrong", [{"window": 0}, {"turn_p": float("nan")}, {"max_look_ahead_m": 1.0}])
def test_wrong_gains_are_refused(wrong):
    with pytest.raises(ValueError, match="TrackingConfig"):
        TrackingConfig(**wrong)
