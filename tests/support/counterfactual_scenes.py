"""Small road maps and scenes made by hand for the counterfactual world's tests."""

import math

import numpy as np
import torch

from craft.counterfactual import Scene
from craft.scene import AgentField, AgentKind, EgoField, LaneKind, LightState, RoadMap, RouteField, StopField, StopKind
from craft.scene.candidates import Candidates

LANE_M = 3.5  # width of a lane


def strip(start, yaw, length, left, right, kind=LaneKind.DRIVING, backward=False, junction=False, lane=0):
    """Pieces of 2 m of a straight lane between two offsets (left positive) from the line that starts at `start`."""
    ux, uy = math.cos(yaw), math.sin(yaw)
    pieces = []
    for low in np.arange(0.0, length, 2.0):
        high = min(low + 2.0, length)

        def at(along, offset):
            return [start[0] + along * ux - offset * uy, start[1] + along * uy + offset * ux]

        corners = [at(low, left), at(low, right), at(high, right), at(high, left)]
        if backward:
            corners = [corners[2], corners[3], corners[0], corners[1]]
        pieces.append((corners, kind, yaw + (math.pi if backward else 0.0), lane, junction))
    return pieces


def road_map(pieces):
    """A RoadMap of the pieces that `strip` makes."""
    corners, kinds, yaws, lanes, junctions = zip(*pieces, strict=True) if pieces else ([], [], [], [], [])
    return RoadMap(
        name="by hand",
        quads=np.array(corners, np.float32).reshape(-1, 4, 2),
        quad_kind=np.array(kinds, np.uint8),
        quad_yaw=np.array(yaws, np.float32),
        quad_lane=np.array(lanes, np.int32),
        quad_junction=np.array(junctions, np.bool_),
        quad_speed_limit=np.full(len(pieces), 13.9, np.float32),
        stop_lines=np.zeros((0, 2, 2), np.float32),
        stop_yaw=np.zeros(0, np.float32),
        stop_kind=np.zeros(0, np.uint8),
        stop_id=np.zeros(0, np.int64),
        crosswalks=np.zeros((0, 4, 2), np.float32),
    )


def straight_road():
    """From x = -50 to 150: own lane around y = 0, an oncoming one left of it, a 2 m shoulder right, a sidewalk left."""
    half = 0.5 * LANE_M
    return road_map(
        strip((-50, 0), 0.0, 200, half, -half, lane=1)
        + strip((-50, 0), 0.0, 200, half + LANE_M, half, backward=True, lane=2)
        + strip((-50, 0), 0.0, 200, -half, -half - 2.0, kind=LaneKind.SHOULDER, lane=3)
        + strip((-50, 0), 0.0, 200, half + LANE_M + 2.0, half + LANE_M, kind=LaneKind.SIDEWALK, lane=4)
    )


def crossing():
    """Two two-way roads that cross at right angles around (20, 1.75); the middle is a junction."""
    pieces = []
    low, high = 20 - LANE_M, 20 + LANE_M
    for lane, (left, right, backward) in enumerate([(1.75, -1.75, False), (5.25, 1.75, True)]):
        pieces += strip((-40, 0), 0.0, 40 + low, left, right, backward=backward, lane=10 + lane)
        pieces += strip((low, 0), 0.0, 2 * LANE_M, left, right, backward=backward, junction=True, lane=20 + lane)
        pieces += strip((high, 0), 0.0, 60, left, right, backward=backward, lane=30 + lane)
    up = 0.5 * math.pi
    for lane, (left, right, backward) in enumerate([(0.0, -LANE_M, False), (LANE_M, 0.0, True)]):
        pieces += strip((20, -60), up, 60 - 1.75, left, right, backward=backward, lane=40 + lane)
        pieces += strip((20, -1.75), up, 2 * LANE_M, left, right, backward=backward, junction=True, lane=50 + lane)
        pieces += strip((20, 5.25), up, 60, left, right, backward=backward, lane=60 + lane)
    return road_map(pieces)


def agent(x, y, yaw=0.0, speed=0.0, kind=AgentKind.VEHICLE, half=(2.4, 1.0), yaw_rate=0.0, acceleration=0.0,
          connector=False):  # fmt: skip
    """One agent that moves along its heading."""
    row = np.zeros(len(AgentField), np.float32)
    row[AgentField.X], row[AgentField.Y], row[AgentField.YAW] = x, y, yaw
    row[AgentField.VX], row[AgentField.VY] = speed * math.cos(yaw), speed * math.sin(yaw)
    row[AgentField.YAW_RATE], row[AgentField.ACCELERATION] = yaw_rate, acceleration
    row[AgentField.HALF_LENGTH], row[AgentField.HALF_WIDTH] = half
    row[AgentField.KIND], row[AgentField.ON_CONNECTOR] = kind, connector
    return row


def stop_line(x, y=0.0, yaw=0.0, kind=StopKind.LIGHT, state=LightState.RED, cleared=False, half_width=1.75):
    """One stop line across the route."""
    row = np.zeros(len(StopField), np.float32)
    row[StopField.X], row[StopField.Y], row[StopField.YAW], row[StopField.HALF_WIDTH] = x, y, yaw, half_width
    row[StopField.DISTANCE], row[StopField.KIND], row[StopField.STATE] = x, kind, state
    row[StopField.CLEARED] = cleared
    return row


def straight_route(length=60, y=0.0):
    """Route points 1 m apart from 4 m behind the vehicle."""
    rows = np.zeros((length + 4, len(RouteField)), np.float32)
    rows[:, RouteField.X] = np.arange(-4, length)
    rows[:, RouteField.Y] = y
    rows[:, RouteField.HALF_WIDTH] = 0.5 * LANE_M
    rows[:, RouteField.SPEED_LIMIT] = 13.9
    return rows


def scene(road, speed=0.0, pose=(0.0, 0.0, 0.0), agents=(), route=None, lines=(), half=(2.446, 0.918)):
    """A scene of one state; every row is valid."""
    ego = np.zeros((1, len(EgoField)), np.float32)
    ego[0, [EgoField.X, EgoField.Y, EgoField.YAW]] = pose
    ego[0, EgoField.SPEED] = speed
    ego[0, EgoField.HALF_LENGTH], ego[0, EgoField.HALF_WIDTH] = half
    route = straight_route() if route is None else route
    rows = [
        np.asarray(agents, np.float32).reshape(1, -1, len(AgentField)),
        np.asarray(route, np.float32).reshape(1, -1, len(RouteField)),
        np.asarray(lines, np.float32).reshape(1, -1, len(StopField)),
    ]
    tensors = []
    for row in rows:
        tensors += [torch.from_numpy(row), torch.ones(row.shape[:2], dtype=torch.bool)]
    return Scene(road, torch.from_numpy(ego), *tensors)


def profile(*positions, yaw=0.0):
    """A candidate along the x axis through these x [m], 0.5 s apart."""
    return [[x, 0.0, yaw] for x in positions]


def at_speed(speed, acceleration=0.0):
    """A straight candidate that starts at `speed` and speeds up steadily, not below standing."""
    times = [0.5 * (i + 1) for i in range(6)]
    if acceleration < 0.0:
        times = [min(t, -speed / acceleration) for t in times]
    return profile(*(speed * t + 0.5 * acceleration * t * t for t in times))


def candidates(*trajectories):
    """All valid."""
    tensor = torch.tensor(trajectories, dtype=torch.float32)
    return Candidates(tensor, torch.ones(tensor.shape[:-2], dtype=torch.bool))
