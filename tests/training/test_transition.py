"""A transition is whole and fits together, or it is refused."""

import dataclasses

import numpy as np
import pytest

from craft.training import StepKey
from small_training import CANDIDATES, transitions

WHOLE = transitions([1], own_candidates=True)[3]


def test_keys_sort_by_worker_then_episode_then_time():
    keys = [StepKey(1, 1, 0), StepKey(0, 2, 0), StepKey(0, 1, 10), StepKey(0, 1, 9)]
    assert sorted(keys) == keys[::-1]


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        WHOLE.reward = 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"valid": np.ones(CANDIDATES, np.uint8)}, "valid is uint8"),
        ({"returns": np.zeros(CANDIDATES + 1, np.float32)}, r"returns is float32\[8\], expected float32\[7\]"),
        ({"returns": np.zeros(CANDIDATES)}, "returns is float64"),
        ({"returns_valid": np.ones(3, np.bool_)}, "returns_valid is bool"),
        ({"features": np.zeros((1, 2), np.float32)}, "features is float32"),
        ({"features": np.array([np.nan], np.float32)}, "features is not finite"),
        ({"trajectories": np.zeros((CANDIDATES, 6, 2), np.float32)}, "trajectories is float32"),
        ({"selected": CANDIDATES}, "the selected candidate 7"),
        ({"selected": -1}, "the selected candidate -1"),
        ({"valid": np.zeros(CANDIDATES, np.bool_)}, "not valid"),
        ({"log_prob_old": float("-inf")}, "log_prob_old is not finite"),
        ({"log_prob_old": 0.5}, "above log 1"),
        ({"reward": float("nan")}, "reward is not finite"),
        ({"returns": np.full(CANDIDATES, np.inf, np.float32)}, "returns is not finite"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(WHOLE, **change)


def test_returns_of_candidates_that_were_not_judged_may_be_anything():
    judged = WHOLE.valid.copy()
    judged[WHOLE.selected] = False
    dataclasses.replace(WHOLE, returns=np.where(judged, 1.0, np.nan).astype(np.float32), returns_valid=judged)


def test_an_executed_candidate_that_is_masked_is_refused():
    valid = WHOLE.valid.copy()
    valid[WHOLE.selected] = False
    with pytest.raises(ValueError, match="is not one of the valid ones"):
        dataclasses.replace(WHOLE, valid=valid, returns_valid=valid)
