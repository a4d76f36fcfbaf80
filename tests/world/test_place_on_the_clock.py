"""What an episode gives does not depend on when it was driven: not even on the last bit of a stamp."""

import numpy as np

from craft.policies.controller import TrajectoryController
from craft.scene.timing import FRAME_DT_S
from craft.world.route_line import RouteLine
from craft.world.termination import Termination, TerminationConfig
from frames_by_hand import frame

TICKS = (0, 6, 1_000, 54_321)  # frames driven before the episode


def test_plain_differences_of_stamps_do_depend_on_it():
    assert len({(ticks + 3) * FRAME_DT_S - ticks * FRAME_DT_S for ticks in TICKS}) > 1


def test_a_blocked_vehicle_is_given_up_in_the_same_frame():
    line = RouteLine(np.array([[0.0, 0.0], [100.0, 0.0]]))
    ends = set()
    for ticks in TICKS:
        termination, count = Termination(line, TerminationConfig(blocked_s=0.15)), 0
        while termination.update(frame((ticks + count) * FRAME_DT_S, 0.0)) is None:
            count += 1
        ends.add((count, termination.outcome))
    assert len(ends) == 1


def test_a_trajectory_is_followed_with_the_same_bits():
    trajectory = np.stack([4.0 * np.arange(1, 7), 0.1 * np.arange(1, 7) ** 2, np.zeros(6)], axis=1)
    controls = set()
    for ticks in TICKS:
        age_s = (ticks + 3) * FRAME_DT_S - ticks * FRAME_DT_S
        controls.add(TrajectoryController().follow(trajectory, (0.0, 0.0, 0.0), (1.1, 0.03, 0.01), age_s, 7.7))
    assert len(controls) == 1
