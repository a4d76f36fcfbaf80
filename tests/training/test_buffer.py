"""The rollout buffer: one round's tensors, episode by episode in time order."""

import dataclasses
import random

import numpy as np
import pytest
import torch

from craft.training import RolloutBuffer, StepKey
from small_training import CANDIDATES, FEATURES, VOCABULARY, transitions


def batch_of(rows, vocabulary=VOCABULARY):
    buffer = RolloutBuffer(100, vocabulary)
    buffer.extend(rows)
    return buffer.take()


def test_every_row_is_its_transition():
    rows = transitions([1, 2])
    batch = batch_of(rows)
    assert len(batch) == 20
    for i, row in enumerate(rows):
        assert np.array_equal(batch.features[i].numpy(), row.features)
        assert np.array_equal(batch.valid[i].numpy(), row.valid)
        assert np.array_equal(batch.returns[i].numpy(), row.returns)
        assert batch.selected[i].item() == row.selected
        assert batch.old_log_prob[i].item() == pytest.approx(row.log_prob_old)
        assert (batch.reward[i].item(), batch.event[i].item()) == (row.reward, bool(row.events))
    assert batch.candidates is VOCABULARY
    assert batch.features.dtype == batch.returns.dtype == batch.reward.dtype == torch.float32
    assert batch.features.shape == (20, FEATURES) and batch.valid.shape == (20, CANDIDATES)


def test_own_candidates_come_with_the_rows():
    rows = transitions([1], own_candidates=True)
    batch = batch_of(rows, vocabulary=None)
    assert batch.candidates.trajectories.shape == (10, CANDIDATES, 6, 3)
    assert np.array_equal(batch.candidates.trajectories[4].numpy(), rows[4].trajectories)
    assert torch.equal(batch.candidates.valid, batch.valid)


def test_the_order_of_arrival_does_not_matter():
    rows = transitions([1, 2, 3])
    shuffled = rows.copy()
    random.Random(0).shuffle(shuffled)
    a, b = batch_of(rows), batch_of(shuffled)
    for field in dataclasses.fields(a):
        if field.name != "candidates":
            assert torch.equal(getattr(a, field.name), getattr(b, field.name)), field.name


def test_the_return_ends_with_the_episode_a_gap_a_truncation_and_the_buffer():
    rows = [t for t in transitions([1, 2]) if t.key != StepKey(0, 1, 4)]  # 0-3, 5-9 of episode 1; 0-9 of episode 2
    rows[-8] = dataclasses.replace(rows[-8], truncated=True)  # step 2 of episode 2
    rows[-1] = dataclasses.replace(rows[-1], done=False)  # episode 2 goes on in the next round
    ends = [(t.key.episode, t.key.step) for t, last in zip(rows, batch_of(rows).last.tolist(), strict=True) if last]
    assert ends == [(1, 3), (1, 9), (2, 2), (2, 9)]


def test_an_episode_that_only_looks_like_the_next_one_does_not_continue_the_return():
    # episode 1 was cut off after step 0 without a word; the next row is step 1 of another episode
    one, two = transitions([1])[0], transitions([2])[1]
    assert batch_of([one, two]).last.tolist() == [True, True]


def test_fills_and_empties():
    buffer = RolloutBuffer(15, VOCABULARY)
    buffer.extend(transitions([1]))
    assert len(buffer) == 10 and not buffer.full
    buffer.extend(transitions([2]))
    assert buffer.full
    assert len(buffer.take()) == 20 and len(buffer) == 0
    with pytest.raises(ValueError, match="the rollout buffer is empty"):
        buffer.take()


def test_what_does_not_belong_is_refused():
    buffer = RolloutBuffer(15, VOCABULARY)
    buffer.extend(transitions([1]))
    with pytest.raises(ValueError, match="worker 0, episode 1, step 0 is already in the buffer"):
        buffer.extend(transitions([1]))
    with pytest.raises(ValueError, match="has candidates of its own, though the policy uses a vocabulary"):
        buffer.extend(transitions([2], own_candidates=True))
    with pytest.raises(ValueError, match="has no candidates of its own, though the policy uses no vocabulary"):
        RolloutBuffer(15).extend(transitions([1]))
    with pytest.raises(ValueError, match="capacity is 0"):
        RolloutBuffer(0)
    wide = dataclasses.replace(transitions([2])[0], features=np.zeros(FEATURES + 1, np.float32))
    buffer.extend([wide])
    with pytest.raises(ValueError, match=r"features of worker 0, episode 2, step 0 has shape \[6\]"):
        buffer.take()
