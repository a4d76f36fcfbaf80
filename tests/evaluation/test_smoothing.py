"""The Savitzky-Golay filter against its published coefficients and against polynomials."""

import numpy as np
import pytest

from craft.evaluation.smoothing import savitzky_golay


def impulse_response(window, order, derivative=0):
    """The weights of a window: what an impulse at each of its places adds to the middle value."""
    half = window // 2
    return [savitzky_golay(row, window, order, derivative)[half] for row in np.eye(window)]


def test_coefficients_are_the_published_ones():
    # Savitzky and Golay 1964, quadratic: 5 points / 35, 7 points / 21; first derivative, 7 points / 28
    assert impulse_response(5, 2) == pytest.approx(np.array([-3, 12, 17, 12, -3]) / 35)
    assert impulse_response(7, 2) == pytest.approx(np.array([-2, 3, 6, 7, 6, 3, -2]) / 21)
    assert impulse_response(7, 2, 1) == pytest.approx(np.array([-3, -2, -1, 0, 1, 2, 3]) / 28)


def test_a_parabola_comes_back_with_its_derivatives_up_to_both_ends():
    t = 0.1 * np.arange(12)
    parabola = 2.0 - 3.0 * t + 5.0 * t**2
    assert savitzky_golay(parabola, 7, 2) == pytest.approx(parabola)
    assert savitzky_golay(parabola, 7, 2, 1, 0.1) == pytest.approx(-3.0 + 10.0 * t)
    assert savitzky_golay(parabola, 7, 2, 2, 0.1) == pytest.approx(np.full(12, 10.0))


def test_near_an_end_the_polynomial_of_the_outermost_window_is_read():
    # A line is fitted to three points: to (0, 1, 5) it is y = -0.5 + 2.5 i, to (1, 5, 0) it is y = 2.5 - 0.5 (i - 1).
    assert savitzky_golay(np.array([0.0, 1.0, 5.0, 0.0]), 3, 1) == pytest.approx([-0.5, 2.0, 2.0, 1.5])


@pytest.mark.parametrize(("window", "order"), [(4, 2), (3, 3), (9, 2)])
def test_windows_that_cannot_be_are_refused(window, order):
    with pytest.raises(ValueError, match=f"a window of {window}"):
        savitzky_golay(np.zeros(8), window, order)
