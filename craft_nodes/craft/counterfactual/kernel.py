"""The compiled rollout of a group of candidates of one state."""

import math

import numpy as np

from craft.counterfactual.agents import POSE_COLUMNS, roll_out_agent
from craft.counterfactual.collision import boxes_overlap
from craft.counterfactual.compiled import compiled
from craft.counterfactual.reward import collision_multiplier, driving_reward, wrapped
from craft.counterfactual.route import AHEAD_M, BEHIND_M, PIECE_COLUMNS, fill_route, project
from craft.counterfactual.stop_lines import LINE_COLUMNS, crosses, fill_lines, in_stop_zone
from craft.counterfactual.surface import lane_at, on_road
from craft.scene.observation import AgentField, EgoField
from craft.vehicle.compiled import inner
from craft.vehicle.response import TICK_S, advance
from craft.vehicle.tracking import PATH_COLUMNS, control, fill_path

COLLISION, RED_LIGHT, STOP_SIGN, OFF_ROAD = 1, 2, 4, 8  # bits of a rollout's flags

_MAX_EGO_ACCELERATION_MPS2 = 8.0  # above the 7.61 of the longitudinal map at full throttle [m/s2]

_X, _Y, _YAW, _SPEED = int(EgoField.X), int(EgoField.Y), int(EgoField.YAW), int(EgoField.SPEED)
_HALF_LENGTH, _HALF_WIDTH = int(EgoField.HALF_LENGTH), int(EgoField.HALF_WIDTH)
_AGENT_HALF_LENGTH, _AGENT_HALF_WIDTH = int(AgentField.HALF_LENGTH), int(AgentField.HALF_WIDTH)


@inner
def fill_agents(agents, agent_valid, ego, poses, sizes, numbers):
    """Decay rollouts of the valid agents that the ego can reach within the horizon; the others are left out.

    Args:
        agents: [A, 11], AgentField.
        agent_valid: bool [A].
        ego: [12], EgoField.
        poses: float64 [A, steps + 1, POSE_COLUMNS], written.
        sizes: float64 [A, 3], half length, half width and their diagonal [m], written.
        numbers: CounterfactualNumbers.

    Returns:
        Number of agents kept.
    """
    count = 0
    ego_radius = math.hypot(ego[_HALF_LENGTH], ego[_HALF_WIDTH])
    dt = numbers.ticks_per_step * TICK_S
    for a in range(agents.shape[0]):
        if not agent_valid[a]:
            continue
        half_length, half_width = agents[a, _AGENT_HALF_LENGTH], agents[a, _AGENT_HALF_WIDTH]
        radius = math.hypot(half_length, half_width)
        roll_out_agent(agents[a], poses[count], numbers)
        for k in range(numbers.steps + 1):
            time = k * dt
            reach = ego[_SPEED] * time + 0.5 * _MAX_EGO_ACCELERATION_MPS2 * time * time
            if math.hypot(poses[count, k, 0], poses[count, k, 1]) <= reach + radius + ego_radius:
                sizes[count, 0], sizes[count, 1], sizes[count, 2] = half_length, half_width, radius
                count += 1
                break
    return count


@inner
def touches(x, y, cos, sin, half_length, half_width, radius, pose, size):
    """Whether the ego's box overlaps an agent's."""
    dx, dy = pose[0] - x, pose[1] - y
    reach = radius + size[2]
    if dx * dx + dy * dy >= reach * reach:
        return False
    return boxes_overlap(x, y, cos, sin, half_length, half_width, pose[0], pose[1], pose[2], pose[3], size[0], size[1])


@inner
def corner_off_road(surface, x, y, cos, sin, half_length, half_width, margin_m):
    """Whether any corner of a box in the map frame lies off the road."""
    lx, ly, wx, wy = half_length * cos, half_length * sin, -half_width * sin, half_width * cos
    return not (
        on_road(surface, x + lx + wx, y + ly + wy, margin_m)
        and on_road(surface, x + lx - wx, y + ly - wy, margin_m)
        and on_road(surface, x - lx + wx, y - ly + wy, margin_m)
        and on_road(surface, x - lx - wx, y - ly - wy, margin_m)
    )


@inner
def place_in_world(x, y, yaw, cos, sin, ego_x, ego_y, ego_cos, ego_sin, pieces, piece_count, last_piece, last_place,
                   surface, numbers):  # fmt: skip
    """The ego's place on route and road.

    Returns:
        piece, place [m] on the route; normalised deviations from route, lane middle and route heading; whether off the
        route, on an opposite lane, on an emergency lane. A negative last_piece searches the whole route.
    """
    piece, place, route_deviation, heading_deviation, off_route = 0, 0.0, 0.0, 0.0, False
    if piece_count > 0:
        if last_piece < 0:
            piece, place, distance = project(pieces, piece_count, x, y, -np.inf, np.inf, 0)
        else:
            piece, place, distance = project(
                pieces, piece_count, x, y, last_place - BEHIND_M, last_place + AHEAD_M, last_piece
            )
        cos, sin = pieces[piece, 2], pieces[piece, 3]  # the lane shall run as the route does; without one, as the ego
        route_deviation = min(distance / numbers.route_scale_m, 1.0)
        heading_deviation = min(wrapped(yaw - pieces[piece, 6]) / numbers.heading_scale_rad, 1.0)
        off_route = distance > numbers.off_route_m
    opposite, emergency, distance = lane_at(
        surface,
        ego_x + ego_cos * x - ego_sin * y,
        ego_y + ego_sin * x + ego_cos * y,
        ego_cos * cos - ego_sin * sin,
        ego_sin * cos + ego_cos * sin,
        numbers,
    )
    centerline_deviation = distance / numbers.centerline_scale_m
    return (
        piece,
        place,
        route_deviation,
        centerline_deviation,
        heading_deviation,
        off_route,
        opposite,
        emergency,
    )


@inner
def roll_out(path, memory, sleeping, ego, poses, sizes, agent_count, pieces, piece_count, lines, line_count, surface,
             numbers, gains):  # fmt: skip
    """One candidate's rollout.

    Args:
        path: float64 [T + 1, PATH_COLUMNS], the candidate.
        memory: float64 [2, window + 2], zeros; the PIDs' memory.
        sleeping: bool [A], scratch: contacts with this agent do not count until the boxes have parted.
        ego: [12], EgoField.
        poses, sizes, agent_count: Of fill_agents.
        pieces, piece_count: Of fill_route.
        lines, line_count: Of fill_lines.
        surface: Surface.
        numbers, gains: CounterfactualNumbers, TrackingGains.

    Returns:
        (discounted return, flags, progress [m]).
    """
    half_length, half_width = ego[_HALF_LENGTH], ego[_HALF_WIDTH]
    radius = math.hypot(half_length, half_width)
    ego_x, ego_y, ego_cos, ego_sin = ego[_X], ego[_Y], math.cos(ego[_YAW]), math.sin(ego[_YAW])
    x, y, yaw, speed = 0.0, 0.0, 0.0, max(ego[_SPEED], 0.0)
    cos, sin = 1.0, 0.0

    for a in range(agent_count):
        sleeping[a] = touches(x, y, cos, sin, half_length, half_width, radius, poses[a, 0], sizes[a])
    stood = np.uint64(0)
    piece, place, route, centerline, heading, _, _, _ = place_in_world(
        x, y, yaw, cos, sin, ego_x, ego_y, ego_cos, ego_sin, pieces, piece_count, -1, 0.0, surface, numbers
    )

    total, discount, progress, flags = 0.0, 1.0, 0.0, 0
    for k in range(1, numbers.steps + 1):
        for line in range(line_count):
            if speed < numbers.standing_mps and in_stop_zone(
                lines[line], x, y, cos, sin, half_length, numbers.stop_zone_m
            ):
                stood |= np.uint64(1) << np.uint64(line)
        last_x, last_y, last_cos, last_sin, last_speed, last_place = x, y, cos, sin, speed, place
        for tick in range(numbers.ticks_per_step):
            age_s = ((k - 1) * numbers.ticks_per_step + tick) * TICK_S
            throttle, steer, brake = control(path, age_s, x, y, cos, sin, speed, memory, gains)
            x, y, yaw, speed = advance(x, y, yaw, cos, sin, speed, throttle, steer, brake)
            cos, sin = math.cos(yaw), math.sin(yaw)

        piece, place, route_after, centerline_after, heading_after, off_route, opposite, emergency = place_in_world(
            x, y, yaw, cos, sin, ego_x, ego_y, ego_cos, ego_sin, pieces, piece_count, piece, place, surface, numbers
        )
        gain = min(max(place - last_place, 0.0), numbers.max_progress_m)
        progress += gain
        reward = driving_reward(gain, route, centerline, heading, route_after, centerline_after, heading_after, numbers)
        route, centerline, heading = route_after, centerline_after, heading_after
        if corner_off_road(
            surface,
            ego_x + ego_cos * x - ego_sin * y,
            ego_y + ego_sin * x + ego_cos * y,
            ego_cos * cos - ego_sin * sin,
            ego_sin * cos + ego_cos * sin,
            half_length,
            half_width,
            numbers.surface_margin_m,
        ):
            flags |= OFF_ROAD
            reward -= numbers.off_road_cost
        if opposite:
            reward -= numbers.opposite_lane_cost
        if off_route:
            reward -= numbers.off_route_cost
        if emergency:
            reward -= numbers.emergency_lane_cost

        for line in range(line_count):
            if lines[line, 2] * cos + lines[line, 3] * sin <= numbers.stop_heading_cos:
                continue
            for end in (half_length, -half_length):
                if crosses(lines[line], last_x + end * last_cos, last_y + end * last_sin, x + end * cos, y + end * sin):
                    if lines[line, 5] > 0.5:
                        flags |= RED_LIGHT
                    elif not (stood >> np.uint64(line)) & np.uint64(1):
                        flags |= STOP_SIGN

        standing = max(last_speed, speed) < numbers.standing_mps
        for a in range(agent_count):
            if not touches(x, y, cos, sin, half_length, half_width, radius, poses[a, k], sizes[a]):
                sleeping[a] = False
                continue
            ahead = (poses[a, k, 0] - x) * cos + (poses[a, k, 1] - y) * sin
            if ahead < -half_length:  # it drove into the ego's rear
                sleeping[a] = True
            if not (sleeping[a] or standing):
                flags |= COLLISION
        if flags & COLLISION:
            reward -= numbers.collision_cost * collision_multiplier(speed, numbers)
        total += discount * reward
        if flags & COLLISION:
            break
        discount *= numbers.gamma

    if flags & RED_LIGHT:
        total -= numbers.red_light_cost
    if flags & STOP_SIGN:
        total -= numbers.stop_sign_cost
    return total, flags, progress


def evaluate_state(ego, agents, agent_valid, route, route_valid, stop_lines, stop_valid, surface, trajectories, valid,
                   numbers, gains, returns, flags, progress):  # fmt: skip
    """Roll out the valid candidates of one state; entries of invalid ones are left as they are.

    Args:
        ego: float32 [12]; agents: float32 [A, 11]; agent_valid: bool [A]; route: float32 [R, 6]; route_valid: bool [R];
            stop_lines: float32 [S, 8]; stop_valid: bool [S]: one row of a Scene.
        surface: Surface of the road map.
        trajectories: float32 [G, T, 3]; valid: bool [G].
        numbers: CounterfactualNumbers.
        gains: TrackingGains.
        returns: float32 [G], written.
        flags: uint8 [G], written: bits COLLISION, RED_LIGHT, STOP_SIGN, OFF_ROAD.
        progress: float32 [G], written [m].
    """
    # float64 from here on: numba would go on in float32
    ego, agents, route = ego.astype(np.float64), agents.astype(np.float64), route.astype(np.float64)
    stop_lines = stop_lines.astype(np.float64)
    poses = np.empty((agents.shape[0], numbers.steps + 1, POSE_COLUMNS))
    sizes = np.empty((agents.shape[0], 3))
    pieces = np.empty((route.shape[0], PIECE_COLUMNS))
    lines = np.empty((stop_lines.shape[0], LINE_COLUMNS))
    agent_count = fill_agents(agents, agent_valid, ego, poses, sizes, numbers)
    piece_count = fill_route(route, route_valid, pieces)
    line_count = fill_lines(stop_lines, stop_valid, lines)

    sleeping = np.empty(agents.shape[0], np.bool_)
    path = np.empty((trajectories.shape[1] + 1, PATH_COLUMNS))
    memory = np.empty((2, gains.window + 2))
    for g in range(trajectories.shape[0]):
        if not valid[g]:
            continue
        fill_path(trajectories[g], path, gains)
        memory[:] = 0.0
        returns[g], flags[g], progress[g] = roll_out(
            path, memory, sleeping, ego, poses, sizes, agent_count, pieces, piece_count, lines, line_count, surface,
            numbers, gains,
        )  # fmt: skip


evaluate_state = compiled(evaluate_state)
