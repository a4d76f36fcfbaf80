"""The expert's geometry against shapely and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from craft.world.expert_rollout import Shift, along_route, boxes_overlap, on_route, shifted, smooth_step
from kinematic_drive import rectangle

place, angle, size = st.floats(-8.0, 8.0), st.floats(-7.0, 7.0), st.floats(0.2, 4.0)


@settings(max_examples=300, deadline=None)
@given(place, place, angle, size, size, place, place, angle, size, size)
def test_boxes_overlap_as_shapely_says(x0, y0, a0, l0, w0, x1, y1, a1, l1, w1):
    first, other = rectangle(x0, y0, a0, l0, w0), rectangle(x1, y1, a1, l1, w1)
    found = boxes_overlap(x0, y0, a0, l0, w0, x1, y1, a1, l1, w1)
    if first.intersection(other).area > 1e-6:
        assert found
    elif first.distance(other) > 1e-6:
        assert not found


def quarter_circle(radius=20.0):
    s = np.arange(31.0)
    a = s / radius
    return np.stack([radius * np.sin(a), radius * (1.0 - np.cos(a)), a, s], axis=1)


@settings(max_examples=100, deadline=None)
@given(st.floats(-10.0, 45.0), st.floats(-4.0, 4.0))
def test_along_route_undoes_on_route(s, d):
    path = quarter_circle()
    x, y, _ = on_route(s, d, path)
    s1, d1, _ = along_route(x, y, path)
    # Straight pieces of 1 m on a radius of 20 m: off by d x 1/20 at most, per piece.
    assert (s1, d1) == pytest.approx((s, d), abs=0.15)


def test_a_shift_goes_out_holds_and_comes_back():
    shift = Shift(0.0, 0.0, 10.0, 3.5, 5.0, 10.0, 30.0, 12.0)
    # Nothing before 5 m, half at the middle of the ramp, all from 15 to 30 m, half at 36 m, nothing from 42 m.
    expected = {0.0: 0.0, 5.0: 0.0, 10.0: 1.75, 15.0: 3.5, 30.0: 3.5, 36.0: 1.75, 42.0: 0.0, 60.0: 0.0}
    assert {s: shifted(s, shift) for s in expected} == pytest.approx(expected)


def test_a_shift_begins_where_and_as_the_vehicle_is():
    shift = Shift(0.8, 0.1, 10.0, 2.0, 0.0, 10.0, 50.0, 10.0)
    assert shifted(0.0, shift) == pytest.approx(0.8)
    assert (shifted(1e-4, shift) - shifted(0.0, shift)) / 1e-4 == pytest.approx(0.1, abs=1e-3)
    assert shifted(10.0, shift) == pytest.approx(2.0)
    already = Shift(1.9, 0.0, 9.0, 2.0, -1.0, 0.5, 50.0, 10.0)  # beside the obstacle: shifted all along
    assert [shifted(s, already) for s in (0.0, 9.0, 20.0)] == pytest.approx([1.9, 2.0, 2.0])


def test_smooth_step():
    assert [smooth_step(u) for u in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]
