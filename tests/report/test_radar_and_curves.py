import math
from xml.etree import ElementTree

import pytest

from craft.report.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, panels, ticks
from craft.report.radar import corner, radar


def test_corners_go_clockwise_from_the_top():
    # Four axes, radius 100: up, right, down, left; y grows downwards.
    for axis, place in enumerate([(0.0, -100.0), (100.0, 0.0), (0.0, 100.0), (-100.0, 0.0)]):
        assert corner(axis, 4, 1.0) == pytest.approx(place, abs=1e-9)
    # Three axes, the second at 120 degrees from the top: (sin 120, -cos 120) * 50.
    assert corner(1, 3, 0.5) == pytest.approx((50.0 * math.sqrt(0.75), 25.0))


def polygon(picture, name):
    found = next(element for element in picture.iter() if element.get("class") == name and element.get("points"))
    return [tuple(map(float, point.split(","))) for point in found.get("points").split()]


def test_the_radar_encloses_the_values():
    axes = ["up", "right", "down", "left"]
    picture = ElementTree.fromstring(
        radar({"before": dict.fromkeys(axes, 50.0), "after": dict(zip(axes, (100, 0, 20, 40), strict=True))})
    )
    assert polygon(picture, "before") == [(0, -50), (50, 0), (0, 50), (-50, 0)]
    assert polygon(picture, "after") == [(0, -100), (0, 0), (0, 20), (-40, 0)]
    assert [element.text for element in picture.iter("text") if not element.get("class")] == axes
    titles = [element.text for element in picture.iter("title")]
    assert "left: 40.0 %" in titles and len(titles) == 8


def test_axes_that_one_side_lacks_are_left_out_and_two_are_no_radar():
    four = dict.fromkeys("abcd", 10.0)
    picture = ElementTree.fromstring(radar({"before": four, "after": dict.fromkeys("abc", 10.0)}))
    assert len(polygon(picture, "before")) == 3
    assert radar({"before": four, "after": dict.fromkeys("ab", 10.0)}) == ""


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.5, 1.0]),  # a quarter is rounded up to a half
        (0.0, 0.8, [0.0, 0.2, 0.4, 0.6, 0.8]),
        (-3.0, 17.0, [-5.0, 0.0, 5.0, 10.0, 15.0, 20.0]),
        (0.0, 0.0, [-0.5, 0.0, 0.5]),  # a flat line lies in the middle
        (4.0, 4.0, [2.0, 3.0, 4.0, 5.0, 6.0]),
    ],
)
def test_ticks_are_round_and_span_the_values(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_a_curve_goes_through_its_values():
    rows = [{"round": r, "expected_advantage": v} for r, v in ((1, 0.0), (2, 0.8), (3, 0.4))]
    picture = ElementTree.fromstring(f"<div>{panels([('one', rows)])}</div>")
    line = next(picture.iter("polyline"))
    points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
    # Axis from 0 to 0.8: 0 at the bottom, 0.8 at the top; rounds 1, 2, 3 from left to right.
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    expected = [(LEFT, bottom), ((LEFT + right) / 2, TOP), (right, (TOP + bottom) / 2)]
    assert points == pytest.approx([pytest.approx(p, abs=0.01) for p in expected])
    labels = [element.text for element in picture.iter("text")]
    assert labels == ["0", "0.2", "0.4", "0.6", "0.8", "1", "2", "3", "training round"]


def test_metrics_that_no_run_has_have_no_panel_and_gaps_are_passed_over():
    rows = [{"round": 1, "entropy": 3.0, "loss": 1.0}, {"round": 2, "loss": 0.5}, {"round": 3, "loss": 0.2}]
    picture = ElementTree.fromstring(f"<div>{panels([('one', rows), ('two', [])])}</div>")
    assert [b.text for b in picture.iter("b")] == ["Entropy", "Loss"]
    assert [len(line.get("points").split()) for line in picture.iter("polyline")] == [1, 0, 3, 0]
    assert panels([("one", [])]) == ""
