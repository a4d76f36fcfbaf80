"""Reference lines: closed forms, and a numerical integration that knows nothing of arcs."""

from math import cos, hypot, pi, sin, tan

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from carla_light.towns.geometry import (
    Corner,
    Piece,
    Pose,
    advance,
    arc,
    finish,
    rounded_polyline,
    tangent_curve,
    wrap,
)
from carla_light.towns.junction import CORNER_RADIUS_M, setback


def test_a_quarter_circle_to_the_left():
    # radius 10 from the origin heading east: the centre is (0, 10), the end is (10, 10) heading north
    end = advance(Pose(0.0, 0.0, 0.0), arc(10.0, pi / 2))
    assert (end.x, end.y, end.heading) == pytest.approx((10.0, 10.0, pi / 2))


def test_a_quarter_circle_to_the_right():
    end = advance(Pose(0.0, 0.0, 0.0), arc(10.0, -pi / 2))
    assert (end.x, end.y, end.heading) == pytest.approx((10.0, -10.0, -pi / 2))


@given(
    heading=st.floats(-3.0, 3.0),
    length=st.floats(0.5, 80.0),
    curvature=st.one_of(st.just(0.0), st.floats(0.01, 0.2), st.floats(-0.2, -0.01)),
)
def test_advance_equals_integration_of_the_heading(heading, length, curvature):
    x, y, n = 3.0, -2.0, 2000
    for k in range(n):  # midpoint rule: its error is (length / n)^2 curvature^2 length / 24, below 1e-3 m
        g = heading + curvature * length * (k + 0.5) / n
        x, y = x + cos(g) * length / n, y + sin(g) * length / n
    end = advance(Pose(3.0, -2.0, heading), Piece(length, curvature))
    assert hypot(end.x - x, end.y - y) < 1e-3
    assert abs(wrap(end.heading - heading - curvature * length)) < 1e-9


@given(
    heading=st.floats(-3.0, 3.0),
    turn=st.one_of(st.floats(0.1, 2.8), st.floats(-2.8, -0.1)),
    before=st.floats(0.5, 50.0),
    after=st.floats(0.5, 50.0),
)
def test_a_turn_ends_at_its_pose(heading, turn, before, after):
    # the tangents meet `before` metres ahead of the start and `after` metres behind the end
    start = Pose(-4.0, 7.0, heading)
    corner = start.moved(before, 0.0)
    target = Pose(corner.x, corner.y, wrap(heading + turn)).moved(after, 0.0)
    pieces = tangent_curve(start, target)
    end = finish(start, pieces)
    assert hypot(end.x - target.x, end.y - target.y) < 1e-6
    assert abs(wrap(end.heading - target.heading)) < 1e-9
    assert all(piece.length > 0.0 for piece in pieces)


@given(heading=st.floats(-3.0, 3.0), ahead=st.floats(5.0, 50.0), left=st.floats(-4.0, 4.0))
@example(heading=0.5, ahead=43.0, left=1e-6)
def test_a_shift_sideways_ends_parallel(heading, ahead, left):
    start = Pose(1.0, 2.0, heading)
    target = start.moved(ahead, left)
    end = finish(start, tangent_curve(start, target))
    assert hypot(end.x - target.x, end.y - target.y) < 1.1e-6  # a shift below 1e-6 m is left out
    assert abs(wrap(end.heading - heading)) < 1e-9


@pytest.mark.parametrize(
    "target",
    [Pose(-5.0, 0.0, 0.0), Pose(5.0, -5.0, pi / 2), Pose(-5.0, 5.0, pi / 2)],
    ids=["behind", "wrong side", "corner behind"],
)
def test_impossible_turns_are_refused(target):
    with pytest.raises(ValueError, match="m behind the start|no arc joins"):
        tangent_curve(Pose(0.0, 0.0, 0.0), target)


def test_a_rounded_corner():
    # 100 m east, then 100 m north with radius 20: 80 m, a quarter circle of 10 pi, 80 m
    start, pieces = rounded_polyline((0.0, 0.0), [Corner(100.0, 0.0, 20.0)], (100.0, 100.0))
    assert [piece.length for piece in pieces] == pytest.approx([80.0, 10.0 * pi, 80.0])
    end = finish(start, pieces)
    assert (end.x, end.y) == pytest.approx((100.0, 100.0))


def test_a_corner_without_room_is_refused():
    with pytest.raises(ValueError, match=r"\(100, 0\) needs a radius below 120 m"):
        rounded_polyline((0.0, 0.0), [Corner(100.0, 0.0, 120.0)], (100.0, 100.0))
    with pytest.raises(ValueError, match="smaller radius"):
        rounded_polyline((0.0, 0.0), [Corner(100.0, 0.0, 60.0)], (100.0, 40.0))


def test_setback_at_a_right_angle():
    # legs east (6 m wide to each side) and north (9 m): the corner of the edges is 9 m along the eastern leg, and the
    # arc of radius r in a right angle begins r tan(45 deg) = r farther
    assert setback(0.0, (6.0, 6.0), [(pi / 2, (9.0, 9.0))]) == pytest.approx(9.0 + CORNER_RADIUS_M)


def test_setback_at_sixty_degrees():
    # both 5 m wide: the edges meet on the bisector, 5 / tan(30 deg) along; the arc begins r / tan(30 deg) farther
    expected = (5.0 + CORNER_RADIUS_M) / tan(pi / 6)
    assert setback(0.0, (5.0, 5.0), [(pi / 3, (5.0, 5.0))]) == pytest.approx(expected)
    assert setback(0.0, (5.0, 5.0), [(-pi / 3, (5.0, 5.0))]) == pytest.approx(expected)


def test_legs_in_line_share_no_corner():
    assert setback(0.0, (5.0, 5.0), [(pi, (5.0, 5.0))]) == 0.0
