"""Decisions: sampling follows the probabilities, depends on (seed, episode, step) alone, and refuses bad logits."""

import hashlib

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from craft.policies import DecisionMode, decide
from craft.policies.conformance import random_observation
from craft.policies.decision import decision_uniform, sample_index
from inline_policy import SPEEDS, InlinePolicy
from small_vocabulary import small_policy


def observe(frame=0, episode=1, seed=0):
    observation = random_observation(np.random.default_rng(seed), frame)
    object.__setattr__(observation, "episode", episode)
    return observation


def test_sampling_frequencies_match_the_probabilities():
    # Pearson's statistic of 4 classes over 4000 decisions has 3 degrees of freedom; 16.27 is its 99.9 % quantile.
    probabilities = torch.tensor([0.5, 0.3, 0.0, 0.15, 0.05])
    log_probs = probabilities.log()
    counts = np.zeros(5)
    for step in range(4000):
        counts[sample_index(log_probs, decision_uniform(seed=1, episode=step // 40, step=step % 40))] += 1
    expected = 4000 * probabilities.numpy()
    assert counts[2] == 0
    drawn = expected > 0
    assert (np.square(counts - expected)[drawn] / expected[drawn]).sum() < 16.27


@given(
    st.lists(st.one_of(st.floats(-30.0, 30.0), st.just(-np.inf)), min_size=1, max_size=20).filter(
        lambda logits: max(logits) > -np.inf
    ),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_a_sample_is_never_a_masked_candidate(logits, uniform):
    logits = torch.tensor(logits)
    assert logits[sample_index(torch.log_softmax(logits, 0), uniform)] > -torch.inf


def test_inverse_transform_by_hand():
    # Cumulated 0.25, 0.75, 1.0.
    log_probs = torch.tensor([0.25, 0.5, 0.25]).log()
    assert [sample_index(log_probs, u) for u in (0.0, 0.2, 0.3, 0.7, 0.8, 1.0 - 2.0**-53)] == [0, 0, 1, 1, 2, 2]


def test_a_decision_depends_on_seed_episode_and_step_alone():
    policy, again = small_policy(), small_policy()
    wanted = decide(policy, observe(frame=10), DecisionMode.SAMPLE, seed=3).index
    for frame in (15, 20):  # what else is decided in between makes no difference
        decide(again, observe(frame=frame), DecisionMode.SAMPLE, seed=3)
    torch.rand(10)
    assert decide(again, observe(frame=10), DecisionMode.SAMPLE, seed=3).index == wanted
    drawn = {decision_uniform(s, e, k) for s in range(5) for e in range(5) for k in range(5)}
    assert len(drawn) == 125


def test_log_prob_is_the_log_softmax_over_valid_candidates():
    policy = InlinePolicy()
    for frame in range(0, 100, 5):
        choice = decide(policy, observe(frame=frame), DecisionMode.SAMPLE, seed=0)
        assert choice.index < SPEEDS  # the last candidate is padding
        wanted = torch.log_softmax(choice.logits[:SPEEDS], 0)[choice.index]
        assert choice.log_prob == pytest.approx(float(wanted), abs=1e-6)
        assert torch.equal(choice.trajectory, choice.candidates.trajectories[choice.index])
        assert choice.candidates.trajectories.shape == (6, 6, 3)
        assert choice.features.shape == (policy.feature_size,)


def test_evaluation_takes_the_best_valid_candidate():
    policy = small_policy()
    for seed in range(5):
        choice = decide(policy, observe(seed=seed), DecisionMode.TOP_1, seed=seed)
        assert choice.index == int(choice.logits.argmax())


def test_logits_that_are_not_finite_are_refused_with_the_version_and_their_number():
    policy = small_policy()
    weights = {name: value * 1e30 for name, value in safetensors.torch.load(policy.trainable_bytes()).items()}
    data = safetensors.torch.save(weights)
    policy.load_trainable_bytes(data, hashlib.sha256(data).hexdigest(), version=9)
    with pytest.raises(ValueError, match="vocabulary policy version 9: 12 of 12 logits are not finite at episode 1"):
        decide(policy, observe(), DecisionMode.SAMPLE, seed=0)


def test_an_observation_without_a_route_is_refused():
    observation = observe(frame=15)
    observation.route_valid[:] = False
    with pytest.raises(ValueError, match="episode 1 frame 15 has no valid route point"):
        decide(small_policy(), observation, DecisionMode.TOP_1, seed=0)
