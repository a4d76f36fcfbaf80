"""Stop lines that must not be crossed, in torch. N rollouts, L lines; everything is float64."""

import torch

from craft.scene import LightState, StopField, StopKind


def forbidden_lines(stop_lines: torch.Tensor, stop_valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Which lines are red lights and which are stop signs not stood for yet; see craft.counterfactual.stop_lines.

    Args:
        stop_lines: [S, L, 8], StopField.
        stop_valid: bool [S, L].

    Returns:
        (lights, signs): bool [S, L].
    """
    kind = stop_lines[..., StopField.KIND]
    red = stop_lines[..., StopField.STATE] == LightState.RED
    lights = stop_valid & (kind == StopKind.LIGHT) & red
    signs = stop_valid & (kind == StopKind.STOP) & (stop_lines[..., StopField.CLEARED] < 0.5)
    return lights, signs


def line_columns(stop_lines: torch.Tensor) -> torch.Tensor:
    """[S, L, 5]: middle x, y [m], direction across it x, y, half width [m], of stop_lines [S, L, 8]."""
    yaw = stop_lines[..., StopField.YAW]
    x, y, half_width = (stop_lines[..., field] for field in (StopField.X, StopField.Y, StopField.HALF_WIDTH))
    return torch.stack([x, y, torch.cos(yaw), torch.sin(yaw), half_width], -1)


def crosses(lines: torch.Tensor, x0, y0, x1, y1) -> torch.Tensor:
    """[N, L], whether points that go straight from (x0, y0) to (x1, y1), each [N], cross lines [N, L, 5]."""
    line_x, line_y, across_x, across_y, half_width = lines.unbind(-1)
    x0, y0, x1, y1 = (t[:, None] for t in (x0, y0, x1, y1))
    before = (x0 - line_x) * across_x + (y0 - line_y) * across_y
    after = (x1 - line_x) * across_x + (y1 - line_y) * across_y
    forward = (before <= 0.0) & (after > 0.0)
    part = before / torch.where(forward, before - after, 1.0)
    x, y = x0 + part * (x1 - x0), y0 + part * (y1 - y0)
    return forward & (torch.abs((y - line_y) * across_x - (x - line_x) * across_y) <= half_width)


def in_stop_zone(lines: torch.Tensor, x, y, cos, sin, half_length, zone_m: float) -> torch.Tensor:
    """[N, L], whether vehicles [N], if they stood, would have stood for lines [N, L, 5]."""
    line_x, line_y, across_x, across_y, _ = lines.unbind(-1)
    x, y, cos, sin, half_length = (t[:, None] for t in (x, y, cos, sin, half_length))
    centre = (x - line_x) * across_x + (y - line_y) * across_y
    reach = half_length * (cos * across_x + sin * across_y)
    return (centre + reach >= -zone_m) & (centre - reach <= 0.0)
