"""Collisions, road surface, route, rewards and records."""

import numpy as np
import pytest

from craft.events import EventConfig, EventKind, EventMonitor
from craft.perception import Collision, ObservationBuilder
from craft.scene import AgentKind
from frames_by_hand import frame
from synthetic_roads import crossing, straight_road, straight_route

HALF_LENGTH, HALF_WIDTH = 2.446, 0.918


class Drive:
    """Feeds frames made by hand to builder and monitor."""

    def __init__(self, road=None, route=None):
        road = road or straight_road()
        self._builder, self.monitor = ObservationBuilder(road, HALF_LENGTH, HALF_WIDTH), EventMonitor(road)
        self._builder.begin(1, route or straight_route(), 0.0)
        self.monitor.begin(1, "route", "T_Junction", 5)

    def at(self, stamp_s, x, y=0.0, yaw=0.0, speed=5.0, rows=(), hits=()):
        collisions = tuple(Collision(stamp_s, other, 100.0) for other in hits)
        return self.monitor.observe(self._builder.observe(frame(stamp_s, x, y, yaw, speed, rows)), collisions)


def kinds(events):
    return [event.kind for event in events]


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (0, EventKind.COLLISION_LAYOUT),
        (1, EventKind.COLLISION_VEHICLE),
        (2, EventKind.COLLISION_VEHICLE),
        (3, EventKind.COLLISION_PEDESTRIAN),
        (77, EventKind.COLLISION_LAYOUT),  # a prop: an actor, but no road user
    ],
)
def test_collision_kind_follows_the_other_party(other, kind):
    rows = [
        (1 + n, k, 12.0 + n, 0.0, 0.0, 0.0, 1.0, 0.5)
        for n, k in enumerate((AgentKind.VEHICLE, AgentKind.BICYCLE, AgentKind.WALKER))
    ]
    drive = Drive()
    (event,) = drive.at(0.0, 10.0, rows=rows, hits=(other,))
    assert (event.kind, event.other_id, event.infraction) == (kind, other, True)
    assert drive.monitor.decision_reward().reward == -5.0


def test_collision_with_one_just_removed_is_still_known():
    drive = Drive()
    drive.at(0.0, 10.0, rows=[(3, AgentKind.WALKER, 12.0, 0.0, 0.0, 0.0, 0.2, 0.2)])
    (event,) = drive.at(0.05, 10.2, hits=(3,))
    assert event.kind == EventKind.COLLISION_PEDESTRIAN


def test_contacts_of_a_standing_vehicle_are_not_its_doing():
    drive = Drive()
    assert drive.at(0.0, 10.0, speed=0.05) == []
    assert drive.at(0.05, 10.0, speed=0.05, hits=(0,)) == []
    # But a vehicle that the contact itself stopped was driving in the frame before.
    drive.at(0.1, 10.2, speed=5.0)
    assert len(drive.at(0.15, 10.3, speed=0.0, hits=(0,))) == 1


def test_the_same_party_counts_again_only_after_5_s_and_5_m():
    drive = Drive()
    counted = []
    for k in range(1, 300):  # 0.05 m a frame: 5 s are 100 frames and 5 m are 100 frames too
        counted += drive.at(0.05 * k, 0.05 * k, hits=(0,))
    assert [round(event.stamp_s / 0.05) for event in counted] == pytest.approx([1, 101, 201], abs=1)
    faster = Drive()
    counted = []
    for k in range(1, 300):  # 0.5 m a frame: the distance is reached long before the time
        counted += faster.at(0.05 * k, 0.5 * k, speed=10.0, hits=(0,))
    assert [round(event.stamp_s / 0.05) for event in counted] == pytest.approx([1, 101, 201], abs=1)
    slow = Drive()
    counted = []
    for k in range(1, 300):  # 0.025 m a frame: 5 m after 200 frames
        counted += slow.at(0.05 * k, 0.025 * k, hits=(0,))
    assert [round(event.stamp_s / 0.05) for event in counted] == pytest.approx([1, 201], abs=1)


def test_two_parties_are_two_collisions_but_one_penalty():
    drive = Drive()
    rows = [(1, AgentKind.VEHICLE, 12.0, 0.0, 0.0, 0.0, 1.0, 0.5)]
    events = drive.at(0.0, 10.0, rows=rows, hits=(0, 1))
    assert sorted(kinds(events)) == [EventKind.COLLISION_VEHICLE, EventKind.COLLISION_LAYOUT]
    reward = drive.monitor.decision_reward()
    assert reward.reward == -5.0
    assert reward.events == (EventKind.COLLISION_VEHICLE, EventKind.COLLISION_LAYOUT)


def test_off_road_begins_with_the_first_corner():
    drive = Drive()  # the road's right edge lies at y = -1.75
    # Right corners at y - 0.918: off (by more than the 0.05 m margin) below y = -0.882.
    assert drive.at(0.0, 10.0, -0.87) == []
    assert kinds(drive.at(0.05, 10.3, -0.89)) == [EventKind.OFF_ROAD]
    assert drive.at(0.1, 10.6, -0.89) == []  # told once ...
    assert drive.monitor.decision_reward().reward == -0.5  # ... and charged once a decision
    drive.at(0.15, 10.9, -0.89)
    assert drive.monitor.decision_reward().reward == -0.5  # but in the next decision again
    drive.at(0.2, 11.2, 0.0)
    assert drive.monitor.decision_reward().reward == 0.0
    assert kinds(drive.at(0.25, 11.5, -0.89)) == [EventKind.OFF_ROAD]


def test_off_route_and_emergency_lane():
    drive = Drive(straight_road(lanes=3, shoulder=True))  # lanes at 0, -3.5, -7; shoulder from -8.75 to -11.25
    assert drive.at(0.0, 10.0, -5.9) == []
    assert kinds(drive.at(0.05, 10.3, -6.1)) == [EventKind.OFF_ROUTE]
    assert kinds(drive.at(0.1, 10.6, -9.5)) == [EventKind.EMERGENCY_LANE]
    reward = drive.monitor.decision_reward()
    assert reward.events == (EventKind.OFF_ROUTE, EventKind.EMERGENCY_LANE)
    assert reward.reward == pytest.approx(-0.5 - 0.2)


def test_progress_is_that_of_the_decision():
    drive = Drive()
    for k in range(11):
        drive.at(0.05 * k, 5.0 + 0.3 * k)
        if k % 5 == 0:
            reward = drive.monitor.decision_reward()
            assert reward.progress_m == pytest.approx(1.5 if k else 0.0)


def test_record_of_a_clean_drive():
    drive = Drive()
    for k in range(20):
        drive.at(0.05 * k, 0.5 * k, speed=10.0)
    record = drive.monitor.finish("Completed", 100.0, 9.5, 0.95, False)
    assert record.success and record.driving_score == 100.0 and record.infraction_score == 1.0
    assert (record.scenario, record.route_id, record.seed, record.events) == ("T_Junction", "route", 5, ())


def test_distance_outside_the_lanes_is_charged_by_its_share():
    drive = Drive()
    # Outside is farther than 0.5 m from the lane's edge at y = -1.75. 100 steps of 0.2 m, 25 of them end outside.
    for k in range(101):
        drive.at(0.05 * k, 0.2 * k, -2.3 if 0 < k <= 25 else -1.0, speed=4.0)
    record = drive.monitor.finish("Completed", 100.0, 20.0, 5.0, False)
    # The first step outside and the first one back are longer (1.3 m sideways); the first counts as outside.
    outside = 24 * 0.2 + np.hypot(0.2, 1.3)
    assert record.outside_percentage == pytest.approx(100.0 * outside / 20.0, rel=1e-4)
    assert record.infraction_score == pytest.approx(1.0 - outside / 20.0, rel=1e-4)
    assert record.infractions == (EventKind.OFF_ROAD,)
    assert not record.success


@pytest.mark.parametrize("obstacle", [False, True])
def test_the_oncoming_lane_is_outside_unless_an_obstacle_is_passed(obstacle):
    drive = Drive()
    rows = [(1, AgentKind.VEHICLE, 20.0, 0.0, 0.0, 0.0, 2.4, 0.9)] if obstacle else []
    for k in range(50):
        drive.at(0.05 * k, 10.0 + 0.4 * k, 3.5, speed=8.0, rows=rows)
    record = drive.monitor.finish("Completed", 100.0, 19.6, 2.5, False)
    assert record.success == obstacle
    assert record.outside_percentage == pytest.approx(0.0 if obstacle else 100.0, rel=1e-3)


def test_inside_a_junction_no_lane_is_the_wrong_one():
    drive = Drive(crossing(), straight_route(40.0, 150.0))
    for k in range(20):
        drive.at(0.05 * k, 53.0 + 0.5 * k, 3.5, speed=10.0)
    assert drive.monitor.finish("Completed", 100.0, 9.5, 1.0, False).outside_percentage == 0.0


def test_frames_of_another_episode_or_time_are_refused():
    drive = Drive()
    seen = drive._builder.observe(frame(0.0, 1.0))
    drive.monitor.observe(seen)
    with pytest.raises(ValueError, match="comes after"):
        drive.monitor.observe(seen)
    drive.monitor.begin(2)
    with pytest.raises(ValueError, match="episode 1 while episode 2"):
        drive.monitor.observe(seen)


def test_a_weight_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="EventConfig.collision_weight"):
        EventConfig(collision_weight=float("nan"))
