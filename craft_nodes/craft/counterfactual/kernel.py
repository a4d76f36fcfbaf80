"""The compiled rollout of a group of candidates of one state."""

import math

import numpy as np

from craft.counterfactual.agents import POSE_COLUMNS, Traffic, fill_traffic
from craft.counterfactual.collision import collides, fill_touching
from craft.counterfactual.compiled import compiled
from craft.counterfactual.reward import collision_multiplier, driving_reward, wrapped
from craft.counterfactual.route import AHEAD_M, BEHIND_M, PIECE_COLUMNS, fill_route, project
from craft.counterfactual.stop_lines import LINE_COLUMNS, crossed, fill_lines, stood_for
from craft.counterfactual.surface import corner_off_road, lane_at
from craft.scene.observation import EgoField
from craft.vehicle.compiled import inner
from craft.vehicle.response import TICK_S, advance
from craft.vehicle.tracking import PATH_COLUMNS, control, fill_path

COLLISION, RED_LIGHT, STOP_SIGN, OFF_ROAD = 1, 2, 4, 8  # bits of a rollout's flags

_X, _Y, _YAW, _SPEED = int(EgoField.X), int(EgoField.Y), int(EgoField.YAW), int(EgoField.SPEED)
_HALF_LENGTH, _HALF_WIDTH = int(EgoField.HALF_LENGTH), int(EgoField.HALF_WIDTH)


@inner
def drive(path, memory, step, x, y, yaw, cos, sin, speed, numbers, gains):
    """The ego's (x, y, yaw, cos, sin, speed) after one step, the `step`-th from 1 on, in its own frame at step 0."""
    for tick in range(numbers.ticks_per_step):
        age_s = ((step - 1) * numbers.ticks_per_step + tick) * TICK_S
        throttle, steer, brake = control(path, age_s, x, y, cos, sin, speed, memory, gains)
        x, y, yaw, speed = advance(x, y, yaw, cos, sin, speed, throttle, steer, brake)
        cos, sin = math.cos(yaw), math.sin(yaw)
    return x, y, yaw, cos, sin, speed


@inner
def to_map(ego, x, y, cos, sin):
    """A place and a direction of the ego's frame at step 0 in the map frame; ego: [12], EgoField."""
    ego_cos, ego_sin = math.cos(ego[_YAW]), math.sin(ego[_YAW])
    return (
        ego[_X] + ego_cos * x - ego_sin * y,
        ego[_Y] + ego_sin * x + ego_cos * y,
        ego_cos * cos - ego_sin * sin,
        ego_sin * cos + ego_cos * sin,
    )


@inner
def place_on_route(x, y, yaw, cos, sin, pieces, piece_count, last_piece, last_place, numbers):
    """The ego's place on the route; a negative last_piece searches the whole route.

    Returns:
        piece, place [m]; normalised deviations from route and route heading; whether off the route; the direction in
        which the lane shall run: the route's, or the ego's where there is none.
    """
    if piece_count == 0:
        return 0, 0.0, 0.0, 0.0, False, cos, sin
    if last_piece < 0:
        piece, place, distance = project(pieces, piece_count, x, y, -np.inf, np.inf, 0)
    else:
        piece, place, distance = project(
            pieces, piece_count, x, y, last_place - BEHIND_M, last_place + AHEAD_M, last_piece
        )
    return (
        piece,
        place,
        min(distance / numbers.route_scale_m, 1.0),
        min(wrapped(yaw - pieces[piece, 6]) / numbers.heading_scale_rad, 1.0),
        distance > numbers.off_route_m,
        pieces[piece, 2],
        pieces[piece, 3],
    )


@inner
def place_in_lane(ego, x, y, route_cos, route_sin, surface, numbers):
    """(opposite lane, emergency lane, normalised deviation from the lane's middle) of a place in the ego's frame."""
    map_x, map_y, map_cos, map_sin = to_map(ego, x, y, route_cos, route_sin)
    opposite, emergency, distance = lane_at(surface, map_x, map_y, map_cos, map_sin, numbers)
    return opposite, emergency, distance / numbers.centerline_scale_m


@inner
def leaves_road(ego, x, y, cos, sin, surface, numbers):
    """Whether a corner of the ego's box at a pose in its own frame at step 0 is off the road."""
    map_x, map_y, map_cos, map_sin = to_map(ego, x, y, cos, sin)
    return corner_off_road(
        surface, map_x, map_y, map_cos, map_sin, ego[_HALF_LENGTH], ego[_HALF_WIDTH], numbers.surface_margin_m
    )


@inner
def starting_place(ego, pieces, piece_count, surface, numbers):
    """(piece, place [m], deviations from route, lane middle and route heading) before the first step."""
    piece, place, route, heading, _, route_cos, route_sin = place_on_route(
        0.0, 0.0, 0.0, 1.0, 0.0, pieces, piece_count, -1, 0.0, numbers
    )
    _, _, centerline = place_in_lane(ego, 0.0, 0.0, route_cos, route_sin, surface, numbers)
    return piece, place, route, centerline, heading


@inner
def roll_out(path, memory, sleeping, start, ego, traffic, pieces, piece_count, lines, line_count, surface, numbers,
             gains):  # fmt: skip
    """One candidate's rollout.

    Args:
        path: float64 [T + 1, PATH_COLUMNS], the candidate.
        memory: float64 [2, window + 2], zeros; the PIDs' memory.
        sleeping: bool [A], Traffic.touching; contacts with this agent do not count until the boxes have parted.
        start: Of starting_place.
        ego: [12], EgoField.
        traffic: Traffic.
        pieces, piece_count: Of fill_route.
        lines, line_count: Of fill_lines.
        surface: Surface.
        numbers, gains: CounterfactualNumbers, TrackingGains.

    Returns:
        (discounted return, flags, progress [m]).
    """
    half_length, half_width = ego[_HALF_LENGTH], ego[_HALF_WIDTH]
    x, y, yaw, cos, sin, speed = 0.0, 0.0, 0.0, 1.0, 0.0, max(ego[_SPEED], 0.0)
    piece, place, route, centerline, heading = start
    stood = np.uint64(0)

    total, discount, progress, flags = 0.0, 1.0, 0.0, 0
    for k in range(1, numbers.steps + 1):
        if speed < numbers.standing_mps:
            stood |= stood_for(lines, line_count, x, y, cos, sin, half_length, numbers.stop_zone_m)
        last_x, last_y, last_cos, last_sin, last_speed, last_place = x, y, cos, sin, speed, place
        x, y, yaw, cos, sin, speed = drive(path, memory, k, x, y, yaw, cos, sin, speed, numbers, gains)

        piece, place, route_after, heading_after, off_route, route_cos, route_sin = place_on_route(
            x, y, yaw, cos, sin, pieces, piece_count, piece, place, numbers
        )
        opposite, emergency, centerline_after = place_in_lane(ego, x, y, route_cos, route_sin, surface, numbers)
        gain = min(max(place - last_place, 0.0), numbers.max_progress_m)
        progress += gain
        reward = driving_reward(gain, route, centerline, heading, route_after, centerline_after, heading_after, numbers)
        route, centerline, heading = route_after, centerline_after, heading_after
        if leaves_road(ego, x, y, cos, sin, surface, numbers):
            flags |= OFF_ROAD
            reward -= numbers.off_road_cost
        if opposite:
            reward -= numbers.opposite_lane_cost
        if off_route:
            reward -= numbers.off_route_cost
        if emergency:
            reward -= numbers.emergency_lane_cost

        red_light, stop_sign = crossed(
            lines, line_count, stood, last_x, last_y, last_cos, last_sin, x, y, cos, sin, half_length,
            numbers.stop_heading_cos,
        )  # fmt: skip
        if red_light:
            flags |= RED_LIGHT
        if stop_sign:
            flags |= STOP_SIGN

        standing = max(last_speed, speed) < numbers.standing_mps
        if collides(x, y, cos, sin, half_length, half_width, standing, traffic, k, sleeping):
            flags |= COLLISION
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
    count = agents.shape[0]
    poses = np.empty((count, numbers.steps + 1, POSE_COLUMNS))
    centres = np.empty((numbers.steps + 1, 2, count))
    sizes, reach_m2, touching = np.empty((count, 2)), np.empty(count), np.empty(count, np.bool_)
    count = fill_traffic(agents, agent_valid, ego, Traffic(0, poses, centres, sizes, reach_m2, touching), numbers)
    traffic = Traffic(count, poses, centres, sizes, reach_m2, touching)
    fill_touching(ego[_HALF_LENGTH], ego[_HALF_WIDTH], traffic)
    pieces = np.empty((route.shape[0], PIECE_COLUMNS))
    piece_count = fill_route(route, route_valid, pieces)
    lines = np.empty((stop_lines.shape[0], LINE_COLUMNS))
    line_count = fill_lines(stop_lines, stop_valid, lines)
    start = starting_place(ego, pieces, piece_count, surface, numbers)

    sleeping = np.empty_like(touching)
    path = np.empty((trajectories.shape[1] + 1, PATH_COLUMNS))
    memory = np.empty((2, gains.window + 2))
    for g in range(trajectories.shape[0]):
        if not valid[g]:
            continue
        fill_path(trajectories[g], path, gains)
        memory[:] = 0.0
        sleeping[:] = touching
        returns[g], flags[g], progress[g] = roll_out(
            path, memory, sleeping, start, ego, traffic, pieces, piece_count, lines, line_count, surface, numbers, gains
        )


evaluate_state = compiled(evaluate_state)
