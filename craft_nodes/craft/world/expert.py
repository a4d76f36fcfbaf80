"""A rule-based driver that sees everything: it shows the policy how to drive (after PDM-Lite's design).

Every decision it drives a few proposals through a forecast of all others: keep to the route; if that ends in a
conflict, yield before it, brake, or pass an obstacle to the left or right. The best one becomes the trajectory.
"""

from dataclasses import dataclass

import numpy as np

from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS
from craft.scene.frames import to_local, to_map, wrap_angle
from craft.scene.lane_grid import LaneGrid
from craft.scene.observation import (
    ROUTE_POINTS_BEHIND,
    AgentField,
    AgentKind,
    EgoField,
    LightState,
    Observation,
    RouteField,
    StopField,
)
from craft.scene.road_map import LaneKind, RoadMap, StopKind
from craft.world.expert_forecast import STEP_S, STEPS, ego_half_size, forecast
from craft.world.expert_rollout import Pace, Shift, Style, along_route, drive, entry, frenet_forecast, shifted

_PASSABLE = (LaneKind.DRIVING, LaneKind.PARKING, LaneKind.SHOULDER)


@dataclass(frozen=True)
class ExpertConfig:
    """How the expert drives. Values are ours unless a source is named."""

    limit_share: float = 0.8  # of the speed limit (PDM-Lite: 0.72)
    junction_speed_mps: float = 8.0  # [m/s]
    crossing_limit_mps: float = 18.0  # in junctions with a higher limit lanes join or part, none cross [m/s]
    lateral_acceleration: float = 2.0  # in curves [m/s2]
    acceleration: float = 2.5  # [m/s2]
    comfort_brake: float = 2.5  # [m/s2]
    gentle_brake: float = 1.5  # for a slower stretch ahead [m/s2]
    hard_brake: float = 7.5  # the brake gives 7.3 and more [m/s2] (PDM-Lite's map)
    headway_s: float = 0.8  # [s]
    standing_gap_m: float = 3.0  # to a leader [m] (PDM-Lite: 4)
    obstacle_gap_m: float = 7.0  # to an obstacle that is to be passed: room to steer out [m]
    line_gap_m: float = 1.0  # front bumper to the stop line [m]
    yellow_brake: float = 4.0  # a yellow light is passed if stopping needs more [m/s2]
    walker_speed_mps: float = 6.0  # past a walker who stands at the road [m/s]
    clearance_m: float = 0.9  # to the side of an obstacle [m]
    obstacle_wait_s: float = 1.0  # a vehicle that stands longer, and not in a queue, is an obstacle [s]
    junction_wait_s: float = 10.0  # inside a junction, or behind another one, only after this [s]
    obstacle_range_m: float = 40.0  # along the route [m]
    slow_mps: float = 3.5  # a bicycle slower than this is passed [m/s]


@dataclass(frozen=True)
class _Obstacle:
    """A group of obstacles that is passed in one go: extent along the route and to its side [m]."""

    begin: float
    end: float
    left: float
    right: float


class Expert:
    """Rule-based privileged driver; it plugs in where a policy does.

    Args:
        road: The town.
        config: How it drives.
    """

    def __init__(self, road: RoadMap, config: ExpertConfig | None = None):
        self._road, self._grid = road, LaneGrid(road)
        self._config = config or ExpertConfig()
        self._style = Style(
            dt=STEP_S,
            acceleration=self._config.acceleration,
            comfort_brake=self._config.comfort_brake,
            hard_brake=self._config.hard_brake,
            headway=self._config.headway_s,
            corridor_side=0.35,
            side_margin=0.25,
            ahead_margin=0.5,
            walker_margin=0.35,
            time_margin=0.4,
        )
        self.reset()

    def reset(self) -> None:
        """Forget the past; call it at the start of an episode."""
        self._size = 0.0  # of the shift chosen last [m]
        self._standing: dict[int, float] = {}  # agent id -> standing since [s]

    def decide(self, observation: Observation) -> np.ndarray:
        """The trajectory to drive.

        Args:
            observation: Now.

        Returns:
            float32 [TRAJECTORY_STEPS, 3]: x [m], y [m], yaw [rad] in the ego frame.
        """
        path, planned = self._plan(observation)
        agents = forecast(observation, self._grid, self._road.quad_junction)
        frenet_forecast(agents, path)
        x, y, yaw = (float(v) for v in observation.ego[:3])
        s0, offset, route_yaw = along_route(x, y, path)
        slope = float(np.tan(np.clip(wrap_angle(yaw - route_yaw), -1.0, 1.0)))
        speed = max(float(observation.ego[EgoField.SPEED]), 0.0)
        half = ego_half_size(observation)
        obstacle, flagged = self._obstacle(observation, agents, half)
        sizes = self._sizes(observation, agents, offset, half, flagged)
        planned = self._slow_for_walkers(observation, agents, planned)
        stop_at = self._stop_at(observation, speed)
        states = self._choose(observation, path, planned, half, speed, offset, slope, agents, sizes, stop_at, obstacle)
        every = round(TRAJECTORY_DT_S / STEP_S)
        rows = states[every : every * TRAJECTORY_STEPS + 1 : every]
        trajectory = np.empty((TRAJECTORY_STEPS, 3), np.float32)
        trajectory[:, :2] = to_local(rows[:, :2], x, y, yaw)
        trajectory[:, 2] = wrap_angle(rows[:, 2] - yaw)
        return trajectory

    # ---- the route ahead -------------------------------------------------------------------------------------------

    def _plan(self, observation):
        """Route in the map frame [N, 4] (x, y, yaw, s) and the speed planned along it [N]."""
        config = self._config
        valid = observation.route_valid
        rows = observation.route[valid].astype(np.float64)
        x, y, yaw = (float(v) for v in observation.ego[:3])
        path = np.empty((len(rows), 4))
        path[:, :2] = to_map(rows[:, RouteField.X : RouteField.Y + 1], x, y, yaw)
        path[:, 2] = np.unwrap(rows[:, RouteField.YAW] + yaw)
        path[:, 3] = np.nonzero(valid)[0] - ROUTE_POINTS_BEHIND
        planned = config.limit_share * rows[:, RouteField.SPEED_LIMIT]
        crossing = (rows[:, RouteField.JUNCTION] > 0.5) & (rows[:, RouteField.SPEED_LIMIT] <= config.crossing_limit_mps)
        planned = np.where(crossing, np.minimum(planned, config.junction_speed_mps), planned)
        # The bend over 4 m, so that single points do not matter; felt 4 m early, since tracking looks ahead.
        reach = 4
        if len(rows) > 3 * reach:
            bend = np.abs(path[reach:, 2] - path[:-reach, 2]) / reach
            felt = np.lib.stride_tricks.sliding_window_view(
                np.pad(bend, (reach, 2 * reach), mode="edge"), 2 * reach + 1
            )
            planned = np.minimum(planned, np.sqrt(config.lateral_acceleration / np.maximum(felt.max(axis=1), 1e-4)))
        self._slow_in_time(planned)
        return path, planned

    def _slow_in_time(self, planned):
        """Lower the planned speeds (1 m apart) so that gentle braking reaches each of them."""
        gentle = 2.0 * self._config.gentle_brake
        for i in range(len(planned) - 2, -1, -1):
            planned[i] = min(planned[i], np.sqrt(planned[i + 1] ** 2 + gentle))

    def _stop_at(self, observation, speed):
        """S at which the vehicle's centre must stand for a light or stop sign, infinity if nowhere."""
        half_length = float(observation.ego[EgoField.HALF_LENGTH])
        for row in observation.stop_lines[observation.stop_valid]:
            room = float(row[StopField.DISTANCE]) - half_length
            if room < -0.5:
                continue
            kind, state = int(row[StopField.KIND]), int(row[StopField.STATE])
            stop = room - self._config.line_gap_m
            if kind == StopKind.LIGHT and state == LightState.RED:
                return stop
            can_stop = speed < 0.5 or speed**2 <= 2.0 * self._config.yellow_brake * max(stop, 0.0)
            if kind == StopKind.LIGHT and state == LightState.YELLOW and can_stop:
                return stop
            if kind == StopKind.STOP and row[StopField.CLEARED] == 0.0:
                return stop
        return np.inf

    # ---- the others ------------------------------------------------------------------------------------------------

    def _sizes(self, observation, agents, offset, half, flagged):
        """[A, 5]: half length, half width, not a vehicle, standing gap, ignored."""
        rows = observation.agents[observation.agent_valid].astype(np.float64)
        sizes = np.zeros((len(rows), 5))
        if len(rows) == 0:
            return sizes
        sizes[:, :2] = rows[:, AgentField.HALF_LENGTH : AgentField.HALF_WIDTH + 1]
        sizes[:, 2] = rows[:, AgentField.KIND] != AgentKind.VEHICLE
        sizes[:, 3] = np.where(flagged, self._config.obstacle_gap_m, self._config.standing_gap_m)
        # Those who follow in the vehicle's own lane look after themselves.
        behind = (rows[:, AgentField.X] < -half[0]) & (np.cos(rows[:, AgentField.YAW]) > 0.5)
        sizes[:, 4] = behind & (np.abs(agents[:, 0, 5] - offset) < 1.5)
        return sizes

    def _slow_for_walkers(self, observation, agents, planned):
        """Walkers who stand close to the route may step onto it."""
        rows = observation.agents[observation.agent_valid]
        walkers = (rows[:, AgentField.KIND] == AgentKind.WALKER) & (agents[:, 0, 3] < 0.5)
        for s, d in agents[walkers, 0, 4:6]:
            if -2.0 < s < 30.0 and abs(d) < 4.5:
                near = slice(max(int(s) - 8 + ROUTE_POINTS_BEHIND, 0), int(s) + 2 + ROUTE_POINTS_BEHIND)
                planned[near] = np.minimum(planned[near], self._config.walker_speed_mps)
        self._slow_in_time(planned)
        return planned

    def _obstacle(self, observation, agents, half):
        """The next group of obstacles on the route, or None; and which agents are obstacles, bool [A]."""
        config = self._config
        rows = observation.agents[observation.agent_valid].astype(np.float64)
        ids = observation.agent_id[observation.agent_valid]
        flagged = np.zeros(len(rows), bool)
        now = observation.stamp_s
        speeds = agents[:, 0, 3]
        self._standing = {int(i): self._standing.get(int(i), now) for i, v in zip(ids, speeds, strict=True) if v < 0.3}
        if len(rows) == 0:
            return None, flagged
        s, d, turn = agents[:, 0, 4], agents[:, 0, 5], agents[:, 0, 6]
        half_length, half_width = rows[:, AgentField.HALF_LENGTH], rows[:, AgentField.HALF_WIDTH]
        length = half_length * np.abs(np.cos(turn)) + half_width * np.abs(np.sin(turn))
        width = half_width * np.abs(np.cos(turn)) + half_length * np.abs(np.sin(turn))
        in_way = (np.abs(d) < half[1] + width + self._style.corridor_side) & (s + length > -half[0] - 1.0)
        in_way &= s - length < config.obstacle_range_m
        red = self._controlled(observation)
        waiting: list[float] = []  # s of vehicles that wait for something else than to be passed
        for j in np.argsort(-s, kind="stable"):
            if not in_way[j] or rows[j, AgentField.KIND] == AgentKind.WALKER:
                continue
            bicycle = rows[j, AgentField.KIND] == AgentKind.BICYCLE
            if bicycle and 0.3 <= speeds[j] < config.slow_mps and np.cos(turn[j]) > 0.7:
                flagged[j] = True
                continue
            if speeds[j] >= 0.3:
                if np.cos(turn[j]) > 0.5:
                    waiting.append(s[j])
                continue
            stood = now - self._standing[int(ids[j])]
            if any(-2.0 < line - s[j] < 30.0 for line in red):
                waiting.append(s[j])
                continue
            queued = rows[j, AgentField.ON_CONNECTOR] > 0.5 or any(0.0 < other - s[j] < 14.0 for other in waiting)
            if stood < (config.junction_wait_s if queued else config.obstacle_wait_s):
                waiting.append(s[j])
                continue
            flagged[j] = True
        if not flagged.any():
            return None, flagged
        order = np.nonzero(flagged)[0][np.argsort(s[flagged] - length[flagged], kind="stable")]
        group = [order[0]]
        for j in order[1:]:
            if s[j] - length[j] - max(s[k] + length[k] for k in group) < 15.0:
                group.append(j)
        return _Obstacle(
            begin=float(min(s[k] - length[k] for k in group)),
            end=float(max(s[k] + length[k] + 4.0 * max(speeds[k], 0.0) for k in group)),
            left=float(max(d[k] + width[k] for k in group)),
            right=float(min(d[k] - width[k] for k in group)),
        ), flagged

    @staticmethod
    def _controlled(observation):
        """S of the lines on the route at which others may be waiting."""
        rows = observation.stop_lines[observation.stop_valid]
        green = (rows[:, StopField.KIND] == StopKind.LIGHT) & (rows[:, StopField.STATE] == LightState.GREEN)
        return [float(v) for v in rows[~green, StopField.DISTANCE]]

    # ---- proposals -------------------------------------------------------------------------------------------------

    def _choose(
        self, observation, path, planned, half, speed, offset, slope, agents, sizes, stop_at, obstacle
    ) -> np.ndarray:
        """States [STEPS + 1, 5] of the best proposal."""
        keep = self._shift(0.0, offset, slope, speed, half, None)
        states, step, other = self._drive(path, planned, half, speed, keep, Pace(1.0, stop_at, 0.0), agents, sizes)
        if step < 0 and obstacle is None:
            self._size = 0.0
            return states
        shifts = self._shifts(observation, path, offset, slope, speed, half, obstacle)
        best_cost, best = np.inf, (states, keep)
        for shift, price in shifts:
            free = states
            if shift is not keep:
                free, step, other = self._drive(
                    path, planned, half, speed, shift, Pace(1.0, stop_at, 0.0), agents, sizes
                )
            runs = [(free, step)]
            if step >= 0:
                before = entry(path, half, speed, shift, free[step, 4], step, agents[other], sizes[other], self._style)
                stop = min(stop_at, before - 1.0)
                for pace in (
                    Pace(1.0, stop, 0.0),
                    Pace(0.6, stop_at, 0.0),
                    Pace(0.3, stop_at, 0.0),
                    Pace(1.0, stop_at, self._style.comfort_brake),
                    Pace(1.0, stop_at, self._style.hard_brake),
                ):
                    run, hit, _ = self._drive(path, planned, half, speed, shift, pace, agents, sizes)
                    runs.append((run, hit))
            for run, hit in runs:
                cost = price + self._cost(run, hit)
                if cost < best_cost:
                    best_cost, best = cost, (run, shift)
        self._size = best[1].size
        return best[0]

    def _drive(self, path, planned, half, speed, shift, pace, agents, sizes):
        states = np.empty((STEPS + 1, 5))
        step, other = drive(path, planned, half, speed, shift, pace, agents, sizes, self._style, states)
        return states, step, other

    def _cost(self, states, hit):
        """A collision outweighs all else, the later and slower the less; then progress; then hard braking."""
        cost = -states[-1, 4]
        if hit >= 0:
            cost += 300.0 + 40.0 * (STEPS - hit) + 20.0 * states[hit, 3] if states[hit, 3] > 0.3 else 100.0
        braking = -np.diff(states[:, 3]).min() / STEP_S
        return cost + 2.0 * max(braking - self._config.comfort_brake, 0.0)

    def _shift(self, size, offset, slope, speed, half, obstacle):
        length = max(9.0, 1.8 * speed)
        if obstacle is None or size == 0.0:
            return Shift(offset, slope, length, size, 0.0, length, 1e6, length)
        room = obstacle.begin - half[0] - 1.5
        back = max(obstacle.end + half[0] + 2.0, 0.0)
        if room < 3.0:
            return Shift(offset, slope, min(length, 9.0), size, -1.0, 0.5, back, length)
        over = min(length, room)
        return Shift(offset, slope, length, size, room - over, over, back, length)

    def _shifts(self, observation, path, offset, slope, speed, half, obstacle):
        """Lateral shifts to try, each with its price."""
        keep = self._shift(0.0, offset, slope, speed, half, None)
        lane = float(observation.route[ROUTE_POINTS_BEHIND, RouteField.HALF_WIDTH]) or 1.75
        slack = max(lane - half[1] - 0.1, 0.0)
        sizes = [(slack, None), (-slack, None), (-slack - 0.7, None)]
        if obstacle is not None:
            left = obstacle.left + half[1] + self._config.clearance_m
            right = obstacle.right - half[1] - self._config.clearance_m
            sizes += [(left, obstacle), (right, obstacle)]
            sizes += [(size, obstacle) for size in (2.0 * lane, -2.0 * lane) if not right + 0.5 < size < left - 0.5]
        shifts = [self._shift(size, offset, slope, speed, half, group) for size, group in sizes if abs(size) < 6.0]
        prices = self._prices(path, half, shifts)
        order = [(shift, price) for shift, price in zip(shifts, prices, strict=True) if price < 1e3]
        return [(keep, 1.0 * abs(self._size))] + order

    def _prices(self, path, half, shifts):
        """What a shift costs: its size, a change of mind, the oncoming lane; 1e3 and more where there is no road."""
        ahead = np.arange(1.0, 45.0, 2.0)
        grid = path[np.clip((ahead - path[0, 3]).astype(int), 0, len(path) - 1)]
        normal = np.stack([-np.sin(grid[:, 2]), np.cos(grid[:, 2])], axis=1)
        prices = []
        for shift in shifts:
            d = np.array([shifted(s, shift) for s in ahead])
            centre = grid[:, :2] + d[:, None] * normal
            edge = np.sign(shift.size) * (half[1] + 0.1)
            surface = self._grid.covered(np.concatenate([centre, centre + edge * normal]), _PASSABLE, 0.1)
            gone = np.abs(d) > 0.3
            price = 0.6 * abs(shift.size) + 1.0 * abs(shift.size - self._size)
            if (~surface.reshape(2, -1) & gone).any():
                price += 1e3
            quad, gap = self._grid.driving_lane(centre, grid[:, 2])
            if ((gap > 2.0) & (quad >= 0) & gone).any():
                price += 6.0
            prices.append(price)
        return prices
