import math

import numpy as np
import pytest

from craft.perception.inputs import Collision
from craft.world.route_line import RouteLine
from craft.world.termination import (
    BLOCKED,
    COMPLETED,
    DEVIATED,
    FAILED,
    TICK_RUNTIME,
    TIMED_OUT,
    Termination,
    TerminationConfig,
)
from frames_by_hand import frame

LINE = RouteLine(np.stack([np.arange(0.0, 101.0), np.zeros(101)], axis=1))  # 100 m straight ahead
DT_S = 0.05


def drive(poses, speed=10.0, config=None, line=LINE, collisions=None):
    """Feeds poses (x, y); returns the termination. `collisions`: index of the frame with a contact."""
    termination = Termination(line, config or TerminationConfig())
    for k, (x, y) in enumerate(poses):
        contacts = [Collision(k * DT_S, 7, 100.0)] if k == collisions else []
        if termination.update(frame(10.0 + k * DT_S, x, y, speed=speed, collisions=contacts)) is not None:
            break
    return termination


def test_completes_after_99_per_cent_within_10_m():
    done = drive([(0.5 * k, 0.0) for k in range(400)]).outcome
    # 99 % of 100 m is passed at x = 99.5, the 199th step of 0.5 m: 199 * 0.05 s = 9.95 s
    assert done.status == COMPLETED and done.route_completion == 100.0 and not done.truncated
    assert done.driven_m == pytest.approx(99.5) and done.duration_s == pytest.approx(9.95)


def test_collision_ends_at_once_with_the_share_driven():
    done = drive([(0.5 * k, 0.0) for k in range(400)], collisions=80).outcome
    assert done.status == FAILED and done.route_completion == pytest.approx(40.0) and done.duration_s == 4.0


def test_contact_while_standing_is_ignored():
    assert drive([(5.0, 0.0)] * 100, speed=0.05, collisions=50).outcome is None


def test_contact_counts_by_the_speed_before_it_when_it_stops_the_vehicle():
    termination = Termination(LINE, TerminationConfig())
    termination.update(frame(0.0, 5.0, 0.0, speed=3.0))
    done = termination.update(frame(0.05, 5.1, 0.0, speed=0.0, collisions=[Collision(0.05, 7, 1.0)]))
    assert done.status == FAILED


def test_blocked_after_standing_for_the_limit_and_not_before():
    config = TerminationConfig(blocked_s=2.0)
    assert drive([(5.0, 0.0)] * 40, speed=0.0, config=config).outcome is None  # frame 39 stands for 1.95 s
    done = drive([(5.0, 0.0)] * 60, speed=0.0, config=config).outcome
    assert done.status == BLOCKED and done.duration_s == pytest.approx(2.0) and not done.truncated


def test_leaving_by_more_than_30_m_is_a_deviation():
    poses = [(20.0, 0.5 * k) for k in range(200)]
    done = drive(poses).outcome
    assert done.status == DEVIATED and done.driven_m == pytest.approx(30.5)


def test_driving_beside_the_route_for_30_per_cent_of_it_is_a_deviation():
    # 20 m aside is more than 15 m: nothing counts as driven, and after 30 m of 100 m the episode ends
    done = drive([(0.5 * k, 20.0) for k in range(400)]).outcome
    assert done.status == DEVIATED and done.route_completion == 0.0
    assert done.driven_m == pytest.approx(30.5, abs=0.6)


def test_time_limit_grows_with_the_route_and_truncates():
    config = TerminationConfig(base_time_s=1.0, pace_mps=50.0)  # 1 + 100 / 50 = 3 s
    done = drive([(0.01 * k, 0.0) for k in range(400)], speed=0.2, config=config).outcome
    assert done.status == TIMED_OUT and done.truncated and done.duration_s == pytest.approx(3.0)


def test_tick_cap():
    done = drive([(0.01 * k, 0.0) for k in range(400)], speed=0.2, config=TerminationConfig(max_ticks=50)).outcome
    assert done.status == TICK_RUNTIME and done.truncated and done.duration_s == pytest.approx(2.5)


def test_progress_does_not_jump_to_a_later_part_that_comes_near():
    # out 60 m, back 60 m on a parallel 4 m to the left: the return passes next to the start
    out = [(float(x), 0.0) for x in range(61)]
    back = [(float(x), 4.0) for x in range(60, -1, -1)]
    termination = drive([(5.0, 2.5)] * 3, line=RouteLine(np.array(out + back)))
    assert termination.progress_m == pytest.approx(5.0)


def test_projection_is_signed_and_inverse_to_pose():
    angle = np.linspace(0.0, math.pi, 200)
    arc = RouteLine(np.stack([20.0 * np.sin(angle), 20.0 - 20.0 * np.cos(angle)], axis=1))  # a left turn, radius 20 m
    assert arc.length_m == pytest.approx(20.0 * math.pi, rel=1e-4)
    for s, left in ((3.3, 1.5), (31.0, -2.0), (60.0, 0.7)):
        x, y, _ = arc.pose(s, left)
        assert math.hypot(x, y - 20.0) == pytest.approx(20.0 - left, abs=2e-3)
        assert arc.project(x, y) == pytest.approx((s, left), abs=0.02)
    assert arc.turn(0.0, 10.0 * math.pi) == pytest.approx(math.pi / 2.0, abs=0.02)


def test_repeated_route_point_is_refused():
    with pytest.raises(ValueError, match="point 1 of a route is repeated"):
        RouteLine(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))
