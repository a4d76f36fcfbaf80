"""The overlap of oriented boxes against shapely."""

import math

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import box as rectangle

from carla_light.simulation.boxes import make_box, overlap_normal

coordinate = st.floats(-6.0, 6.0)
half = st.floats(0.1, 4.0)
boxes = st.tuples(coordinate, coordinate, st.floats(-180.0, 180.0), half, half)


def polygon(x, y, yaw, half_x, half_y):
    return affinity.translate(affinity.rotate(rectangle(-half_x, -half_y, half_x, half_y), yaw, origin=(0, 0)), x, y)


@settings(deadline=None)
@given(boxes, boxes)
def test_boxes_overlap_exactly_when_shapely_says_so(first, second):
    a, b = polygon(*first), polygon(*second)
    inside, apart = a.intersection(b).area, a.distance(b)
    assume(inside > 1e-6 or apart > 1e-6)  # closer than that, rounding decides
    normal = overlap_normal(make_box(*first, 0.0, 1.0), make_box(*second, 0.0, 1.0))
    assert (normal is not None) == (inside > 1e-6)


@settings(deadline=None)
@given(boxes, boxes)
def test_moving_along_the_normal_separates(first, second):
    normal = overlap_normal(make_box(*first, 0.0, 1.0), make_box(*second, 0.0, 1.0))
    assume(normal is not None)
    assert math.hypot(*normal) == 1.0 or abs(math.hypot(*normal) - 1.0) < 1e-9
    x, y, *rest = second
    far = (x + 40.0 * normal[0], y + 40.0 * normal[1], *rest)
    assert overlap_normal(make_box(*first, 0.0, 1.0), make_box(*far, 0.0, 1.0)) is None


def test_boxes_at_different_heights_do_not_overlap():
    ground, bridge = make_box(0, 0, 0, 2, 1, 0.0, 1.5), make_box(0, 0, 0, 2, 1, 5.0, 6.5)
    assert overlap_normal(ground, bridge) is None


def test_the_normal_is_the_axis_of_least_overlap_and_points_to_the_second_box():
    # 4 x 2 boxes, 3.5 ahead and 0.5 to the side: overlap 0.5 along x, 1.5 along y.
    assert overlap_normal(make_box(0, 0, 0, 2, 1, 0, 1), make_box(3.5, 0.5, 0, 2, 1, 0, 1)) == (1.0, 0.0)
    assert overlap_normal(make_box(0, 0, 0, 2, 1, 0, 1), make_box(-3.5, 0.5, 0, 2, 1, 0, 1)) == (-1.0, 0.0)
