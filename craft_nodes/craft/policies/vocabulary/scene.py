"""From observations to the geometry of the scene."""

import torch

from craft.policies.batch import ObservationBatch
from craft.policies.vocabulary.layout import ROUTE_STRIDE, SceneGeometry
from craft.scene import AgentField, EgoField, LightState, RouteField, StopField, StopKind
from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS

MAX_YAW_RATE = 1.0  # [rad/s]; beyond it a measured yaw rate is noise, not a turn (ours)


def scene_geometry(batch: ObservationBatch, agents: int) -> tuple[SceneGeometry, torch.Tensor]:
    """Geometry of the scene, and which agents it holds.

    Args:
        batch: B observations.
        agents: Number of nearest agents to keep.

    Returns:
        geometry: See SceneGeometry.
        agent_rows: int64 [B, agents], rows of `batch.agents` in the order of the geometry's agents.
    """
    ego = batch.ego[
        :, [EgoField.SPEED, EgoField.YAW_RATE, EgoField.SPEED_LIMIT, EgoField.HALF_LENGTH, EgoField.HALF_WIDTH]
    ]
    distance = batch.agents[..., [AgentField.X, AgentField.Y]].norm(dim=-1).masked_fill(~batch.agent_valid, torch.inf)
    agent_rows = torch.sort(distance, dim=1, stable=True).indices[:, :agents]
    columns = [
        AgentField.X,
        AgentField.Y,
        AgentField.YAW,
        AgentField.VX,
        AgentField.VY,
        AgentField.YAW_RATE,
        AgentField.HALF_LENGTH,
        AgentField.HALF_WIDTH,
    ]
    valid = batch.agent_valid.gather(1, agent_rows)[..., None]
    nearest = take_rows(batch.agents, agent_rows)[..., columns].masked_fill(~valid, 0.0)
    route = extend_route(batch.route[..., [RouteField.X, RouteField.Y, RouteField.YAW]], batch.route_valid)
    geometry = SceneGeometry(
        ego=ego,
        route=route[:, ::ROUTE_STRIDE],
        agents=torch.cat([nearest, valid.float()], dim=-1),
        stops=_stop_geometry(batch.stop_lines, batch.stop_valid),
    )
    return geometry, agent_rows


def take_rows(table: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Rows [B, N] of a table [B, M, C], as [B, N, C]."""
    return table.gather(1, rows[..., None].expand(-1, -1, table.shape[-1]))


def extend_route(route: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Continues a route straight before its first and after its last valid point, 1 m a row.

    Args:
        route: [B, R, 3] x, y, yaw; the valid rows are consecutive and 1 m apart.
        valid: bool [B, R]; at least one in each row.
    """
    rows = torch.arange(route.shape[1], device=route.device)
    first = valid.int().argmax(1, keepdim=True)
    last = route.shape[1] - 1 - valid.flip(1).int().argmax(1, keepdim=True)
    nearest = rows.expand(len(route), -1).clamp(first, last)
    anchor = take_rows(route, nearest)
    beyond_m = (rows - nearest).to(route.dtype)
    yaw = anchor[..., 2]
    x = anchor[..., 0] + beyond_m * yaw.cos()
    y = anchor[..., 1] + beyond_m * yaw.sin()
    return torch.stack([x, y, yaw], dim=-1)


def _stop_geometry(stop_lines: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    kind, state = stop_lines[..., StopField.KIND], stop_lines[..., StopField.STATE]
    forbids = (kind == StopKind.LIGHT) & ((state == LightState.RED) | (state == LightState.YELLOW))
    must_stop = (kind == StopKind.STOP) & (stop_lines[..., StopField.CLEARED] < 0.5)
    distance = stop_lines[..., StopField.DISTANCE].masked_fill(~valid, 0.0)
    return torch.stack([distance, (forbids & valid).float(), (must_stop & valid).float()], dim=-1)


def predict_agents(agents: torch.Tensor) -> torch.Tensor:
    """Poses of agents at the times of a trajectory, at constant speed and yaw rate.

    Args:
        agents: [..., A, 9], SceneGeometry.agents.

    Returns:
        [..., A, T, 3] x, y, yaw.
    """
    time = TRAJECTORY_DT_S * torch.arange(1, TRAJECTORY_STEPS + 1, dtype=agents.dtype, device=agents.device)
    x, y, yaw, vx, vy, yaw_rate = (agents[..., column, None] for column in range(6))
    turn = yaw_rate.clamp(-MAX_YAW_RATE, MAX_YAW_RATE) * time
    # Mean over [0, t] of a velocity that turns by `turn`: v rotated by turn / 2, shortened by sinc(turn / 2).
    shorten = torch.sinc(turn / (2.0 * torch.pi)) * time
    cos, sin = (turn / 2.0).cos(), (turn / 2.0).sin()
    px = x + shorten * (cos * vx - sin * vy)
    py = y + shorten * (sin * vx + cos * vy)
    return torch.stack([px, py, yaw + turn], dim=-1)
