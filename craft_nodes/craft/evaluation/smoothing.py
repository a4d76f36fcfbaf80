"""The Savitzky-Golay filter: a polynomial fitted to a moving window by least squares."""

from math import factorial

import numpy as np


def savitzky_golay(values: np.ndarray, window: int, order: int, derivative: int = 0, dt_s: float = 1.0) -> np.ndarray:
    """Smoothed values, or a derivative of them.

    Each value is that of the polynomial fitted to the window around it; within half a window of an end it is that of
    the polynomial fitted to the first or the last window.

    Args:
        values: float64 [N], evenly spaced.
        window: Odd number of samples, at most N.
        order: Of the polynomial, below `window`.
        derivative: Which one; 0 smooths only.
        dt_s: Spacing [s].

    Returns:
        float64 [N], in units of `values` / s^derivative.

    Raises:
        ValueError: The window is even or longer than the series, or too short for the order.
    """
    if window % 2 == 0 or not order < window <= len(values):
        raise ValueError(
            f"a window of {window} for order {order} and {len(values)} samples; it must be odd and between"
        )
    half = window // 2
    offsets = np.arange(-half, half + 1.0)
    fit = np.linalg.pinv(np.vander(offsets, order + 1, increasing=True))  # [order + 1, window]
    powers = np.lib.stride_tricks.sliding_window_view(values, window) @ fit.T  # [N - window + 1, order + 1]
    scale = [factorial(k) / factorial(k - derivative) for k in range(derivative, order + 1)]
    slopes = powers[:, derivative:] * scale / dt_s**derivative  # of the derivative's polynomial
    before = np.vander(offsets[:half], slopes.shape[1], increasing=True) @ slopes[0]
    after = np.vander(offsets[half + 1 :], slopes.shape[1], increasing=True) @ slopes[-1]
    return np.concatenate([before, slopes[:, 0], after])
