"""The stages of the kernel, each alone: a compiled loop over the same rollouts that calls the kernel's own function.

Every stage reads what earlier stages left in a Rollouts record and writes what later ones read, so that running them
once in the order of STAGES records the rollouts, and running one again gives the same record again.
"""

from collections import namedtuple

import numpy as np
from numba import njit

from craft.counterfactual.agents import POSE_COLUMNS, Traffic, fill_traffic
from craft.counterfactual.collision import collides, fill_touching
from craft.counterfactual.compiled import compiled
from craft.counterfactual.kernel import drive, leaves_road, place_in_lane, place_on_route, starting_place
from craft.counterfactual.reward import driving_reward
from craft.counterfactual.route import PIECE_COLUMNS, fill_route
from craft.counterfactual.scene import Scene
from craft.counterfactual.stop_lines import LINE_COLUMNS, crossed, fill_lines, stood_for
from craft.scene import EgoField
from craft.scene.candidates import Candidates
from craft.vehicle.tracking import PATH_COLUMNS, fill_path

_SPEED, _HALF_LENGTH, _HALF_WIDTH = int(EgoField.SPEED), int(EgoField.HALF_LENGTH), int(EgoField.HALF_WIDTH)

Rollouts = namedtuple(
    "Rollouts",
    [
        "ego",  # float64 [B, 12], EgoField
        "agents",  # float64 [B, A, 11], AgentField
        "agent_valid",  # bool [B, A]
        "route",  # float64 [B, R, 6], RouteField
        "route_valid",  # bool [B, R]
        "stop_lines",  # float64 [B, S, 8], StopField
        "stop_valid",  # bool [B, S]
        "trajectories",  # float32 [G, T, 3]
        "counts",  # int64 [B, 3], agents in reach, pieces of the route, forbidding lines
        "poses",  # Traffic's arrays with a first axis [B]
        "centres",
        "sizes",
        "reach_m2",
        "touching",
        "pieces",  # float64 [B, R, PIECE_COLUMNS]
        "lines",  # float64 [B, S, LINE_COLUMNS]
        "starts",  # float64 [B, 5], starting_place
        "poses_of_ego",  # float64 [B, G, H + 1, 6], x, y [m], yaw, cos, sin, speed [m/s]
        "places",  # float64 [B, G, H + 1, 6], arc length [m], deviations: route, heading, lane; the route's direction
        "lengths",  # int64 [B, G], steps until the first collision, else H
        "results",  # float64 [B, G, 4], so that the compiler leaves out nothing: corners, lane, stop lines, reward
    ],
)


def new_rollouts(scene: Scene, candidates: Candidates, steps: int) -> Rollouts:
    """A record to be filled by the stages.

    Args:
        scene: B states.
        candidates: [G, T, 3] for all states.
        steps: H.
    """
    states, agents = scene.agent_valid.shape
    route_points, lines, group = scene.route.shape[1], scene.stop_lines.shape[1], len(candidates.trajectories)
    return Rollouts(
        ego=scene.ego.double().numpy(),
        agents=scene.agents.double().numpy(),
        agent_valid=scene.agent_valid.numpy(),
        route=scene.route.double().numpy(),
        route_valid=scene.route_valid.numpy(),
        stop_lines=scene.stop_lines.double().numpy(),
        stop_valid=scene.stop_valid.numpy(),
        trajectories=candidates.trajectories.numpy(),
        counts=np.zeros((states, 3), np.int64),
        poses=np.zeros((states, agents, steps + 1, POSE_COLUMNS)),
        centres=np.zeros((states, steps + 1, 2, agents)),
        sizes=np.zeros((states, agents, 2)),
        reach_m2=np.zeros((states, agents)),
        touching=np.zeros((states, agents), np.bool_),
        pieces=np.zeros((states, route_points, PIECE_COLUMNS)),
        lines=np.zeros((states, lines, LINE_COLUMNS)),
        starts=np.zeros((states, 5)),
        poses_of_ego=np.zeros((states, group, steps + 1, 6)),
        places=np.zeros((states, group, steps + 1, 6)),
        lengths=np.full((states, group), steps),
        results=np.zeros((states, group, 4)),
    )


@njit
def _traffic(r, b):
    return Traffic(r.counts[b, 0], r.poses[b], r.centres[b], r.sizes[b], r.reach_m2[b], r.touching[b])


@compiled
def agents(r, surface, numbers, gains):
    """Decay rollouts of the other agents."""
    for b in range(len(r.ego)):
        r.counts[b, 0] = fill_traffic(r.agents[b], r.agent_valid[b], r.ego[b], _traffic(r, b), numbers)
        fill_touching(r.ego[b, _HALF_LENGTH], r.ego[b, _HALF_WIDTH], _traffic(r, b))


@compiled
def tables(r, surface, numbers, gains):
    """Pieces of the route, stop lines, and the ego's place at the start: part of the set-up."""
    for b in range(len(r.ego)):
        r.counts[b, 1] = fill_route(r.route[b], r.route_valid[b], r.pieces[b])
        r.counts[b, 2] = fill_lines(r.stop_lines[b], r.stop_valid[b], r.lines[b])
        start = starting_place(r.ego[b], r.pieces[b], r.counts[b, 1], surface, numbers)
        r.starts[b, 0], r.starts[b, 1], r.starts[b, 2], r.starts[b, 3], r.starts[b, 4] = start


@compiled
def tracking(r, surface, numbers, gains):
    """The ego's poses: tracking law and vehicle response."""
    path, memory = np.empty((r.trajectories.shape[1] + 1, PATH_COLUMNS)), np.empty((2, gains.window + 2))
    for b in range(len(r.ego)):
        for g in range(len(r.trajectories)):
            fill_path(r.trajectories[g], path, gains)
            memory[:] = 0.0
            x, y, yaw, cos, sin, speed = 0.0, 0.0, 0.0, 1.0, 0.0, max(r.ego[b, _SPEED], 0.0)
            pose = r.poses_of_ego[b, g]
            pose[0, 3], pose[0, 5] = cos, speed
            for k in range(1, r.lengths[b, g] + 1):
                x, y, yaw, cos, sin, speed = drive(path, memory, k, x, y, yaw, cos, sin, speed, numbers, gains)
                pose[k, 0], pose[k, 1], pose[k, 2], pose[k, 3], pose[k, 4], pose[k, 5] = x, y, yaw, cos, sin, speed


@compiled
def collisions(r, surface, numbers, gains):
    """Contacts with the agents in reach; a rollout ends with the first that counts."""
    sleeping = np.empty(r.touching.shape[1], np.bool_)
    for b in range(len(r.ego)):
        traffic = _traffic(r, b)
        half_length, half_width = r.ego[b, _HALF_LENGTH], r.ego[b, _HALF_WIDTH]
        for g in range(len(r.trajectories)):
            sleeping[:] = r.touching[b]
            pose = r.poses_of_ego[b, g]
            for k in range(1, r.lengths[b, g] + 1):
                standing = max(pose[k - 1, 5], pose[k, 5]) < numbers.standing_mps
                x, y, cos, sin = pose[k, 0], pose[k, 1], pose[k, 3], pose[k, 4]
                if collides(x, y, cos, sin, half_length, half_width, standing, traffic, k, sleeping):
                    r.lengths[b, g] = k
                    break


@compiled
def route_projection(r, surface, numbers, gains):
    """The place on the route, its distance and heading."""
    for b in range(len(r.ego)):
        for g in range(len(r.trajectories)):
            pose, place = r.poses_of_ego[b, g], r.places[b, g]
            piece, arc = int(r.starts[b, 0]), r.starts[b, 1]
            place[0, 0], place[0, 1], place[0, 3], place[0, 2] = arc, r.starts[b, 2], r.starts[b, 3], r.starts[b, 4]
            for k in range(1, r.lengths[b, g] + 1):
                piece, arc, route, heading, _, route_cos, route_sin = place_on_route(
                    pose[k, 0], pose[k, 1], pose[k, 2], pose[k, 3], pose[k, 4], r.pieces[b], r.counts[b, 1], piece, arc,
                    numbers,
                )  # fmt: skip
                place[k, 0], place[k, 1], place[k, 2], place[k, 4], place[k, 5] = (
                    arc, route, heading, route_cos, route_sin,
                )  # fmt: skip


@compiled
def lane_lookup(r, surface, numbers, gains):
    """Lane under the ego's centre: deviation from its middle, opposite and emergency lane."""
    for b in range(len(r.ego)):
        for g in range(len(r.trajectories)):
            pose, place = r.poses_of_ego[b, g], r.places[b, g]
            count = 0
            for k in range(1, r.lengths[b, g] + 1):
                opposite, emergency, place[k, 3] = place_in_lane(
                    r.ego[b], pose[k, 0], pose[k, 1], place[k, 4], place[k, 5], surface, numbers
                )
                count += int(opposite) + int(emergency)
            r.results[b, g, 1] = count


@compiled
def drivable_corners(r, surface, numbers, gains):
    """The four corners on the road surface."""
    for b in range(len(r.ego)):
        for g in range(len(r.trajectories)):
            pose, count = r.poses_of_ego[b, g], 0
            for k in range(1, r.lengths[b, g] + 1):
                count += int(leaves_road(r.ego[b], pose[k, 0], pose[k, 1], pose[k, 3], pose[k, 4], surface, numbers))
            r.results[b, g, 0] = count


@compiled
def stop_lines(r, surface, numbers, gains):
    """Red lights and stop signs."""
    for b in range(len(r.ego)):
        half_length, lines, line_count = r.ego[b, _HALF_LENGTH], r.lines[b], r.counts[b, 2]
        for g in range(len(r.trajectories)):
            pose, count, stood = r.poses_of_ego[b, g], 0, np.uint64(0)
            for k in range(1, r.lengths[b, g] + 1):
                x, y, cos, sin = pose[k - 1, 0], pose[k - 1, 1], pose[k - 1, 3], pose[k - 1, 4]
                if pose[k - 1, 5] < numbers.standing_mps:
                    stood |= stood_for(lines, line_count, x, y, cos, sin, half_length, numbers.stop_zone_m)
                red_light, stop_sign = crossed(
                    lines, line_count, stood, x, y, cos, sin, pose[k, 0], pose[k, 1], pose[k, 3], pose[k, 4],
                    half_length, numbers.stop_heading_cos,
                )  # fmt: skip
                count += int(red_light) + int(stop_sign)
            r.results[b, g, 2] = count


@compiled
def reward(r, surface, numbers, gains):
    """Progress, efficiency and recovery."""
    for b in range(len(r.ego)):
        for g in range(len(r.trajectories)):
            place, total = r.places[b, g], 0.0
            for k in range(1, r.lengths[b, g] + 1):
                advance = min(max(place[k, 0] - place[k - 1, 0], 0.0), numbers.max_progress_m)
                total += driving_reward(
                    advance, place[k - 1, 1], place[k - 1, 3], place[k - 1, 2], place[k, 1], place[k, 3], place[k, 2],
                    numbers,
                )  # fmt: skip
            r.results[b, g, 3] = total


# In the order in which they have to run; the names are those of the report.
STAGES = {
    "tables": tables,
    "agents' rollouts": agents,
    "tracking and vehicle response": tracking,
    "collisions": collisions,
    "route projection": route_projection,
    "lane lookup": lane_lookup,
    "drivable area corners": drivable_corners,
    "stop lines": stop_lines,
    "reward": reward,
}
