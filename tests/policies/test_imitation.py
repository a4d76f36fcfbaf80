"""Imitation: targets by hand, and a small problem with a known answer, learned from recording to checkpoint."""

import math

import numpy as np
import pytest
import torch

from craft.policies import DecisionMode, decide, load_policy
from craft.policies.dataset import read_dataset
from craft.policies.imitation import (
    ImitationConfig,
    imitate,
    imitation_targets,
    measure,
    split_episodes,
    squared_distance,
)
from craft.policies.pretrain import PretrainConfig, main, pretrain
from craft.scene import LightState
from small_vocabulary import small_policy
from synthetic_driving import HALF_LENGTH, arc_scene, record_expert


def test_targets_by_hand():
    # Two points (T = 2 here). Future (1, 0), (2, 0). Candidate 0 is it: d = 0. Candidate 1 is 0.5 m to the left of the
    # second point: d = 0.25 / 2 = 0.125, so weights 1 : exp(-4 * 0.125) = 1 : exp(-0.5). The heading plays no role.
    future = torch.tensor([[[1.0, 0.0, 0.3], [2.0, 0.0, 0.3]]])
    candidates = torch.tensor([[[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]], [[1.0, 0.0, 0.0], [2.0, 0.5, 0.0]]])
    torch.testing.assert_close(squared_distance(future, candidates), torch.tensor([[0.0, 0.125]]), atol=1e-6, rtol=0.0)
    second = math.exp(-0.5)
    wanted = torch.tensor([[1.0 / (1.0 + second), second / (1.0 + second)]])
    torch.testing.assert_close(imitation_targets(future, candidates, 4.0), wanted, atol=1e-6, rtol=0.0)


def test_an_episode_is_on_one_side_of_the_split_only():
    episode = torch.tensor([3, 3, 1, 1, 1, 8, 9, 9, 4])
    training, validation = split_episodes(episode, 0.4, seed=0)
    assert sorted([*training.tolist(), *validation.tolist()]) == list(range(9))
    assert not set(episode[training].tolist()) & set(episode[validation].tolist())
    assert len(episode[validation].unique()) == 2  # 0.4 of 5 episodes
    assert len(split_episodes(episode, 1e-6, seed=0)[1]) > 0
    with pytest.raises(ValueError, match="1 expert episode cannot be split"):
        split_episodes(torch.ones(5, dtype=torch.int64), 0.1, seed=0)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expert")
    record_expert(folder, episodes=120, seed=0)
    return folder


CONFIG = PretrainConfig(candidates=64, imitation=ImitationConfig(epochs=8, batch_size=64, learning_rate=4e-3))


@pytest.fixture(scope="module")
def pretrained(recorded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "policy"
    metrics = pretrain(recorded, folder, CONFIG)
    return load_policy(folder), metrics


def test_the_learner_comes_close_to_the_known_answer(recorded, pretrained):
    policy, metrics = pretrained
    # Nothing can be nearer to the expert than the nearest of the vocabulary.
    assert metrics.vocabulary_ade_m <= metrics.ade_m < 1.25 * metrics.vocabulary_ade_m
    assert metrics.agreement > 0.6
    # The best policy that does not look at the state is the mean of the targets.
    dataset = read_dataset(recorded)
    targets = imitation_targets(dataset.futures, policy.vocabulary.trajectories, 4.0)
    blind = (torch.xlogy(targets, targets) - torch.xlogy(targets, targets.mean(0))).sum(1).mean()
    assert metrics.divergence < 0.25 * float(blind)


def final_progress(policy, **scene):
    choice = decide(policy, arc_scene(curvature=0.0, limit=8.0, **scene), DecisionMode.TOP_1, seed=0)
    return float(choice.trajectory[-1, 0])


def test_it_stops_at_a_red_light_and_passes_a_green_one(pretrained):
    policy, _ = pretrained
    red = final_progress(policy, speed=6.0, light=14.0)
    green = final_progress(policy, speed=6.0, light=14.0, state=LightState.GREEN)
    assert red < 14.0 - HALF_LENGTH < green


def test_it_stops_behind_a_leader_and_stands_at_a_line(pretrained):
    policy, _ = pretrained
    assert final_progress(policy, speed=5.0, leader=(16.0, 0.0)) < 16.0 - 2 * HALF_LENGTH
    assert final_progress(policy, speed=0.0, light=HALF_LENGTH + 2.0) < 0.5
    assert final_progress(policy, speed=7.0) > 18.0


def test_equal_seeds_give_equal_weights(recorded):
    dataset = read_dataset(recorded, episodes=6)
    weights = []
    for _ in range(2):
        policy = small_policy()
        imitate(policy, dataset, ImitationConfig(epochs=1))
        weights.append(policy.trainable_bytes())
        assert not any(parameter.requires_grad for parameter in policy.encoder.parameters())
    assert weights[0] == weights[1] != small_policy().trainable_bytes()


def test_metrics_of_a_policy_that_always_stands(recorded):
    # One candidate, standing: every top-1 distance is the distance driven, and the divergence is 0.
    dataset = read_dataset(recorded, episodes=2)
    metrics = measure(small_policy(trajectories=np.zeros((1, 6, 3), np.float32)), dataset, 4.0)
    distance = dataset.futures[..., :2].norm(dim=-1)
    assert metrics.ade_m == pytest.approx(float(distance.mean()), rel=1e-5)
    assert metrics.fde_m == pytest.approx(float(distance[:, -1].mean()), rel=1e-5)
    assert metrics.vocabulary_ade_m == metrics.ade_m
    assert metrics.agreement == 1.0
    assert metrics.divergence == pytest.approx(0.0, abs=1e-6)


def test_wrong_settings_are_reported_together():
    with pytest.raises(ValueError, match="epochs is 0.*learning_rate is -1.*validation_share is 2"):
        ImitationConfig(epochs=0, learning_rate=-1.0, validation_share=2.0)


def test_the_command_writes_a_checkpoint_or_explains_why_not(recorded, tmp_path, capsys):
    output = tmp_path / "policy"
    with pytest.raises(SystemExit, match="craft pretrain: there is no expert episode in"):
        main(["--data", str(tmp_path), "--output", str(output)])
    assert not output.exists()
    size = ["--episodes", "4", "--candidates", "12", "--epochs", "1"]
    main(["--data", str(recorded), "--output", str(output), *size])
    assert "m from the expert" in capsys.readouterr().out
    assert len(load_policy(output).vocabulary.trajectories) == 12
