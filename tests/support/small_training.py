"""A small policy and made-up transitions for it, the same for the same numbers."""

import numpy as np
import safetensors.torch
import torch
from torch import nn

from craft.scene.candidates import Candidates
from craft.training import DecisionPart, ReturnsPart, RewardPart, StepKey, Transition

FEATURES, CANDIDATES = 5, 7
VOCABULARY = Candidates(
    torch.linspace(-1, 1, CANDIDATES * 18).reshape(CANDIDATES, 6, 3), torch.ones(CANDIDATES, dtype=torch.bool)
)


class Scorer(nn.Module):
    """Inner products of embedded features and candidates, as a scoring head makes them."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.features = nn.Linear(FEATURES, 8)
            self.candidates = nn.Linear(18, 8)
        self.largest = 0  # rows seen at once

    def forward(self, features, candidates):
        self.largest = max(self.largest, len(features))
        embedded = torch.tanh(self.candidates(candidates.trajectories.flatten(-2)))
        return (torch.tanh(self.features(features)).unsqueeze(-2) * embedded).sum(-1)


class SmallPolicy:
    def __init__(self, seed=0):
        self.trainable = Scorer(seed)

    def trainable_bytes(self):
        return safetensors.torch.save(self.trainable.state_dict())


def parts(key, version=0, own_candidates=False):
    """The three parts of one made-up transition; depends on the key alone."""
    rng = np.random.default_rng(list(key))
    valid = rng.random(CANDIDATES) < 0.8
    selected = int(rng.integers(CANDIDATES))
    valid[selected] = True
    reward = -5.0 if rng.random() < 0.2 else 0.0
    trajectories = rng.normal(size=(CANDIDATES, 6, 3)).astype(np.float32) if own_candidates else None
    return (
        DecisionPart(
            key=key,
            features=rng.normal(size=FEATURES).astype(np.float32),
            trajectories=trajectories,
            valid=valid,
            selected=selected,
            log_prob=float(np.log(rng.uniform(0.05, 0.5))),
            policy_version=version,
        ),
        ReturnsPart(key, rng.normal(scale=10.0, size=CANDIDATES).astype(np.float32), valid),
        RewardPart(key, reward, (2,) if reward else (), done=key.step == 9, truncated=False),
    )


def transitions(episodes, version=0, own_candidates=False):
    """Ten steps of each episode."""
    keys = [StepKey(0, episode, step) for episode in episodes for step in range(10)]
    return [Transition.join(*parts(key, version, own_candidates)) for key in keys]
