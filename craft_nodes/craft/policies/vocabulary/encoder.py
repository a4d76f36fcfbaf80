"""The frozen encoder: ego vehicle, route, agents and stop lines as tokens that attend to one another."""

import torch
from torch import nn
from torch.nn import functional

from craft.policies.batch import ObservationBatch
from craft.policies.vocabulary.config import VocabularyConfig
from craft.policies.vocabulary.layout import ROUTE_STRIDE, ROUTE_TOKEN_POINTS, ROUTE_TOKENS, FeatureLayout
from craft.policies.vocabulary.scene import predict_agents, scene_geometry, take_rows
from craft.scene import AgentField, AgentKind, EgoField, LightState, RouteField, StopField, StopKind
from craft.scene.candidates import TRAJECTORY_STEPS

_EGO_INPUTS = 10
_ROUTE_INPUTS = 7 * ROUTE_TOKEN_POINTS
_AGENT_INPUTS = 11 + len(AgentKind) + 2 * TRAJECTORY_STEPS
_STOP_INPUTS = 7 + len(StopKind) + len(LightState)


class SceneEncoder(nn.Module):
    """Maps observations to the flat features that a FeatureLayout describes."""

    def __init__(self, config: VocabularyConfig):
        super().__init__()
        self.config = config
        self.layout = FeatureLayout(config)
        self.embed_ego = _embedding(_EGO_INPUTS, config.token_size)
        self.embed_route = _embedding(_ROUTE_INPUTS, config.token_size)
        self.embed_agent = _embedding(_AGENT_INPUTS, config.token_size)
        self.embed_stop = _embedding(_STOP_INPUTS, config.token_size)
        self.route_position = nn.Parameter(torch.zeros(ROUTE_TOKENS, config.token_size))
        self.layers = nn.ModuleList(
            SelfAttention(config.token_size, config.attention_heads) for _ in range(config.encoder_layers)
        )
        self.norm = nn.LayerNorm(config.token_size)

    def forward(self, batch: ObservationBatch) -> torch.Tensor:
        """Features [B, F]."""
        geometry, agent_rows = scene_geometry(batch, self.config.agents)
        tokens = torch.cat(
            [
                self.embed_ego(self._ego_inputs(batch))[:, None],
                self.embed_route(self._route_inputs(batch, geometry.route)) + self.route_position,
                self.embed_agent(self._agent_inputs(take_rows(batch.agents, agent_rows), geometry.agents)),
                self.embed_stop(self._stop_inputs(batch.stop_lines)),
            ],
            dim=1,
        )
        always = torch.ones(len(batch), 1 + ROUTE_TOKENS, dtype=torch.bool, device=tokens.device)
        valid = torch.cat([always, geometry.agents[..., -1] > 0.5, batch.stop_valid], dim=1)
        for layer in self.layers:
            tokens = layer(tokens, valid)
        tokens = self.norm(tokens).masked_fill(~valid[..., None], 0.0)
        return self.layout.pack(tokens, valid, geometry)

    def _ego_inputs(self, batch: ObservationBatch) -> torch.Tensor:
        """[B, _EGO_INPUTS]."""
        config, ego = self.config, batch.ego
        speed, limit = ego[:, EgoField.SPEED], ego[:, EgoField.SPEED_LIMIT]
        return torch.stack(
            [
                speed / config.speed_scale_mps,
                limit / config.speed_scale_mps,
                speed / limit.clamp_min(1.0),
                ego[:, EgoField.YAW_RATE],
                ego[:, EgoField.ACCELERATION] / config.acceleration_scale_mps2,
                ego[:, EgoField.THROTTLE],
                ego[:, EgoField.STEER],
                ego[:, EgoField.BRAKE],
                batch.route_offset_m.clamp(-config.lateral_limit_m, config.lateral_limit_m) / config.lateral_scale_m,
                (batch.route_remaining_m / config.position_scale_m).clamp(-1.0, 3.0),
            ],
            dim=-1,
        )

    def _route_inputs(self, batch: ObservationBatch, route: torch.Tensor) -> torch.Tensor:
        """[B, ROUTE_TOKENS, _ROUTE_INPUTS]."""
        config = self.config
        rows = batch.route[:, ::ROUTE_STRIDE]
        valid = batch.route_valid[:, ::ROUTE_STRIDE]
        lane = torch.stack(
            [
                rows[..., RouteField.HALF_WIDTH] / config.lateral_scale_m,
                rows[..., RouteField.SPEED_LIMIT] / config.speed_scale_mps,
                rows[..., RouteField.JUNCTION],
            ],
            dim=-1,
        ).masked_fill(~valid[..., None], 0.0)
        yaw = route[..., 2:]
        points = torch.cat([route[..., :2] / config.position_scale_m, yaw.cos(), yaw.sin(), lane], dim=-1)
        return points.unflatten(1, (ROUTE_TOKENS, ROUTE_TOKEN_POINTS)).flatten(2)

    def _agent_inputs(self, agents: torch.Tensor, geometry: torch.Tensor) -> torch.Tensor:
        """[B, A, _AGENT_INPUTS] from chosen rows of Observation.agents and the same ones of SceneGeometry.agents."""
        config = self.config
        yaw = agents[..., [AgentField.YAW]]
        predicted = predict_agents(geometry)[..., :2].flatten(2)
        return torch.cat(
            [
                agents[..., [AgentField.X, AgentField.Y]] / config.position_scale_m,
                yaw.cos(),
                yaw.sin(),
                agents[..., [AgentField.VX, AgentField.VY]] / config.speed_scale_mps,
                agents[..., [AgentField.YAW_RATE]],
                agents[..., [AgentField.ACCELERATION]] / config.acceleration_scale_mps2,
                agents[..., [AgentField.HALF_LENGTH, AgentField.HALF_WIDTH]] / config.lateral_scale_m,
                agents[..., [AgentField.ON_CONNECTOR]],
                _one_hot(agents[..., AgentField.KIND], AgentKind),
                predicted / config.position_scale_m,
            ],
            dim=-1,
        )

    def _stop_inputs(self, lines: torch.Tensor) -> torch.Tensor:
        """[B, S, _STOP_INPUTS]."""
        config = self.config
        yaw = lines[..., [StopField.YAW]]
        return torch.cat(
            [
                lines[..., [StopField.X, StopField.Y]] / config.position_scale_m,
                yaw.cos(),
                yaw.sin(),
                lines[..., [StopField.HALF_WIDTH]] / config.lateral_scale_m,
                lines[..., [StopField.DISTANCE]] / config.position_scale_m,
                lines[..., [StopField.CLEARED]],
                _one_hot(lines[..., StopField.KIND], StopKind),
                _one_hot(lines[..., StopField.STATE], LightState),
            ],
            dim=-1,
        )


class SelfAttention(nn.Module):
    """A pre-norm transformer layer over valid tokens."""

    def __init__(self, size: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(size)
        self.project_in = nn.Linear(size, 3 * size)
        self.project_out = nn.Linear(size, size)
        self.mlp = nn.Sequential(nn.LayerNorm(size), nn.Linear(size, 2 * size), nn.ReLU(), nn.Linear(2 * size, size))

    def forward(self, tokens: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Tokens [B, K, D] after attention to the valid ones, bool [B, K]."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.project_in(self.attention_norm(tokens)).chunk(3, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=valid[:, None, None])
        tokens = tokens + self.project_out(mixed.transpose(1, 2).flatten(2))
        return tokens + self.mlp(tokens)


def _embedding(inputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 2 * size), nn.ReLU(), nn.Linear(2 * size, size))


def _one_hot(codes: torch.Tensor, kinds) -> torch.Tensor:
    """[..., len(kinds)]; all zero for a code that is none of `kinds`."""
    return (codes[..., None] == codes.new_tensor([float(kind) for kind in kinds])).float()
