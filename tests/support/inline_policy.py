"""A policy family as a third party would write it: its candidates differ from state to state and are padded."""

from pathlib import Path

import torch
from torch import nn

from craft.policies import ObservationBatch, Policy
from craft.policies.checkpoint import read_checkpoint, write_checkpoint
from craft.policies.contract import parse_weights
from craft.scene import EgoField, RouteField
from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS, Candidates
from craft.scene.observation import ROUTE_POINTS_BEHIND

SPEEDS = 5
CANDIDATES = 6  # one more than there are speeds: the last one is padding


class SpeedScorer(nn.Module):
    """Scores each candidate from the features and its mean speed."""

    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, features, candidates):
        trajectories = candidates.trajectories.masked_fill(~candidates.valid[..., None, None], 0.0)
        speed = trajectories[..., -1, :2].norm(dim=-1, keepdim=True) / (TRAJECTORY_STEPS * TRAJECTORY_DT_S)
        return self.mlp(torch.cat([features[:, None].expand(-1, speed.shape[1], -1), speed / 10.0], dim=-1)).squeeze(-1)


class InlinePolicy(Policy):
    """Follows the heading of the route at one of a few shares of the speed limit."""

    family = "inline"

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self._scorer = SpeedScorer()

    @property
    def feature_size(self):
        return 3

    @property
    def trainable(self):
        return self._scorer

    @torch.no_grad()
    def encode(self, batch: ObservationBatch):
        limit = batch.ego[:, EgoField.SPEED_LIMIT]
        heading = batch.route[:, ROUTE_POINTS_BEHIND, RouteField.YAW]
        features = torch.stack([batch.ego[:, EgoField.SPEED] / 10.0, limit / 10.0, heading], dim=-1)
        time = TRAJECTORY_DT_S * torch.arange(1, TRAJECTORY_STEPS + 1)
        speed = limit[:, None] * torch.linspace(0.0, 1.0, SPEEDS)
        along = speed[..., None] * time
        yaw = heading[:, None, None].expand_as(along)
        trajectories = torch.zeros(len(batch), CANDIDATES, TRAJECTORY_STEPS, 3)
        trajectories[:, :SPEEDS] = torch.stack([along * yaw.cos(), along * yaw.sin(), yaw], dim=-1)
        valid = (torch.arange(CANDIDATES) < SPEEDS).expand(len(batch), -1)
        return features, Candidates(trajectories, valid)

    def save(self, folder: Path):
        write_checkpoint(folder, self.family, {}, {"trainable.safetensors": self.trainable_bytes()})

    @classmethod
    def load(cls, folder: Path):
        checkpoint = read_checkpoint(folder, cls.family, ("trainable.safetensors",))
        policy = cls()
        state = policy.trainable.state_dict()
        policy.trainable.load_state_dict(parse_weights(checkpoint.files["trainable.safetensors"], state, str(folder)))
        return policy
