"""Speed checkpoints by hand."""

import numpy as np
import pytest

from craft.evaluation.efficiency import route_efficiency, speed_percentages
from craft.evaluation.quirks import Quirks
from craft.evaluation.trace import Trace


def trace(progress_m, speed_mps, traffic_mps, length_m=200.0):
    """A drive to the north-east; 20 stretches of 10 m."""
    count = len(progress_m)
    velocity = np.array(speed_mps, float)[:, None] * np.array([0.6, 0.8])
    zeros = np.zeros((count, 3))
    traffic = np.array(traffic_mps, float)
    return Trace(0.05, zeros, velocity, zeros[:, :2], zeros[:, 0], traffic, np.array(progress_m, float), length_m)


def test_means_of_each_stretch_that_was_driven_to_its_end():
    # Stretch 0: ego (4 + 8) / 2 = 6 of (10 + 5) / 2 = 7.5: 80 %. Stretch 1: 9 of 6: 150 %. Stretch 2 is not finished.
    drive = trace([0.0, 9.9, 10.0, 19.0, 21.0], [4.0, 8.0, 9.0, 9.0, 1.0], [10.0, 5.0, 6.0, 6.0, 6.0])
    assert speed_percentages(drive) == [80.0, 150.0]


def test_frames_without_traffic_count_in_neither_mean():
    drive = trace([0.0, 5.0, 12.0], [4.0, 8.0, 1.0], [8.0, np.nan, 8.0])
    assert speed_percentages(drive) == [50.0]


def test_rolling_back_does_not_reopen_a_stretch():
    # 9 m again after 12 m: that frame belongs to stretch 1, whose mean is (6 + 3) / 2 of 9
    drive = trace([0.0, 12.0, 9.0, 25.0], [9.0, 6.0, 3.0, 9.0], [9.0, 9.0, 9.0, 9.0])
    assert speed_percentages(drive) == [100.0, 50.0]


@pytest.mark.parametrize(("end_m", "count"), [(189.0, 18), (190.0, 19), (191.0, 20)])
def test_the_last_stretch_counts_after_95_per_cent(end_m, count):
    progress = np.append(np.arange(0.0, end_m, 5.0), end_m)
    assert len(speed_percentages(trace(progress, np.ones(len(progress)), np.ones(len(progress))))) == count


@pytest.mark.parametrize("traffic", [np.nan, 0.0])
def test_no_moving_traffic_is_no_value_but_100_with_the_quirk(traffic):
    drive = trace([0.0, 12.0], [4.0, 4.0], [traffic, 8.0])
    assert speed_percentages(drive) == []
    assert speed_percentages(drive, Quirks.BENCH2DRIVE) == [100.0]


def test_creeping_traffic_stands_but_not_with_the_quirk():
    drive = trace([0.0, 12.0], [4.0, 4.0], [0.05, 8.0])
    assert speed_percentages(drive) == []
    assert speed_percentages(drive, Quirks.BENCH2DRIVE) == [8000.0]


def test_a_route_is_the_mean_without_values_above_1000():
    assert route_efficiency([50.0, 100.0, 1000.01]) == 75.0
    assert route_efficiency([1000.0]) == 1000.0
    assert route_efficiency([2000.0]) is None
    assert route_efficiency([]) is None
