"""The trainable part: scores each candidate against the encoded scene."""

import torch
from torch import nn
from torch.nn import functional

from craft.policies.vocabulary.comparison import COMPARISONS, compare
from craft.policies.vocabulary.config import VocabularyConfig
from craft.policies.vocabulary.layout import FeatureLayout
from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS, Candidates

_CANDIDATE_INPUTS = 5 * TRAJECTORY_STEPS


class ScoringHead(nn.Module):
    """Candidates attend to the scene's tokens; what they find, and how they compare with the scene, gives logits."""

    def __init__(self, config: VocabularyConfig):
        super().__init__()
        self.config = config
        self.layout = FeatureLayout(config)
        size, hidden = config.token_size, config.head_size
        self.embed_candidate = nn.Sequential(nn.Linear(_CANDIDATE_INPUTS, hidden), nn.ReLU(), nn.Linear(hidden, size))
        self.query = nn.Linear(size, size)
        self.key_value = nn.Linear(size, 2 * size)
        self.match = nn.Linear(size, size, bias=False)
        self.from_candidate = nn.Linear(size, hidden)
        self.from_ego = nn.Linear(size, hidden, bias=False)
        self.from_attention = nn.Linear(size, hidden, bias=False)
        self.from_comparison = nn.Linear(COMPARISONS, hidden, bias=False)
        self.mlp = nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden // 2), nn.ReLU(), nn.Linear(hidden // 2, 1))

    def forward(self, features: torch.Tensor, candidates: Candidates) -> torch.Tensor:
        """Logits [B, G] for features [B, F] and candidates shared by, or one group for each of, the B states."""
        tokens, token_valid, geometry = self.layout.unpack(features)
        trajectories = candidates.trajectories.masked_fill(~candidates.valid[..., None, None], 0.0)
        if trajectories.dim() == 3:
            trajectories = trajectories[None]
        elif len(trajectories) != len(features):
            raise ValueError(f"{len(trajectories)} groups of candidates for {len(features)} states")

        embedded = self.embed_candidate(self._candidate_inputs(trajectories))  # [B or 1, G, D]
        found = self._attend(self.query(embedded), tokens, token_valid)
        hidden = (
            self.from_comparison(compare(trajectories, geometry, self.config))
            + self.from_attention(found)
            + self.from_candidate(embedded)
            + self.from_ego(tokens[:, :1])
        )
        scene = tokens.sum(1) / token_valid.sum(1, keepdim=True)
        bilinear = (embedded * self.match(scene)[:, None]).sum(-1)
        return self.mlp(hidden).squeeze(-1) + bilinear

    def _candidate_inputs(self, trajectories: torch.Tensor) -> torch.Tensor:
        """[..., G, _CANDIDATE_INPUTS] from [..., G, T, 3]."""
        position, yaw = trajectories[..., :2], trajectories[..., 2:]
        start = torch.zeros_like(position[..., :1, :])
        speed = torch.diff(position, dim=-2, prepend=start).norm(dim=-1, keepdim=True) / TRAJECTORY_DT_S
        parts = [position / self.config.position_scale_m, yaw.cos(), yaw.sin(), speed / self.config.speed_scale_mps]
        return torch.cat(parts, dim=-1).flatten(-2)

    def _attend(self, query: torch.Tensor, tokens: torch.Tensor, token_valid: torch.Tensor) -> torch.Tensor:
        """[B, G, D] what queries [B or 1, G, D] find in tokens [B, K, D]."""
        query = query.expand(len(tokens), -1, -1)
        query, key, value = (
            part.unflatten(-1, (self.config.attention_heads, -1)).transpose(1, 2)
            for part in (query, *self.key_value(tokens).chunk(2, dim=-1))
        )
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=token_valid[:, None, None])
        return found.transpose(1, 2).flatten(2)
