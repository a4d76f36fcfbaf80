"""Plain comparisons of each candidate with the scene: route, agents, stop lines, present motion. Nothing is learned."""

import torch

from craft.policies.vocabulary.config import VocabularyConfig
from craft.policies.vocabulary.layout import ROUTE_STRIDE, SceneGeometry
from craft.policies.vocabulary.scene import predict_agents
from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS

COMPARISONS = 7 * TRAJECTORY_STEPS + 3  # C
_CHUNK_STATES = 4  # states compared at once: the intermediate arrays then stay in the processor's cache


@torch.no_grad()
def compare(trajectories: torch.Tensor, geometry: SceneGeometry, config: VocabularyConfig) -> torch.Tensor:
    """Compares candidates with the scene.

    Args:
        trajectories: [B or 1, G, T, 3], ego frame, finite.
        geometry: Of B states.
        config: Scales and limits.

    Returns:
        [B, G, C], each about in [-3, 3]. For each of the T points: lateral deviation from the route, sine of the
        heading deviation, progress relative to driving at the speed limit, clearance of the agents' boxes and of
        their boxes lengthened by their motion, distance left to the first closed light and to the first stop sign.
        Then the change of speed and of yaw rate at the start, and the final speed relative to the limit.
    """
    states = len(geometry.ego)
    parts = []
    for start in range(0, states, _CHUNK_STATES):
        rows = slice(start, start + _CHUNK_STATES)
        part = SceneGeometry(geometry.ego[rows], geometry.route[rows], geometry.agents[rows], geometry.stops[rows])
        parts.append(_compare_chunk(trajectories if len(trajectories) == 1 else trajectories[rows], part, config))
    return torch.cat(parts)


def _compare_chunk(trajectories: torch.Tensor, geometry: SceneGeometry, config: VocabularyConfig) -> torch.Tensor:
    limit_mps = geometry.ego[:, 2, None, None].clamp_min(1.0)
    lateral, heading, progress = route_coordinates(trajectories, geometry.route)
    tight, lengthened = clearances(trajectories, geometry, config)
    closed_light, stop_sign = stop_margins(progress, geometry, config)
    time = TRAJECTORY_DT_S * torch.arange(1, TRAJECTORY_STEPS + 1, dtype=progress.dtype, device=progress.device)
    return torch.cat(
        [
            lateral.clamp(-config.lateral_limit_m, config.lateral_limit_m) / config.lateral_scale_m,
            heading.sin(),
            (progress / (time * limit_mps)).clamp(-1.0, 2.0),
            tight / config.clearance_scale_m,
            lengthened / config.clearance_scale_m,
            closed_light / config.margin_scale_m,
            stop_sign / config.margin_scale_m,
            _motion(trajectories, geometry.ego, config),
        ],
        dim=-1,
    )


def route_coordinates(
    trajectories: torch.Tensor, route: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Trajectories relative to the route.

    Args:
        trajectories: [B or 1, G, T, 3].
        route: [B, R, 3], points ROUTE_STRIDE metres apart.

    Returns:
        Lateral deviation, left positive [m], heading deviation [rad], and progress along the route since the vehicle's
        own projection [m]; each [B, G, T].
    """
    shape = (len(route), *trajectories.shape[1:3])
    points = trajectories[..., :2].flatten(1, 2)
    # The ego vehicle itself, at the origin, is projected along with the candidates.
    points = torch.cat([points, points.new_zeros(len(points), 1, 2)], dim=1)
    centres = route[..., :2]
    # Nearest route point: |p - r|^2 without |p|^2, which is the same for all r.
    nearest = (centres.square().sum(-1)[:, None] - 2.0 * points @ centres.transpose(1, 2)).argmin(-1)
    x, y, yaw = (column.gather(1, nearest) for column in route.unbind(-1))
    cos, sin = yaw.cos(), yaw.sin()
    dx, dy = points[..., 0] - x, points[..., 1] - y
    along = ROUTE_STRIDE * nearest + cos * dx + sin * dy
    lateral = (cos * dy - sin * dx)[:, :-1].reshape(shape)
    progress = (along[:, :-1] - along[:, -1:]).reshape(shape)
    return lateral, trajectories[..., 2] - yaw[:, :-1].reshape(shape), progress


def clearances(
    trajectories: torch.Tensor, geometry: SceneGeometry, config: VocabularyConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """Smallest gap between the ego vehicle's box on a candidate and any agent's predicted box.

    The gap is the larger one of the gaps along the two axes of the ego vehicle's box (half of the separating-axis
    test), negative where the boxes overlap on both.

    Returns:
        [B, G, T] with the agents' true boxes, and with boxes lengthened by `motion_margin_s` of the agents' motion
        both ways; [m], clipped to [-penetration_limit_m, clearance_limit_m].
    """
    agent_x, agent_y, agent_yaw = predict_agents(geometry.agents).transpose(1, 2).unbind(-1)  # [B, T, A]
    agent_cos, agent_sin = agent_yaw.cos(), agent_yaw.sin()
    x, y, yaw = trajectories.transpose(1, 2).unbind(-1)  # [B or 1, T, G]
    cos, sin = yaw.cos(), yaw.sin()
    # An agent in the frame of a candidate, written as one product: along = cos ax + sin ay - (cos x + sin y),
    # across = cos ay - sin ax - (cos y - sin x), and cosine and sine of the angle between the two boxes.
    one, zero = torch.ones_like(agent_x), torch.zeros_like(agent_x)
    candidate = torch.stack([cos, sin, -(cos * x + sin * y), -(cos * y - sin * x)], dim=-1)  # [B or 1, T, G, 4]
    agent = torch.stack(
        [
            torch.cat([agent_x, agent_y, agent_cos, agent_sin], dim=-1),
            torch.cat([agent_y, -agent_x, agent_sin, -agent_cos], dim=-1),
            torch.cat([one, zero, zero, zero], dim=-1),
            torch.cat([zero, one, zero, zero], dim=-1),
        ],
        dim=-2,
    )  # [B, T, 4, 4 A]
    along, across, relative_cos, relative_sin = (candidate @ agent).abs_().chunk(4, dim=-1)  # [B, T, G, A] each

    ego_length, ego_width = geometry.ego[:, 3, None, None, None], geometry.ego[:, 4, None, None, None]
    length, width, valid = (geometry.agents[:, None, None, :, column] for column in (6, 7, 8))
    far = torch.where(valid > 0.5, 0.0, 1e3)
    along = along.sub_(ego_length - far).addcmul_(relative_sin, width, value=-1.0)
    across = across.sub_(ego_width - far).addcmul_(relative_cos, width, value=-1.0)
    motion = config.motion_margin_s * geometry.agents[:, None, None, :, 3:5].norm(dim=-1)
    gaps = []
    for more_length in (length, motion):  # both gaps are shortened step by step
        along = along.addcmul_(relative_cos, more_length, value=-1.0)
        across = across.addcmul_(relative_sin, more_length, value=-1.0)
        gap = torch.maximum(along, across).amin(-1).transpose(1, 2)
        gaps.append(gap.clamp(-config.penetration_limit_m, config.clearance_limit_m))
    return gaps[0], gaps[1]


def stop_margins(
    progress: torch.Tensor, geometry: SceneGeometry, config: VocabularyConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distance that is left between the front bumper and the first line where one must stop.

    Args:
        progress: [B, G, T], along the route since now [m].
        geometry: Of B states.
        config: Limits.

    Returns:
        For closed lights and for stop signs: [B, G, T] [m], negative behind the line, clipped to +-margin_limit_m;
        margin_limit_m where no line binds.
    """
    to_line = geometry.stops[..., 0] - geometry.ego[:, 3, None]
    margins = []
    for kind in (1, 2):
        binds = (geometry.stops[..., kind] > 0.5) & (to_line > -config.passed_line_m)
        first = to_line.masked_fill(~binds, 1e3).amin(1)[:, None, None]
        margins.append((first - progress).clamp(-config.margin_limit_m, config.margin_limit_m))
    return margins[0], margins[1]


def _motion(trajectories: torch.Tensor, ego: torch.Tensor, config: VocabularyConfig) -> torch.Tensor:
    """[B, G, 3] change of speed over the first step, change of yaw rate, final speed over the speed limit."""
    first, last = trajectories[:, :, 0], trajectories[:, :, -1] - trajectories[:, :, -2]
    speed, yaw_rate, limit = ego[:, 0, None], ego[:, 1, None], ego[:, 2, None].clamp_min(1.0)
    speed_change = first[..., :2].norm(dim=-1) / TRAJECTORY_DT_S - speed
    turn_change = first[..., 2] / TRAJECTORY_DT_S - yaw_rate
    final = last[..., :2].norm(dim=-1) / TRAJECTORY_DT_S / limit
    change_scale = TRAJECTORY_DT_S * config.acceleration_scale_mps2
    return torch.stack(
        [(speed_change / change_scale).clamp(-3.0, 3.0), turn_change.clamp(-1.0, 1.0), final.clamp(0.0, 2.0)], dim=-1
    )
