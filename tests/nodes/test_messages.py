"""Every conversion between messages and arrays, there and back, through the wire format."""

import math

import numpy as np
import pytest
from craft_msgs.msg import CandidateReturns, Decision
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message

from craft.events import EpisodeRecord, Event, EventKind, GroundedReward
from craft.perception.inputs import Collision, Odometry, TrackedObjects, VehicleStatus
from craft.scene import (
    MAX_AGENTS,
    MAX_STOP_LINES,
    ROUTE_POINTS,
    AgentField,
    AgentKind,
    EgoField,
    Observation,
    RoadMap,
    Route,
    RouteField,
    StopField,
)
from craft.scene.light_box import LightBox
from craft.training import StepKey
from craft_nodes import messages

finite = st.floats(-1e4, 1e4)
angle = st.floats(-math.pi + 1e-6, math.pi - 1e-6)
unit = st.floats(0, 1)


def wire(msg):
    """The message after a trip through CDR, as a subscriber gets it."""
    return deserialize_message(serialize_message(msg), type(msg))


@given(st.integers(0, 2 * 10**12))
def test_stamps_survive_to_the_microsecond(microseconds):
    stamp = microseconds / 1e6
    assert messages.from_time(messages.to_time(stamp)) == pytest.approx(stamp, abs=1e-9)
    assert messages.to_time(messages.from_time(messages.to_time(stamp))) == messages.to_time(stamp)


@given(finite, finite, angle, finite, finite, finite)
def test_odometry(x, y, yaw, vx, vy, rate):
    back = messages.odometry_from_msg(wire(messages.odometry_to_msg(Odometry(12.05, x, y, yaw, vx, vy, rate), "hero")))
    assert (back.stamp_s, back.x, back.y, back.vx, back.vy, back.yaw_rate) == (12.05, x, y, vx, vy, rate)
    assert back.yaw == pytest.approx(yaw, abs=1e-9)


@given(finite, unit, st.floats(-1, 1), unit, angle)
def test_vehicle_status(acceleration, throttle, steer, brake, yaw):
    odometry = Odometry(1.0, 0.0, 0.0, yaw, 3.0, 4.0, 0.0)
    msg = wire(messages.status_to_msg(VehicleStatus(1.0, acceleration, throttle, steer, brake), odometry, "hero"))
    assert msg.velocity == 5.0
    back = messages.status_from_msg(msg)
    assert back.acceleration == pytest.approx(acceleration, abs=1e-6 * max(1.0, abs(acceleration)))
    assert (back.throttle, back.steer, back.brake) == pytest.approx((throttle, steer, brake), abs=1e-6)


def test_a_command_keeps_its_stamp_and_values():
    stamp = messages.to_time(7.35)
    msg = wire(messages.control_to_msg(stamp, 0.5, -0.25, 0.0))
    assert (msg.header.stamp, msg.throttle, msg.steer, msg.brake) == (stamp, 0.5, -0.25, 0.0)


def test_collision():
    collision = Collision(3.15, 42, 977.0)
    assert messages.collision_from_msg(wire(messages.collision_to_msg(collision, "hero"))) == collision


@st.composite
def tracked_objects(draw):
    n = draw(st.integers(0, 5))
    rows = np.array(draw(st.lists(st.lists(finite, min_size=8, max_size=8), min_size=n, max_size=n))).reshape(n, 8)
    rows[:, 2] = np.clip(rows[:, 2], -3.0, 3.0)
    sizes = np.array(draw(st.lists(st.lists(st.floats(0.1, 10), min_size=2, max_size=2), min_size=n, max_size=n)))
    return TrackedObjects(
        stamp_s=0.05,
        ids=np.arange(1, n + 1),
        kinds=np.array(draw(st.lists(st.sampled_from(list(AgentKind)), min_size=n, max_size=n)), np.uint8),
        poses=rows[:, :3],
        velocities=rows[:, 3:5],
        yaw_rates=rows[:, 5],
        accelerations=rows[:, 6:8],
        half_sizes=sizes.reshape(n, 2),
    )


@given(st.lists(tracked_objects(), min_size=1, max_size=4))
@settings(max_examples=50)
def test_objects_and_their_reused_messages(sequence):
    """The writer reuses its messages: no call may leave anything of an earlier one behind."""
    writer = messages.ObjectArrayWriter("hero")
    for objects in sequence:
        back = messages.objects_from_msg(wire(writer(objects)))
        np.testing.assert_array_equal(back.ids, objects.ids)
        np.testing.assert_array_equal(back.kinds, objects.kinds)
        for name in ("poses", "velocities", "yaw_rates", "accelerations", "half_sizes"):
            np.testing.assert_allclose(getattr(back, name), getattr(objects, name), atol=1e-9)


@given(st.dictionaries(st.integers(1, 2**32 - 1), st.integers(0, 4), max_size=8))
def test_lights(lights):
    assert messages.lights_from_msg(wire(messages.lights_to_msg(lights))) == lights


def test_light_boxes_and_an_offset_trigger_volume():
    boxes = [LightBox(7, 10.0, -4.0, 0.5, 3.5, 2.0), LightBox(8, 0.0, 0.0, -3.0, 1.0, 1.0)]
    for box, back in zip(boxes, messages.light_boxes_from_msg(wire(messages.light_boxes_to_msg(boxes))), strict=True):
        for field in ("id", "x", "y", "yaw", "half_x", "half_y"):
            assert getattr(back, field) == pytest.approx(getattr(box, field), abs=1e-12)
    # A bridge puts the transform at the pole and gives the volume's centre relative to it. Pole at (1, 2) facing +y,
    # centre 3 m ahead of it: (1, 2) + R(90 deg)(3, 0) = (1, 5).
    msg = messages.light_boxes_to_msg([LightBox(9, 1.0, 2.0, math.pi / 2, 1.0, 1.0)])
    msg.traffic_lights[0].trigger_volume.center.x = 3.0
    (box,) = messages.light_boxes_from_msg(msg)
    assert (box.x, box.y) == pytest.approx((1.0, 5.0))


def test_route():
    yaw = np.linspace(-3.0, 3.0, 20)
    route = Route(np.stack([np.cumsum(np.cos(yaw)), np.cumsum(np.sin(yaw))], axis=1), yaw)
    back = messages.route_from_msg(wire(messages.route_to_msg(route, messages.to_time(1.0))))
    np.testing.assert_array_equal(back.points, route.points)
    np.testing.assert_allclose(back.yaw, route.yaw, atol=1e-12)


def random_road(rng, quads=5, stops=3, crosswalks=2):
    return RoadMap(
        name="somewhere",
        quads=rng.normal(size=(quads, 4, 2)).astype(np.float32),
        quad_kind=rng.integers(1, 5, quads).astype(np.uint8),
        quad_yaw=rng.normal(size=quads).astype(np.float32),
        quad_lane=rng.integers(-9, 9, quads).astype(np.int32),
        quad_junction=rng.random(quads) < 0.5,
        quad_speed_limit=rng.random(quads).astype(np.float32),
        stop_lines=rng.normal(size=(stops, 2, 2)).astype(np.float32),
        stop_yaw=rng.normal(size=stops).astype(np.float32),
        stop_kind=rng.integers(1, 4, stops).astype(np.uint8),
        stop_id=rng.integers(-(2**40), 2**40, stops),
        crosswalks=rng.normal(size=(crosswalks, 4, 2)).astype(np.float32),
    )


@pytest.mark.parametrize("sizes", [(5, 3, 2), (1, 0, 0)])
def test_road_map(sizes):
    road = random_road(np.random.default_rng(0), *sizes)
    back = messages.road_map_from_msg(wire(messages.road_map_to_msg(road)))
    assert back.name == road.name
    for name in RoadMap.__dataclass_fields__.keys() - {"name"}:
        np.testing.assert_array_equal(getattr(back, name), getattr(road, name))


def random_observation(seed):
    rng = np.random.default_rng(seed)

    def values(*shape):
        return rng.normal(size=shape).astype(np.float32)

    return Observation(
        stamp_s=123.45,
        episode=7,
        frame=15,
        ego=values(len(EgoField)),
        agents=values(MAX_AGENTS, len(AgentField)),
        agent_valid=rng.random(MAX_AGENTS) < 0.5,
        agent_id=rng.integers(0, 2**40, MAX_AGENTS),
        route=values(ROUTE_POINTS, len(RouteField)),
        route_valid=rng.random(ROUTE_POINTS) < 0.5,
        stop_lines=values(MAX_STOP_LINES, len(StopField)),
        stop_valid=rng.random(MAX_STOP_LINES) < 0.5,
        stop_id=rng.integers(0, 2**40, MAX_STOP_LINES),
        route_progress_m=12.25,
        route_length_m=150.5,
        route_offset_m=-0.125,
    )


@pytest.mark.parametrize("seed", range(5))
def test_observation(seed):
    observation = random_observation(seed)
    back = messages.observation_from_msg(wire(messages.observation_to_msg(observation, worker=2, role_name="hero")))
    for name in Observation.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(back, name), getattr(observation, name), err_msg=name)


def test_an_array_that_does_not_fit_its_dimensions_is_named():
    msg = messages.observation_to_msg(random_observation(0), 0, "hero")
    msg.route_rows += 1
    with pytest.raises(ValueError, match=r"Observation\.route has 384 values, its dimensions \[65, 6\] say 390"):
        messages.observation_from_msg(msg)


def test_vocabulary():
    trajectories = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    valid = np.array([True, False, True, True])
    back = messages.vocabulary_from_msg(wire(messages.vocabulary_to_msg(trajectories, valid, 0.5, "ab")))
    np.testing.assert_array_equal(back[0], trajectories)
    np.testing.assert_array_equal(back[1], valid)


@pytest.mark.parametrize("inline", [False, True])
def test_the_policys_part_of_a_transition(inline):
    rng = np.random.default_rng(1)
    features, trajectories = rng.normal(size=9).astype(np.float32), rng.normal(size=(3, 6, 3)).astype(np.float32)
    msg = Decision(worker=1, episode=2, step=3, policy_version=4, selected=2, log_prob=-0.5, candidates=3)
    msg.features, msg.valid = messages.floats(features), messages.flags(np.array([True, False, True]))
    if inline:
        msg.steps, msg.trajectories = 6, messages.floats(trajectories)
    else:
        msg.vocabulary_sha256 = "abc"
    part = messages.decision_part(wire(msg))
    assert (part.key, part.selected, part.log_prob, part.policy_version) == (StepKey(1, 2, 3), 2, -0.5, 4)
    np.testing.assert_array_equal(part.features, features)
    np.testing.assert_array_equal(part.valid, [True, False, True])
    if inline:
        np.testing.assert_array_equal(part.trajectories, trajectories)
    else:
        assert part.trajectories is None


def test_the_counterfactual_part_of_a_transition():
    msg = CandidateReturns(worker=1, episode=2, step=3, candidates=2)
    msg.returns, msg.valid = messages.floats(np.array([1.5, -40.0])), messages.flags(np.array([True, False]))
    part = messages.returns_part(wire(msg))
    assert part.key == StepKey(1, 2, 3)
    np.testing.assert_array_equal(part.returns, np.array([1.5, -40.0], np.float32))
    np.testing.assert_array_equal(part.valid, [True, False])
    msg.candidates = 3
    with pytest.raises(ValueError, match=r"CandidateReturns\.returns has 2 values"):
        messages.returns_part(msg)


def test_the_grounded_part_of_a_transition():
    frame = messages.observation_to_msg(random_observation(0), worker=1, role_name="hero")
    reward = GroundedReward(-2.5, (EventKind.RED_LIGHT, EventKind.OFF_ROAD), 3.25)
    msg = messages.reward_to_msg(reward, frame, step=2)
    msg.done = True
    part = messages.reward_part(wire(msg))
    assert (part.key, part.reward, part.done, part.truncated) == (StepKey(1, 7, 2), -2.5, True, False)
    assert part.events == (EventKind.RED_LIGHT, EventKind.OFF_ROAD)


def test_an_event_is_filed_under_the_decision_that_was_executed():
    """Frame 15 is what decision 2 (frames 10 to 14) led to; decision 3 has not been executed yet."""
    frame = messages.observation_to_msg(random_observation(0), worker=1, role_name="hero")
    event = Event(EventKind.STOP_SIGN, 123.45, 1.5, -2.0, 77, True, "ran it")
    msg = wire(messages.event_to_msg(event, frame))
    assert (msg.kind, msg.step, msg.other_id, msg.x, msg.y, msg.detail) == (5, 2, 77, 1.5, -2.0, "ran it")


def test_episode_record():
    record = EpisodeRecord(
        episode=3,
        status="Completed",
        route_completion=100.0,
        infraction_score=0.5,
        driving_score=50.0,
        success=False,
        driven_m=123.5,
        duration_s=20.25,
        truncated=False,
        infractions=(EventKind.COLLISION_PEDESTRIAN,),
        events=(EventKind.COLLISION_PEDESTRIAN, EventKind.OFF_ROUTE),
        outside_percentage=12.5,
        scenario="ParkedObstacle",
        route_id="held_out-1",
        seed=2**31 + 5,
    )
    assert messages.record_from_msg(wire(messages.record_to_msg(record))) == record
