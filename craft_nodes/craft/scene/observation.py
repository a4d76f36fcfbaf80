"""One stamped observation: everything that policy, counterfactual world and event monitor see of a frame."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

MAX_AGENTS = 32  # nearest ones are kept
ROUTE_POINTS = 64  # 1 m apart, the first ROUTE_POINTS_BEHIND of them behind the vehicle
ROUTE_POINTS_BEHIND = 4
PARKED_FROM_ID = 1 << 31  # agents with ids from here on are parked: part of the town, they never move
MAX_STOP_LINES = 4  # the next ones along the route (one may lie up to ROUTE_POINTS_BEHIND metres behind)


class EgoField(IntEnum):
    """Columns of Observation.ego. The pose is the centre of the vehicle's box in the MAP frame."""

    X = 0  # [m]
    Y = 1  # [m]
    YAW = 2  # [rad]
    SPEED = 3  # forward [m/s]
    YAW_RATE = 4  # [rad/s]
    ACCELERATION = 5  # forward [m/s2]
    THROTTLE = 6  # last applied, 0..1
    STEER = 7  # last applied, -1..1, CARLA's sign: right positive
    BRAKE = 8  # last applied, 0..1
    SPEED_LIMIT = 9  # here [m/s]
    HALF_LENGTH = 10  # [m]
    HALF_WIDTH = 11  # [m]


class AgentKind(IntEnum):
    """Kinds of other traffic participants."""

    VEHICLE = 0
    BICYCLE = 1
    WALKER = 2


class AgentField(IntEnum):
    """Columns of Observation.agents, in the EGO frame (origin: box centre of the vehicle, x forward, y left)."""

    X = 0  # [m]
    Y = 1  # [m]
    YAW = 2  # [rad]
    VX = 3  # velocity over ground, rotated into the ego frame [m/s]
    VY = 4  # [m/s]
    YAW_RATE = 5  # [rad/s]
    ACCELERATION = 6  # along the agent's own heading [m/s2]
    HALF_LENGTH = 7  # [m]
    HALF_WIDTH = 8  # [m]
    KIND = 9  # AgentKind
    ON_CONNECTOR = 10  # 1 when its centre is inside a junction, else 0


class RouteField(IntEnum):
    """Columns of Observation.route, in the EGO frame."""

    X = 0  # [m]
    Y = 1  # [m]
    YAW = 2  # [rad]
    HALF_WIDTH = 3  # half the width of the lane [m]
    SPEED_LIMIT = 4  # [m/s]
    JUNCTION = 5  # 1 inside a junction, else 0


class LightState(IntEnum):
    """States of a traffic light, numbered as in carla_msgs/CarlaTrafficLightStatus."""

    RED = 0
    YELLOW = 1
    GREEN = 2
    OFF = 3
    UNKNOWN = 4


class StopField(IntEnum):
    """Columns of Observation.stop_lines: the stop lines that the route crosses, nearest first, in the EGO frame."""

    X = 0  # middle of the line [m]
    Y = 1  # [m]
    YAW = 2  # direction of travel across it [rad]
    HALF_WIDTH = 3  # [m]
    DISTANCE = 4  # along the route from the vehicle's box centre to the line, negative when behind [m]
    KIND = 5  # StopKind
    STATE = 6  # LightState; UNKNOWN for signs
    CLEARED = 7  # 1 once the vehicle has stood still for this stop sign, else 0


@dataclass(frozen=True)
class Observation:
    """One frame. Arrays are float32; rows beyond the valid ones are zero.

    Attributes:
        stamp_s: Simulation time [s].
        episode: Number of the episode, from 1; unique in a run.
        frame: Simulation frame in the episode, from 0. A decision is due when `frame % 5 == 0`.
        ego: [12], EgoField, map frame.
        agents: [MAX_AGENTS, 11], AgentField, ego frame, nearest first.
        agent_valid: bool [MAX_AGENTS].
        agent_id: int64 [MAX_AGENTS], 0 where not valid.
        route: [ROUTE_POINTS, 6], RouteField, ego frame, 1 m apart.
        route_valid: bool [ROUTE_POINTS]; the route may end (or have begun) within the window.
        stop_lines: [MAX_STOP_LINES, 8], StopField, ego frame.
        stop_valid: bool [MAX_STOP_LINES].
        stop_id: int64 [MAX_STOP_LINES], RoadMap.stop_id, 0 where not valid.
        route_progress_m: Distance of the vehicle's projection from the route's first point [m].
        route_length_m: Length of the whole route [m].
        route_offset_m: Signed distance from the route, left positive [m].
    """

    stamp_s: float
    episode: int
    frame: int
    ego: np.ndarray
    agents: np.ndarray
    agent_valid: np.ndarray
    agent_id: np.ndarray
    route: np.ndarray
    route_valid: np.ndarray
    stop_lines: np.ndarray
    stop_valid: np.ndarray
    stop_id: np.ndarray
    route_progress_m: float
    route_length_m: float
    route_offset_m: float

    def __post_init__(self):
        shapes = {
            "ego": (np.float32, (len(EgoField),)),
            "agents": (np.float32, (MAX_AGENTS, len(AgentField))),
            "agent_valid": (np.bool_, (MAX_AGENTS,)),
            "agent_id": (np.int64, (MAX_AGENTS,)),
            "route": (np.float32, (ROUTE_POINTS, len(RouteField))),
            "route_valid": (np.bool_, (ROUTE_POINTS,)),
            "stop_lines": (np.float32, (MAX_STOP_LINES, len(StopField))),
            "stop_valid": (np.bool_, (MAX_STOP_LINES,)),
            "stop_id": (np.int64, (MAX_STOP_LINES,)),
        }
        for name, (dtype, shape) in shapes.items():
            array = getattr(self, name)
            if array.dtype != dtype or array.shape != shape:
                raise ValueError(
                    f"Observation.{name} of episode {self.episode} frame {self.frame} is "
                    f"{array.dtype}{list(array.shape)}, expected {np.dtype(dtype)}{list(shape)}"
                )
            if array.dtype == np.float32 and not np.isfinite(array).all():
                raise ValueError(
                    f"Observation.{name} of episode {self.episode} frame {self.frame} has values that are not finite"
                )
