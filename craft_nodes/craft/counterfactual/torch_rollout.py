"""The rollout of many candidates of many states at once, in torch.

The kernel's computation (craft.counterfactual.kernel) with the loops turned round: steps and ticks outermost, in
Python, and within them one tensor operation over all rollouts. A rollout that has collided goes on like the others and
no longer counts. All of it is float64, so that the thresholds of the reward (a contact, an edge of the road, a stop
line) decide as they do in the kernel; arithmetic is in the kernel's order, so that results differ from its own by the
rounding of sin, cos, tan, atan2, hypot and exp alone.
"""

from typing import NamedTuple

import torch

from craft.counterfactual.config import CounterfactualNumbers
from craft.counterfactual.route import AHEAD_M, BEHIND_M
from craft.counterfactual.torch_agents import agents_in_reach, decay_rollouts, touches
from craft.counterfactual.torch_reward import collision_multiplier, driving_reward, wrapped
from craft.counterfactual.torch_route import Routes, project
from craft.counterfactual.torch_stop_lines import crosses, forbidden_lines, in_stop_zone, line_columns
from craft.counterfactual.torch_surface import TorchSurface, corner_off_road, lane_at
from craft.counterfactual.torch_vehicle import Controls, advance, fill_paths
from craft.scene import AgentField, EgoField
from craft.vehicle.response import TICK_S


class Outcomes(NamedTuple):
    """What N rollouts came to; tensors [N] on the device."""

    returns: torch.Tensor
    collision: torch.Tensor
    red_light: torch.Tensor
    stop_sign: torch.Tensor
    off_road: torch.Tensor
    progress_m: torch.Tensor


class Place(NamedTuple):
    """Where N egos are on route and road; see place_on_route and place_in_lane of craft.counterfactual.kernel."""

    piece: torch.Tensor  # int64
    arc_m: torch.Tensor
    route: torch.Tensor  # deviations, normalised
    centerline: torch.Tensor
    heading: torch.Tensor
    off_route: torch.Tensor
    opposite: torch.Tensor
    emergency: torch.Tensor


def roll_out(trajectories, row, ego, agents, agent_valid, route, route_valid, stop_lines, stop_valid, surface, numbers,
             gains) -> Outcomes:  # fmt: skip
    """N candidates in S states; see craft.counterfactual.kernel.roll_out.

    Args:
        trajectories: float64 [N, T, 3], finite.
        row: int64 [N], the state of each.
        ego, agents, agent_valid, route, route_valid, stop_lines, stop_valid: [S, ...], rows of a Scene in float64.
        surface: TorchSurface of the road map.
        numbers, gains: CounterfactualNumbers, TrackingGains.
    """
    agents, agent_valid = agents_in_reach(ego, agents, agent_valid, numbers)
    agent_poses = decay_rollouts(agents, numbers)
    routes = Routes(route, route_valid)
    pieces, piece_counts = routes.pieces[row], routes.counts[row]
    lights, signs = (mask[row] for mask in forbidden_lines(stop_lines, stop_valid))
    lines = line_columns(stop_lines)[row]
    sizes = agents[..., [AgentField.HALF_LENGTH, AgentField.HALF_WIDTH]][row]
    agent_valid, ego = agent_valid[row], ego[row]
    half_length, half_width = ego[:, EgoField.HALF_LENGTH], ego[:, EgoField.HALF_WIDTH]
    world = Surroundings(ego, pieces, piece_counts, surface, numbers)
    controls = Controls(fill_paths(trajectories, gains), gains)

    zero = torch.zeros_like(half_length)
    no = torch.zeros_like(zero, dtype=torch.bool)
    x, y, yaw, speed = zero, zero, zero, ego[:, EgoField.SPEED].clamp(min=0.0)
    cos, sin = torch.ones_like(zero), zero
    sleeping = touches(x, y, cos, sin, half_length, half_width, next(agent_poses)[row], sizes, agent_valid)
    stood = torch.zeros_like(signs)
    place = world.place(x, y, yaw, cos, sin, None)

    total, discount, progress, alive = zero.clone(), 1.0, zero.clone(), ~no
    collision, red_light, stop_sign, off_road = no.clone(), no.clone(), no.clone(), no.clone()
    for k in range(1, numbers.steps + 1):
        standing = (speed < numbers.standing_mps)[:, None]
        stood |= standing & in_stop_zone(lines, x, y, cos, sin, half_length, numbers.stop_zone_m)
        last_x, last_y, last_cos, last_sin, last_speed, last_place = x, y, cos, sin, speed, place
        for tick in range(numbers.ticks_per_step):
            age_s = ((k - 1) * numbers.ticks_per_step + tick) * TICK_S
            throttle, steer, brake = controls(age_s, x, y, cos, sin, speed)
            x, y, yaw, speed = advance(x, y, yaw, cos, sin, speed, throttle, steer, brake)
            cos, sin = torch.cos(yaw), torch.sin(yaw)

        place = world.place(x, y, yaw, cos, sin, last_place)
        gain = (place.arc_m - last_place.arc_m).clamp(0.0, numbers.max_progress_m)
        progress += torch.where(alive, gain, 0.0)
        reward = driving_reward(gain, *last_place[2:5], *place[2:5], numbers)
        off = corner_off_road(
            surface, *world.to_map(x, y), *world.turned(cos, sin), half_length, half_width, numbers.surface_margin_m
        )
        off_road |= alive & off
        for cost, paid in (
            (numbers.off_road_cost, off),
            (numbers.opposite_lane_cost, place.opposite),
            (numbers.off_route_cost, place.off_route),
            (numbers.emergency_lane_cost, place.emergency),
        ):
            reward = torch.where(paid, reward - cost, reward)

        along = lines[..., 2] * cos[:, None] + lines[..., 3] * sin[:, None] > numbers.stop_heading_cos
        for end in (half_length, -half_length):
            ends = last_x + end * last_cos, last_y + end * last_sin, x + end * cos, y + end * sin
            crossed = alive[:, None] & along & crosses(lines, *ends)
            red_light |= (crossed & lights).any(1)
            stop_sign |= (crossed & signs & ~stood).any(1)

        standing = torch.maximum(last_speed, speed) < numbers.standing_mps
        poses = next(agent_poses)[row]
        touching = touches(x, y, cos, sin, half_length, half_width, poses, sizes, agent_valid)
        ahead = (poses[..., 0] - x[:, None]) * cos[:, None] + (poses[..., 1] - y[:, None]) * sin[:, None]
        sleeping = touching & (sleeping | (ahead < -half_length[:, None]))  # or it drove into the ego's rear
        collided = alive & (touching & ~sleeping).any(1) & ~standing
        collision |= collided
        reward = torch.where(collided, reward - numbers.collision_cost * collision_multiplier(speed, numbers), reward)
        total += torch.where(alive, discount * reward, 0.0)
        alive &= ~collided
        discount *= numbers.gamma

    total = torch.where(red_light, total - numbers.red_light_cost, total)
    total = torch.where(stop_sign, total - numbers.stop_sign_cost, total)
    return Outcomes(total, collision, red_light, stop_sign, off_road, progress)


class Surroundings:
    """What N egos find around them, and how their frames lie in the map."""

    def __init__(self, ego, pieces, piece_counts, surface: TorchSurface, numbers: CounterfactualNumbers):
        self.x, self.y = ego[:, EgoField.X], ego[:, EgoField.Y]
        self.cos, self.sin = torch.cos(ego[:, EgoField.YAW]), torch.sin(ego[:, EgoField.YAW])
        self.pieces, self.piece_counts, self.surface, self.numbers = pieces, piece_counts, surface, numbers

    def to_map(self, x, y):
        """Points of the ego frames in the map frame."""
        return self.x + self.cos * x - self.sin * y, self.y + self.sin * x + self.cos * y

    def turned(self, cos, sin):
        """Directions of the ego frames in the map frame."""
        return self.cos * cos - self.sin * sin, self.sin * cos + self.cos * sin

    def place(self, x, y, yaw, cos, sin, last: Place | None) -> Place:
        """See Place; without a last one the whole route is searched."""
        numbers = self.numbers
        low, high, start = torch.full_like(x, -torch.inf), torch.full_like(x, torch.inf), torch.zeros_like(x).long()
        if last is not None:
            low, high, start = last.arc_m - BEHIND_M, last.arc_m + AHEAD_M, last.piece
        piece, arc_m, distance = project(self.pieces, self.piece_counts, x, y, low, high, start)
        has_route = self.piece_counts > 0
        on = torch.take_along_dim(self.pieces, piece[:, None, None], 1)[:, 0]
        cos, sin = torch.where(has_route, on[:, 2], cos), torch.where(has_route, on[:, 3], sin)
        route = (distance / numbers.route_scale_m).clamp(max=1.0)
        heading = (wrapped(yaw - on[:, 6]) / numbers.heading_scale_rad).clamp(max=1.0)
        opposite, emergency, beside = lane_at(self.surface, *self.to_map(x, y), *self.turned(cos, sin), numbers)
        return Place(
            piece,
            torch.where(has_route, arc_m, 0.0),
            torch.where(has_route, route, 0.0),
            beside / numbers.centerline_scale_m,
            torch.where(has_route, heading, 0.0),
            has_route & (distance > numbers.off_route_m),
            opposite,
            emergency,
        )
