"""What the expert expects others to do: they hold their control for a while, then keep to their lane."""

import numpy as np

from craft.scene.frames import to_map, wrap_angle
from craft.scene.lane_grid import LaneGrid
from craft.scene.observation import AgentField, AgentKind, EgoField, Observation

STEPS = 24
STEP_S = 0.25  # 6 s in all: crossing a junction from standstill takes about 4 s
HOLD_S = 1.0  # yaw rate and acceleration are held this long (PDM-Lite holds the control for 2 s)
LANE_GAP_RAD = 0.6  # a vehicle whose heading is further off its lane is not following it
LANE_TURN_RADPS = 0.6  # how fast a forecast vehicle takes up its lane's direction
MAX_ACCELERATION = (-7.0, 1.5)  # what is held of the present acceleration [m/s2]


def forecast(observation: Observation, grid: LaneGrid, junction: np.ndarray) -> np.ndarray:
    """Forecast of all valid agents in the map frame.

    Args:
        observation: Now.
        grid: The town's lane grid.
        junction: bool [Q], RoadMap.quad_junction.

    Returns:
        float64 [A, STEPS + 1, 7]: x, y [m], yaw [rad], speed [m/s]; the last three columns are left to the caller.
    """
    agents = observation.agents[observation.agent_valid].astype(np.float64)
    x0, y0, yaw0 = observation.ego[:3].astype(np.float64)
    rows = np.zeros((len(agents), STEPS + 1, 7))
    if len(agents) == 0:
        return rows
    place = to_map(agents[:, AgentField.X : AgentField.Y + 1], x0, y0, yaw0)
    vx, vy = agents[:, AgentField.VX], agents[:, AgentField.VY]
    ground = np.hypot(vx, vy)
    walker = agents[:, AgentField.KIND] == AgentKind.WALKER
    box_yaw = agents[:, AgentField.YAW]
    # Walkers go where their velocity points, whatever way they face; vehicles along their heading.
    yaw = np.where(walker & (ground > 0.05), np.arctan2(vy, vx), box_yaw) + yaw0
    speed = np.where(walker, ground, np.maximum(vx * np.cos(box_yaw) + vy * np.sin(box_yaw), 0.0))
    acceleration = np.where(walker, 0.0, np.clip(agents[:, AgentField.ACCELERATION], *MAX_ACCELERATION))
    acceleration = np.where((speed < 0.1) & (acceleration < 0.3), 0.0, acceleration)
    yaw_rate = np.where(walker, 0.0, agents[:, AgentField.YAW_RATE])
    follows = ~walker & (speed > 0.5)
    for step in range(STEPS + 1):
        rows[:, step, :2], rows[:, step, 2], rows[:, step, 3] = place, yaw, speed
        time_s = step * STEP_S
        if time_s < HOLD_S:
            yaw = yaw + yaw_rate * STEP_S * (speed > 0.1)
            speed = np.maximum(speed + acceleration * STEP_S, 0.0)
        else:
            turn = yaw_rate * STEP_S * (time_s < 2.0 * HOLD_S) * (speed > 0.1)
            if step % 2 == 0 and follows.any():
                ahead = place + 0.5 * speed[:, None] * np.stack([np.cos(yaw), np.sin(yaw)], axis=1)
                quad, gap = grid.driving_lane(ahead, yaw)
                on_lane = follows & (quad >= 0) & (gap < LANE_GAP_RAD)
                on_lane &= ~junction[quad]
                limit = 2.0 * LANE_TURN_RADPS * STEP_S
                turn = np.where(on_lane, np.clip(wrap_angle(grid.yaw[quad] - yaw), -limit, limit), turn)
            yaw = yaw + turn
        place = place + (speed * STEP_S)[:, None] * np.stack([np.cos(yaw), np.sin(yaw)], axis=1)
    return rows


def ego_half_size(observation: Observation) -> tuple[float, float]:
    """Half length and half width of the vehicle [m]."""
    return float(observation.ego[EgoField.HALF_LENGTH]), float(observation.ego[EgoField.HALF_WIDTH])
