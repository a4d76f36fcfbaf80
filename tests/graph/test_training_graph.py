"""Two rounds of fine-tuning over real DDS: every node in its own process, the embedded world, nothing replaced."""

import hashlib
import json
from collections import Counter

import numpy as np
import pytest
import torch

from craft.policies import load_policy
from craft.scene.timing import FRAMES_PER_DECISION
from craft.training.rollouts import EPISODES_PER_PHASE
from craft.training.run_folder import RunFolder
from craft_nodes import messages, topics
from graph_training import DECISIONS, ROUNDS


def weights_files(folder):
    return {version: (folder / f"weights/{version}.safetensors").read_bytes() for version in range(ROUNDS + 1)}


def phase_of(episode):
    return (episode - 1) // EPISODES_PER_PHASE


def test_run_ends_well_and_its_summary_is_valid(trained):
    assert trained.code == 0, trained.output
    summary = RunFolder(trained.folder).read_summary()  # refuses what does not fit the schema
    assert summary["rounds"] == ROUNDS
    assert summary["transitions"] == ROUNDS * DECISIONS
    assert summary["world"] == "carla_light"
    assert summary["before"]["episodes"] == summary["after"]["episodes"] == 1
    assert summary["real_time_factor"] > 0
    assert summary["weights_sha256"] == hashlib.sha256(weights_files(trained.folder)[ROUNDS]).hexdigest()


def test_metrics_have_a_row_a_round_and_nothing_was_dropped(trained):
    rows = [json.loads(line) for line in (trained.folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["round"] for row in rows] == [1, 2]
    for row in rows:
        assert row["transitions"] == DECISIONS
        assert not [name for name in row if name.startswith("dropped/")]
        assert {"loss_proxy", "loss_grounded", "reverse_kl", "forward_kl", "clip_fraction"} <= row.keys()
    for name in ("world", "perception", "policy", "counterfactual", "event_monitor", "trainer"):
        status = trained.heard.diagnostics(f"/{name}")
        assert status, name
        assert not [key for key in status if key.startswith("dropped")], name


def test_each_round_changes_the_weights(trained):
    assert len(set(weights_files(trained.folder).values())) == ROUNDS + 1


def test_policy_confirms_each_version_by_the_hash_of_its_file(trained):
    told = [(m.version, m.sha256) for m in trained.heard.messages[topics.POLICY_STATUS] if not m.refused]
    expected = [(v, hashlib.sha256(data).hexdigest()) for v, data in weights_files(trained.folder).items()]
    assert told == expected


def test_each_phase_was_driven_with_the_weights_of_the_file(trained):
    """Version k drives round k + 1; log_prob is what the file's weights give for the features in the message."""
    policy = load_policy("vocabulary")
    files = weights_files(trained.folder)
    version_of_phase = {0: 0, 1: 0, 2: 1, 3: 2}  # before, round 1, round 2, after
    decisions = trained.heard.messages[topics.DECISION]
    by_version = {}
    for decision in decisions:
        assert decision.policy_version == version_of_phase[phase_of(decision.episode)]
        by_version.setdefault(decision.policy_version, []).append(decision)
    assert Counter(phase_of(d.episode) for d in decisions)[1] == DECISIONS
    assert Counter(phase_of(d.episode) for d in decisions)[2] == DECISIONS
    for version, some in by_version.items():
        sha256 = hashlib.sha256(files[version]).hexdigest()
        policy.load_trainable_bytes(files[version], sha256, version)
        features = torch.tensor(np.stack([np.frombuffer(d.features, np.float32) for d in some]))
        valid = torch.tensor(np.stack([np.frombuffer(d.valid, np.uint8) for d in some])).bool()
        with torch.no_grad():
            log_probs = policy.score(features, policy.vocabulary).masked_fill(~valid, -torch.inf).log_softmax(1)
        for decision, row in zip(some, log_probs, strict=True):
            assert decision.policy_sha256 == sha256
            # float32; a batch of one and a batch of many may differ by rounding
            assert decision.log_prob == pytest.approx(float(row[decision.selected]), abs=1e-4)
        top_1 = [phase_of(d.episode) in (0, ROUNDS + 1) for d in some]  # evaluations
        chosen = torch.tensor([row[d.selected] for d, row in zip(some, log_probs, strict=True)])
        assert ((log_probs.max(1).values - chosen)[torch.tensor(top_1)] < 1e-4).all()


def test_new_weights_give_other_log_probabilities(trained):
    """The decisions of round 2 cannot be explained by the weights of version 0."""
    policy = load_policy("vocabulary")
    second = [d for d in trained.heard.messages[topics.DECISION] if phase_of(d.episode) == 2]
    features = torch.tensor(np.stack([np.frombuffer(d.features, np.float32) for d in second]))
    with torch.no_grad():
        log_probs = policy.score(features, policy.vocabulary).log_softmax(1)
    old = np.array([float(row[d.selected]) for d, row in zip(second, log_probs, strict=True)])
    assert np.abs(old - [d.log_prob for d in second]).max() > 1e-3


def test_every_frame_of_every_episode_was_observed_once(trained):
    heard = trained.heard.messages
    frames = {}
    for observation in heard[topics.OBSERVATION]:
        frames.setdefault(observation.episode, []).append(observation.frame)
    assert sorted(frames) == sorted(start.episode for start in heard[topics.EPISODE_START])
    for episode, seen in frames.items():
        assert seen == list(range(len(seen))), f"episode {episode}"
    final = {status.phase: status for status in heard[topics.PHASE_STATUS] if status.complete}
    for phase, status in final.items():
        episodes = [e for e in frames if phase_of(e) == phase - 1]
        assert status.frames == sum(len(frames[e]) - 1 for e in episodes)
        assert (status.control_timeouts, status.control_dropped) == (0, 0)


def test_rewards_say_where_an_episode_ends(trained):
    """done only at the last decision of an episode; truncated as the world said; one reward a decision."""
    heard = trained.heard.messages
    rewards = {}
    for reward in heard[topics.GROUNDED_REWARD]:
        rewards.setdefault(reward.episode, []).append(reward)
    steps = {}
    for decision in heard[topics.DECISION]:
        steps.setdefault(decision.episode, []).append(decision.step)
    ends = {end.episode: end for end in heard[topics.EPISODE_END]}
    records = {record.episode: record for record in heard[topics.EPISODE_RECORD]}
    last_frame = {o.episode: o.frame for o in heard[topics.OBSERVATION]}
    assert rewards.keys() == ends.keys() == records.keys() == steps.keys()
    for episode, some in rewards.items():
        assert [r.step for r in some] == steps[episode] == list(range(-(-last_frame[episode] // FRAMES_PER_DECISION)))
        assert [r.done for r in some] == [False] * (len(some) - 1) + [True]
        assert [r.truncated for r in some] == [False] * (len(some) - 1) + [ends[episode].truncated]
        record, end = records[episode], ends[episode]
        assert (record.status, record.truncated, record.phase) == (end.status, end.truncated, end.phase)
        assert record.route_completion == pytest.approx(end.route_completion)
        assert record.suite == ("held_out" if phase_of(episode) in (0, ROUNDS + 1) else "training")
    # A full buffer ends the last episode of a round before its own end.
    for number in range(1, ROUNDS + 1):
        assert max((end for end in ends.values() if phase_of(end.episode) == number), key=lambda e: e.episode).truncated


def test_only_training_decisions_were_scored(trained):
    scored = [(m.episode, m.step) for m in trained.heard.messages[topics.CANDIDATE_RETURNS]]
    decided = [(m.episode, m.step) for m in trained.heard.messages[topics.DECISION] if phase_of(m.episode) in (1, 2)]
    assert sorted(scored) == sorted(decided)


def test_returns_are_those_of_the_counterfactual_world(trained):
    """What arrived over DDS is what the same observation gives in this process."""
    from craft.counterfactual import CounterfactualConfig, CounterfactualWorld, Scene

    heard = trained.heard.messages
    road = messages.road_map_from_msg(heard[topics.ROAD_MAP][-1])
    observations = {(o.episode, o.frame): o for o in heard[topics.OBSERVATION]}
    some = heard[topics.CANDIDATE_RETURNS][::7]
    world = CounterfactualWorld(CounterfactualConfig())
    scene = Scene.from_observations(
        road,
        [messages.observation_from_msg(observations[m.episode, m.step * FRAMES_PER_DECISION]) for m in some],
    )
    expected = world.evaluate(scene, load_policy("vocabulary").vocabulary)
    for i, msg in enumerate(some):
        assert np.array_equal(np.frombuffer(msg.returns, np.float32), expected.returns[i].numpy())
        for name in ("valid", "collision", "red_light", "stop_sign"):
            assert np.array_equal(np.frombuffer(getattr(msg, name), np.uint8).astype(bool), getattr(expected, name)[i])


def test_nothing_is_left_behind(trained):
    """No partial file in the folder, no segment of DDS in /dev/shm to be left there."""
    partial = [p for p in trained.folder.rglob("*") if p.name.startswith(".") or p.suffix in (".tmp", ".part")]
    assert partial == []
    assert trained.shared_memory == set()
