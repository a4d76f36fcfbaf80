import base64
import hashlib
import json

import cv2
import numpy as np
import pytest
import torch

from counterfactual_scenes import straight_road
from craft.algorithm import CraftConfig, group_advantage
from craft.counterfactual import CounterfactualWorld, Scene
from craft.events import EventKind, GroundedReward
from craft.policies import DecisionMode, decide
from craft.report.decision import CM_PER_M, HAZARDS, SIZE_PX, DecisionLog
from craft.world.closed_loop import PolicyDriver
from small_vocabulary import small_policy
from synthetic_driving import arc_scene


def unpack(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


@pytest.fixture(scope="module")
def logged():
    """Three decisions at 8 m/s towards a car that stands 12, 11, 10 m ahead."""
    torch.set_num_threads(1)
    before, after, world, road = small_policy(0), small_policy(0), CounterfactualWorld(threads=1), straight_road()
    tuned = small_policy(1).trainable_bytes()
    after.load_trainable_bytes(tuned, hashlib.sha256(tuned).hexdigest())  # the frozen part stays the same
    driver = PolicyDriver(before, DecisionMode.TOP_1, 0)
    log = DecisionLog(driver, before, after, world, road)
    scenes = [
        arc_scene(speed=8.0, limit=10.0, curvature=0.0, frame=40 + 5 * i, leader=(12.0 - i, 0.0)) for i in range(3)
    ]
    for step, scene in enumerate(scenes):
        driver.decide(scene)
        log.decided(scene)
        events = (EventKind.RED_LIGHT,) if step == 1 else ()
        log.rewarded(step, GroundedReward(0.0, events, 0.25), done=step == 2, truncated=False)
    return scenes, (before, after), world, road, json.loads(log.json("<title>"))


def test_probabilities_are_those_of_both_policies(logged):
    scenes, policies, _, _, data = logged
    for scene, row in zip(scenes, data["rows"], strict=True):
        for policy, name in zip(policies, ("before", "after"), strict=True):
            logits = decide(policy, scene, DecisionMode.TOP_1, 0).logits
            np.testing.assert_array_equal(unpack(row[name], "<f4"), torch.softmax(logits, 0).numpy())
        assert row["driven"] == int(unpack(row["before"], "<f4").argmax())
        assert row["before"] != row["after"]


def test_returns_and_advantages_are_those_of_the_counterfactual_world(logged):
    scenes, (policy, _), world, road, data = logged
    for scene, row in zip(scenes, data["rows"], strict=True):
        candidates = policy.vocabulary
        result = world.evaluate(Scene.from_observations(road, [scene]), candidates)
        advantage = group_advantage(result.returns, candidates.valid[None], CraftConfig().sigma_min)[0]
        np.testing.assert_array_equal(unpack(row["returns"], "<f4"), result.returns[0].numpy())
        np.testing.assert_array_equal(unpack(row["advantage"], "<f4"), advantage.numpy())
        flags = unpack(row["flags"], "u1")
        for bit, name in enumerate(HAZARDS):
            np.testing.assert_array_equal((flags >> bit) & 1, getattr(result, name)[0].numpy())
        assert flags.any() and not flags.all()  # some of them hit the car ahead
        for worth, name in zip(row["worth"], ("before", "after"), strict=True):
            assert worth == pytest.approx(float((unpack(row[name], "<f4") * advantage.numpy()).sum()), abs=1e-3)


def test_candidates_stand_there_once_in_centimetres(logged):
    _, (policy, _), _, _, data = logged
    points = unpack(data["points"], "<i2").reshape(*policy.vocabulary.trajectories.shape[:2], 2)
    np.testing.assert_allclose(points / CM_PER_M, policy.vocabulary.trajectories[..., :2].numpy(), atol=0.0051)
    assert not any("points" in row for row in data["rows"])


def test_each_decision_has_its_time_its_events_and_a_picture(logged):
    _, _, _, _, data = logged
    assert [row["time"] for row in data["rows"]] == [0.0, 0.25, 0.5]
    assert [row["events"] for row in data["rows"]] == [[], ["red light"], []]
    assert [row["speed"] for row in data["rows"]] == [28.8] * 3
    for row in data["rows"]:
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(row["picture"]), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (*SIZE_PX[::-1], 3) and picture.std() > 5.0


def test_the_view_opens_where_fine_tuning_changed_most(logged):
    *_, data = logged
    change = [abs(before - after) for before, after in (row["worth"] for row in data["rows"])]
    assert data["start"] == int(np.argmax(change))


def test_json_cannot_end_the_script_it_stands_in():
    policy = small_policy()
    log = DecisionLog(PolicyDriver(policy, DecisionMode.TOP_1, 0), policy, policy, None, straight_road())
    log._points = np.zeros((1, 6, 2))
    assert "<" not in log.json("</script><b>") and json.loads(log.json("</script><b>"))["title"] == "</script><b>"
