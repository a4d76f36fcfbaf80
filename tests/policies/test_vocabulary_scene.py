"""What the vocabulary policy compares candidates with: closed forms, and shapely as an oracle for boxes."""

import math

import numpy as np
import pytest
import shapely
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from craft.policies import ObservationBatch
from craft.policies.conformance import random_observation
from craft.policies.vocabulary.comparison import clearances, compare, route_coordinates, stop_margins
from craft.policies.vocabulary.config import VocabularyConfig
from craft.policies.vocabulary.layout import FeatureLayout
from craft.policies.vocabulary.scene import extend_route, predict_agents, scene_geometry
from craft.scene import LightState, StopField, StopKind
from small_vocabulary import arcs, small_policy
from synthetic_driving import HALF_LENGTH, HALF_WIDTH, arc_pose, arc_scene

CONFIG = VocabularyConfig()


def geometry_of(*observations):
    return scene_geometry(ObservationBatch.from_observations(observations), CONFIG.agents)[0]


def tensor(trajectories):
    return torch.from_numpy(np.asarray(trajectories, np.float32))


@pytest.mark.parametrize("yaw_rate", [0.0, 1e-4, 0.3, -0.8])
def test_agents_are_predicted_on_a_circle(yaw_rate):
    # A circle of radius v / w around (x, y) + (v / w) (-sin yaw, cos yaw); a straight line for w = 0.
    x, y, yaw, speed = 3.0, -2.0, 0.7, 6.0
    agent = torch.tensor([[x, y, yaw, speed * math.cos(yaw), speed * math.sin(yaw), yaw_rate, 2.0, 1.0, 1.0]])
    time = 0.5 * np.arange(1, 7)
    turned = yaw + yaw_rate * time
    if yaw_rate:
        radius = speed / yaw_rate
        px = x + radius * (np.sin(turned) - math.sin(yaw))
        py = y - radius * (np.cos(turned) - math.cos(yaw))
    else:
        px, py = x + speed * time * math.cos(yaw), y + speed * time * math.sin(yaw)
    # float32 holds positions of tens of metres to some micrometres.
    np.testing.assert_allclose(predict_agents(agent)[0], np.stack([px, py, turned], -1), atol=2e-5)


def test_a_route_is_extended_straight_from_its_ends():
    route = torch.zeros(1, 6, 3)
    route[0, 2] = torch.tensor([10.0, 5.0, math.pi / 2])
    route[0, 3] = torch.tensor([10.0, 6.0, math.pi])
    valid = torch.tensor([[False, False, True, True, False, False]])
    up, back = math.pi / 2, math.pi
    wanted = [[10, 3, up], [10, 4, up], [10, 5, up], [10, 6, back], [9, 6, back], [8, 6, back]]
    torch.testing.assert_close(extend_route(route, valid)[0], torch.tensor(wanted), atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("curvature", [0.0, 0.04, -0.08])
def test_a_candidate_beside_the_route_has_its_lateral_offset_and_arc_length(curvature):
    # Points 1.2 m to the left of an arc, at 2, 5, ... m of arc length; heading 0.1 rad more than the arc's.
    arc = np.array([2.0, 5.0, 8.0, 11.0, 14.0, 17.0])
    pose = arc_pose(arc, curvature)
    pose[:, 0] -= 1.2 * np.sin(pose[:, 2])
    pose[:, 1] += 1.2 * np.cos(pose[:, 2])
    pose[:, 2] += 0.1
    geometry = geometry_of(arc_scene(speed=5.0, limit=8.0, curvature=curvature))
    lateral, heading, progress = route_coordinates(tensor(pose[None, None]), geometry.route)
    # The route's points stand for pieces of +-1 m: their arc deviates from the tangent by 1^2 k / 2 across, and by
    # 1.2 k along (the offset point sees a longer or shorter arc), and turns by k.
    np.testing.assert_allclose(lateral[0, 0], 1.2, atol=0.5 * abs(curvature) + 0.01)
    np.testing.assert_allclose(progress[0, 0], arc, atol=1.5 * abs(curvature) + 0.01)
    np.testing.assert_allclose(heading[0, 0], 0.1, atol=1.1 * abs(curvature) + 0.01)


def box(x, y, yaw, half_length, half_width):
    rectangle = shapely.box(-half_length, -half_width, half_length, half_width)
    return affinity.translate(affinity.rotate(rectangle, yaw, origin=(0, 0), use_radians=True), x, y)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-10.0, 14.0), st.floats(-8.0, 8.0), st.floats(-3.1, 3.1), st.floats(-0.6, 0.6), st.floats(0.0, 8.0)
)  # fmt: skip
def test_clearance_never_exceeds_the_true_gap_of_the_boxes(x, y, yaw, ego_yaw, speed):
    agents = torch.zeros(1, CONFIG.agents, 9)
    agents[0, 0] = torch.tensor([x, y, yaw, 0.0, 0.0, 0.0, 2.1, 0.9, 1.0])
    geometry = geometry_of(arc_scene(speed=0.0, limit=8.0, curvature=0.0))
    geometry = type(geometry)(geometry.ego, geometry.route, agents, geometry.stops)
    candidate = arcs(speeds=(speed,), curvatures=(0.0,))[0]
    candidate[:, 2] = ego_yaw
    tight, lengthened = clearances(tensor(candidate[None, None]), geometry, CONFIG)
    agent = box(x, y, yaw, 2.1, 0.9)
    for step, pose in enumerate(candidate):
        gap = box(*pose, HALF_LENGTH, HALF_WIDTH).distance(agent)
        found = float(tight[0, 0, step])
        assert found <= min(gap, CONFIG.clearance_limit_m) + 1e-4
        if gap == 0.0:
            assert found <= 1e-4
    torch.testing.assert_close(tight, lengthened)  # the agent stands: nothing to add for its motion


def test_clearance_of_parallel_boxes_by_hand():
    # Leader's centre 20 m ahead at 4 m/s, both 4.892 m long. After 0.5 s it is at 22 m, we at 5 m:
    # gap 22 - 5 - 4.892 = 12.108, cut to 8. After 3 s: 32 - 30 - 4.892 = -2.892 along, but -2 * 0.918 across, which is
    # the shorter way out.
    geometry = geometry_of(arc_scene(speed=10.0, limit=10.0, curvature=0.0, leader=(20.0, 4.0)))
    tight, lengthened = clearances(tensor(arcs(speeds=(10.0,), curvatures=(0.0,))[None]), geometry, CONFIG)
    gap = 20.0 + 4.0 * 0.5 * np.arange(1, 7) - 10.0 * 0.5 * np.arange(1, 7) - 2 * HALF_LENGTH
    np.testing.assert_allclose(tight[0, 0], gap.clip(-2 * HALF_WIDTH, 8.0), atol=1e-4)
    # Lengthened by 0.5 s of 4 m/s each way.
    np.testing.assert_allclose(lengthened[0, 0], (gap - 2.0).clip(-2 * HALF_WIDTH, 8.0), atol=1e-4)


def test_without_agents_the_clearance_is_the_limit():
    geometry = geometry_of(arc_scene(speed=5.0, limit=8.0, curvature=0.0))
    for gap in clearances(tensor(arcs()[None]), geometry, CONFIG):
        assert (gap == CONFIG.clearance_limit_m).all()


@pytest.mark.parametrize(
    ("kind", "state", "cleared", "light_binds", "sign_binds"),
    [
        (StopKind.LIGHT, LightState.RED, 0, True, False),
        (StopKind.LIGHT, LightState.YELLOW, 0, True, False),
        (StopKind.LIGHT, LightState.GREEN, 0, False, False),
        (StopKind.LIGHT, LightState.OFF, 0, False, False),
        (StopKind.STOP, LightState.UNKNOWN, 0, False, True),
        (StopKind.STOP, LightState.UNKNOWN, 1, False, False),
        (StopKind.YIELD, LightState.UNKNOWN, 0, False, False),
    ],
)
def test_margin_is_left_between_front_bumper_and_a_line_that_binds(kind, state, cleared, light_binds, sign_binds):
    scene = arc_scene(speed=4.0, limit=8.0, curvature=0.0, light=9.0)
    scene.stop_lines[0, [StopField.KIND, StopField.STATE, StopField.CLEARED]] = kind, state, cleared
    progress = torch.tensor([[[2.0, 4.0, 6.0, 8.0, 10.0, 30.0]]])
    margins = stop_margins(progress, geometry_of(scene), CONFIG)
    left = (9.0 - HALF_LENGTH - progress).clamp(-10.0, 10.0)
    for margin, binds in zip(margins, (light_binds, sign_binds), strict=True):
        torch.testing.assert_close(margin, left if binds else torch.full_like(left, 10.0))


def test_a_line_behind_the_front_bumper_no_longer_binds():
    progress = torch.full((1, 1, 6), 2.0)
    for distance, wanted in ((HALF_LENGTH - 0.9, -2.9), (HALF_LENGTH - 1.1, 10.0)):
        scene = arc_scene(speed=4.0, limit=8.0, curvature=0.0, light=distance)
        torch.testing.assert_close(stop_margins(progress, geometry_of(scene), CONFIG)[0], torch.full((1, 1, 6), wanted))


def test_comparisons_are_bounded_and_do_not_depend_on_the_other_states():
    rng = np.random.default_rng(1)
    observations = [random_observation(rng, agents=20, stops=4) for _ in range(9)]
    trajectories = tensor(arcs()[None] * 3.0)
    together = compare(trajectories, geometry_of(*observations), CONFIG)
    assert together.abs().max() <= 3.0
    for row, observation in enumerate(observations):
        torch.testing.assert_close(compare(trajectories, geometry_of(observation), CONFIG)[0], together[row])


def test_order_of_agents_makes_no_difference():
    policy = small_policy()
    rng = np.random.default_rng(2)
    observation = random_observation(rng, agents=20)
    features, _ = policy.encode(ObservationBatch.from_observations([observation]))
    order = rng.permutation(len(observation.agents))  # valid and padding rows mixed
    observation.agents[:], observation.agent_valid[:] = observation.agents[order], observation.agent_valid[order]
    shuffled, _ = policy.encode(ObservationBatch.from_observations([observation]))
    assert torch.equal(features, shuffled)


def test_features_unpack_to_what_was_packed():
    layout = FeatureLayout(CONFIG)
    geometry = geometry_of(random_observation(np.random.default_rng(3)), random_observation(np.random.default_rng(4)))
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(2, layout.tokens, CONFIG.token_size, generator=generator)
    valid = torch.rand(2, layout.tokens, generator=generator) < 0.5
    features = layout.pack(tokens, valid, geometry)
    assert features.shape == (2, layout.size)
    back_tokens, back_valid, back = layout.unpack(features)
    assert torch.equal(back_tokens, tokens) and torch.equal(back_valid, valid)
    for name in ("ego", "route", "agents", "stops"):
        assert torch.equal(getattr(back, name), getattr(geometry, name))
