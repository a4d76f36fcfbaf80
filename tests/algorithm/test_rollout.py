"""The tensors of a round fit each other, or are refused."""

import dataclasses

import pytest
import torch

from craft.algorithm import NotFiniteError, RolloutBatch
from craft.scene.candidates import Candidates


def rollout(own_candidates=False):
    b, g = 3, 4
    valid = torch.ones(b, g, dtype=torch.bool)
    trajectories = torch.arange(b * g * 18, dtype=torch.float32).reshape(b, g, 6, 3)
    candidates = Candidates(trajectories, valid) if own_candidates else Candidates(trajectories[0], valid[0])
    return RolloutBatch(
        features=torch.zeros(b, 2),
        candidates=candidates,
        valid=valid,
        returns=torch.arange(12.0).reshape(b, g),
        returns_valid=valid,
        selected=torch.tensor([0, 3, 1]),
        old_log_prob=torch.full((b,), -1.0),
        reward=torch.zeros(b),
        last=torch.tensor([False, False, True]),
        event=torch.zeros(b, dtype=torch.bool),
    )


def test_the_entries_of_the_executed_candidates():
    assert rollout().executed(rollout().returns).tolist() == [0.0, 7.0, 9.0]


def test_one_vocabulary_serves_all_states_and_own_candidates_go_with_their_rows():
    rows = torch.tensor([2, 0])
    shared, own = rollout(), rollout(own_candidates=True)
    assert shared.candidates_of(rows) is shared.candidates
    assert torch.equal(own.candidates_of(rows).trajectories, own.candidates.trajectories[[2, 0]])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("features", torch.zeros(0, 2), r"features has shape \[0, 2\]"),
        ("returns", torch.zeros(3, 5), "valid has shape"),
        ("valid", torch.zeros(3, 4, dtype=torch.bool), "returns_valid marks candidates that are not valid"),
        (
            "candidates",
            Candidates(torch.zeros(5, 6, 3), torch.ones(5, dtype=torch.bool)),
            r"candidates are of shape \[5\]",
        ),
        ("reward", torch.zeros(2), "reward has 2 rows, features 3"),
        ("selected", torch.zeros(4, dtype=torch.int64), "selected has 4 rows"),
    ],
)
def test_what_does_not_fit_is_named(name, value, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(rollout(), **{name: value})


@pytest.mark.parametrize("name", ["returns", "old_log_prob", "reward"])
def test_what_is_not_finite_is_named(name):
    broken = getattr(rollout(), name).clone()
    broken.view(-1)[-1] = float("nan")
    with pytest.raises(NotFiniteError, match=name):
        dataclasses.replace(rollout(), **{name: broken})
