"""Red lights and stop signs, frame by frame."""

import pytest

from craft.events import EventKind, EventMonitor
from craft.perception import ObservationBuilder
from craft.scene import LightState, StopKind
from frames_by_hand import frame
from synthetic_roads import crossing, straight_route

RED, YELLOW, GREEN = LightState.RED, LightState.YELLOW, LightState.GREEN
LINE = 50.0  # x of the stop line
HALF_LENGTH = 2.446


class Drive:
    """Drives east through the crossing along given positions."""

    def __init__(self, kind=StopKind.LIGHT):
        road = crossing(kind)
        self._builder, self.monitor = ObservationBuilder(road, HALF_LENGTH, 0.918), EventMonitor(road)
        self._builder.begin(1, straight_route(30.0, 150.0), 0.0)
        self.monitor.begin(1)
        self._frame = 0

    def at(self, x, speed, light=GREEN, rows=()):
        seen = self._builder.observe(frame(0.05 * self._frame, x=x, speed=speed, rows=rows, lights={7: light}))
        self._frame += 1
        return self.monitor.observe(seen)

    def roll(self, start, end, speed, light=GREEN):
        events, x = [], start
        while x < end:
            events += self.at(x, speed, light(x) if callable(light) else light)
            x += 0.05 * speed
        return events


def infractions(events):
    return [event.kind for event in events if event.infraction]


def test_a_red_light_counts_once_when_the_tail_passes_the_line():
    drive = Drive()
    events = drive.roll(40.0, 60.0, 8.0, RED)
    assert infractions(events) == [EventKind.RED_LIGHT]
    # The tail segment begins 0.8 x 2.446 = 1.957 m behind the centre. At 0.4 m a frame (40.0, 40.4, ...)
    # the first frame with the centre at least 1.957 m past the line is frame 30, x = 52.0.
    (counted,) = [event for event in events if event.infraction]
    assert counted.x == pytest.approx(52.0, abs=1e-5)
    assert counted.stamp_s == pytest.approx(1.5)
    assert counted.other_id == 7


def test_the_rewards_zone_runs_from_the_front_over_the_line_to_the_tail_over_it():
    drive = Drive()
    flagged = []
    for k in range(60):
        x = 40.0 + 0.4 * k
        drive.at(x, 8.0, RED)
        reward = drive.monitor.decision_reward()
        if EventKind.RED_LIGHT in reward.events:
            assert reward.reward == -2.0
            flagged.append(x)
    # Front over the line: x >= 50 - 2.446 = 47.554. Tail (and 1 m) over it: x > 53.446.
    assert flagged[0] == pytest.approx(47.6)
    assert flagged[-1] == pytest.approx(53.2)


@pytest.mark.parametrize("light", [GREEN, YELLOW])
def test_green_and_yellow_may_be_passed(light):
    drive = Drive()
    assert drive.roll(40.0, 60.0, 8.0, light) == []
    assert drive.monitor.decision_reward().events == ()


def test_red_after_the_front_is_over_is_no_zone_but_the_tail_still_counts():
    # The light turns red with the centre on the line, as for a yellow taken too late: the leaderboard counts the tail.
    drive = Drive()
    events = drive.roll(40.0, 60.0, 8.0, lambda x: RED if x > 50.0 else YELLOW)
    assert infractions(events) == [EventKind.RED_LIGHT]
    assert all(event.infraction for event in events)


def test_red_after_the_tail_is_over_does_not_count():
    drive = Drive()
    assert drive.roll(40.0, 60.0, 8.0, lambda x: RED if x > 53.5 else GREEN) == []


def test_standing_before_a_red_light_costs_nothing():
    drive = Drive()
    for k in range(200):
        assert drive.at(min(40.0 + 0.2 * k, 46.5), 0.0 if k > 32 else 4.0, RED) == []
    assert drive.monitor.decision_reward().reward == 0.0


def test_a_stop_sign_passed_without_standing_counts_once():
    drive = Drive(StopKind.STOP)
    events = drive.roll(40.0, 60.0, 6.0)
    assert infractions(events) == [EventKind.STOP_SIGN]
    assert drive.monitor.decision_reward().reward == -2.0


def test_a_stop_sign_stood_at_is_free():
    drive = Drive(StopKind.STOP)
    drive.roll(40.0, 46.0, 4.0)
    drive.at(46.2, 0.0)
    assert drive.roll(46.3, 60.0, 4.0) == []
    assert drive.monitor.decision_reward().events == ()


def test_a_yield_line_may_be_passed():
    drive = Drive(StopKind.YIELD)
    assert drive.roll(40.0, 60.0, 8.0) == []


@pytest.mark.parametrize(
    ("rows", "held_up"),
    [
        ((), True),
        (((1, 0, 62.0, 0.0, 0.0, 0.0, 2.0, 0.9),), False),  # somebody stands 15 m ahead on the route
        (((1, 0, 61.75, -20.0, 1.5708, 8.0, 2.0, 0.9),), False),  # crosses within 4 s
        (((1, 0, 40.0, 0.0, 0.0, 0.0, 2.0, 0.9),), True),  # waits behind
        (((1, 0, 62.0, 20.0, 1.5708, 8.0, 2.0, 0.9),), True),  # has crossed and drives away
    ],
)
def test_waiting_at_green_costs_reward_only_when_the_path_is_clear(rows, held_up):
    drive = Drive()
    events = []
    for _ in range(60):  # 3 s; the grace time is 2 s
        events += drive.at(46.0, 0.0, GREEN, rows)
    assert (EventKind.RED_LIGHT in drive.monitor.decision_reward().events) == held_up
    assert infractions(events) == []
    assert len(events) == held_up  # told once, when it begins


def test_starting_within_the_grace_time_is_free():
    drive = Drive()
    for _ in range(39):
        assert drive.at(46.0, 0.0, GREEN) == []
    assert drive.roll(46.1, 60.0, 3.0) == []
    assert drive.monitor.decision_reward().events == ()
