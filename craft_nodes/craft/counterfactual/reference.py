"""The counterfactual world, written to be read: one state, one candidate, one step at a time, in float64.

This is the oracle for the compiled kernel and the place to learn the method: each function is one sentence of
CRAFT's description, geometry is shapely's, nothing is shared with the kernel but the configuration and the ego's own
parts (craft.vehicle). It is some thousand times slower.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from shapely import STRtree
from shapely.geometry import LineString, Point, Polygon

from craft.counterfactual.config import CounterfactualConfig
from craft.counterfactual.returns import CandidateReturns
from craft.counterfactual.scene import Scene
from craft.scene import (
    AgentField,
    AgentKind,
    EgoField,
    LaneKind,
    LightState,
    RoadMap,
    RouteField,
    StopField,
    StopKind,
)
from craft.scene.candidates import Candidates
from craft.vehicle.response import TICK_S, step
from craft.vehicle.tracking import PATH_COLUMNS, TrackingConfig, fill_path, track

# Numbers of the method stand in CounterfactualConfig, each with its unit and its source. These are ours, too:
ROUTE_BEHIND_M, ROUTE_AHEAD_M = 2.0, 4.0  # the ego's place on the route is sought this far around the last one [m]
SAME_POINT_M = 1e-6  # route points no farther apart are one [m]
SAME_DISTANCE_M2 = 1e-9  # squared distances no farther apart are equal, whatever the rounding [m2]
MIN_DIRECTION_MPS = 0.1  # slower than this the velocity of an agent gives no direction, its heading does [m/s]
ROUNDING_S = 1e-9  # of k * dt [s]


@dataclass(frozen=True)
class Pose:
    """Centre of a box [m], heading [rad] and speed [m/s]."""

    x: float
    y: float
    yaw: float
    speed: float = 0.0


@dataclass(frozen=True)
class Place:
    """Where a pose lies on route and road; deviations are normalised to [0, 1]."""

    arc_m: float
    route: float
    centerline: float
    heading: float
    off_route: bool
    opposite_lane: bool
    emergency_lane: bool


@dataclass(frozen=True)
class Outcome:
    """What one rollout came to."""

    value: float
    collision: bool
    red_light: bool
    stop_sign: bool
    off_road: bool
    progress_m: float


def box(pose: Pose, half_length: float, half_width: float) -> Polygon:
    """The rectangle of a vehicle."""
    forward = np.array([math.cos(pose.yaw), math.sin(pose.yaw)])
    left = np.array([-forward[1], forward[0]])
    centre = np.array([pose.x, pose.y])
    return Polygon(
        [centre + a * half_length * forward + b * half_width * left for a, b in ((1, 1), (-1, 1), (-1, -1), (1, -1))]
    )


def angle_between(a: float, b: float) -> float:
    """The angle between two headings, 0..pi [rad]."""
    return abs(math.remainder(a - b, 2.0 * math.pi))


def clip(value: float, low: float, high: float) -> float:
    """The value brought into [low, high]."""
    return max(low, min(value, high))


class ReferenceRoad:
    """The drivable pieces of a road map, as polygons in the map frame."""

    def __init__(self, road: RoadMap, config: CounterfactualConfig):
        """Take driving, shoulder and parking pieces; widen each by the margin that hides slivers."""
        self.config = config
        self.pieces = [
            i
            for i in range(len(road.quads))
            if road.quad_kind[i] in (LaneKind.DRIVING, LaneKind.SHOULDER, LaneKind.PARKING)
        ]
        self.road = road
        self.polygons = [
            Polygon(road.quads[i].astype(float)).buffer(config.surface_margin_m, join_style="mitre", mitre_limit=1e3)
            for i in self.pieces
        ]
        self.tree = STRtree(self.polygons)

    def pieces_at(self, x: float, y: float) -> list[int]:
        """Numbers of the map's pieces that cover a point."""
        point = Point(x, y)
        return [self.pieces[i] for i in self.tree.query(point, predicate="covered_by")]

    def middle(self, piece: int) -> LineString:
        """Middle line of a piece along its direction of travel."""
        rear_left, rear_right, front_right, front_left = self.road.quads[piece].astype(float)
        return LineString([(rear_left + rear_right) / 2, (front_left + front_right) / 2])

    def same_way(self, piece: int, direction: float) -> bool:
        """Whether a driving lane runs in a direction."""
        cos = math.cos(self.road.quad_yaw[piece] - direction)
        return self.road.quad_kind[piece] == LaneKind.DRIVING and cos > self.config.same_direction_cos

    def off_road(self, corners: list[tuple[float, float]]) -> bool:
        """Whether any corner lies on no drivable piece."""
        return any(not self.pieces_at(*corner) for corner in corners)

    def centerline_distance(self, x: float, y: float, direction: float) -> float:
        """To the middle of the same-way lane under the point, else of the nearest one in reach, else the scale."""
        scale = self.config.centerline_scale_m
        covering = [piece for piece in self.pieces_at(x, y) if self.same_way(piece, direction)]
        if covering:
            return min([scale] + [self._beside(piece, x, y) for piece in covering])
        near = [self.pieces[i] for i in self.tree.query(Point(x, y).buffer(scale + 1.0))]
        return min([scale] + [self.middle(i).distance(Point(x, y)) for i in near if self.same_way(i, direction)])

    def _beside(self, piece: int, x: float, y: float) -> float:
        """Distance from the middle line, drawn out to both sides."""
        (ax, ay), (bx, by) = self.middle(piece).coords
        return abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / math.hypot(bx - ax, by - ay)

    def on_opposite_lane(self, x: float, y: float, direction: float) -> bool:
        """Whether all driving lanes under the point run the other way, outside junctions."""
        lanes = [i for i in self.pieces_at(x, y) if self.road.quad_kind[i] == LaneKind.DRIVING]
        return bool(lanes) and all(
            not self.road.quad_junction[i]
            and math.cos(self.road.quad_yaw[i] - direction) <= self.config.opposite_direction_cos
            for i in lanes
        )

    def on_emergency_lane(self, x: float, y: float) -> bool:
        """Whether the point lies on a shoulder and on no driving lane."""
        kinds = {int(self.road.quad_kind[i]) for i in self.pieces_at(x, y)}
        return LaneKind.SHOULDER in kinds and LaneKind.DRIVING not in kinds


def decay_rollout(agent: np.ndarray, config: CounterfactualConfig) -> list[Pose]:
    """An agent's poses at steps 0..H: its action held for a short window, then throttle off and growing braking."""
    x, y, yaw = float(agent[AgentField.X]), float(agent[AgentField.Y]), float(agent[AgentField.YAW])
    vx, vy = float(agent[AgentField.VX]), float(agent[AgentField.VY])
    walker = agent[AgentField.KIND] == AgentKind.WALKER
    speed = math.hypot(vx, vy)
    motion = math.atan2(vy, vx) if speed >= MIN_DIRECTION_MPS else yaw  # where it moves, not always where it heads
    curvature = 0.0
    if speed >= config.min_turning_speed_mps and not walker:
        most = config.max_agent_curvature_per_m
        curvature = clip(float(agent[AgentField.YAW_RATE]) / speed, -most, most)
    held = 0.0
    if not walker:
        along_motion = math.copysign(1.0, math.cos(motion - yaw))
        held = clip(
            along_motion * float(agent[AgentField.ACCELERATION]),
            -config.max_agent_deceleration_mps2,
            config.max_agent_acceleration_mps2,
        )
    ramp_s = config.connector_ramp_s if agent[AgentField.ON_CONNECTOR] else config.ramp_s
    dt = config.ticks_per_step * TICK_S

    poses = [Pose(x, y, yaw, speed)]
    for k in range(config.steps):
        since = k * dt - config.hold_s
        acceleration = held
        if since >= -ROUNDING_S:
            acceleration = min(held, -config.agent_brake_mps2 * clip(since / ramp_s, 0.0, 1.0))
        distance = speed * dt
        x, y = x + distance * math.cos(motion), y + distance * math.sin(motion)
        yaw, motion = yaw + curvature * distance, motion + curvature * distance
        speed = max(speed + acceleration * dt, 0.0)
        poses.append(Pose(x, y, yaw, speed))
    return poses


def ego_rollout(trajectory: np.ndarray, speed: float, config: CounterfactualConfig, law: TrackingConfig) -> list[Pose]:
    """The ego's poses at steps 0..H in its own frame at step 0: the executed law and the executed response."""
    path, memory = np.zeros((len(trajectory) + 1, PATH_COLUMNS)), law.new_memory()
    fill_path(trajectory.astype(float), path, law.gains)
    state = (0.0, 0.0, 0.0, max(speed, 0.0))
    poses = [Pose(*state)]
    for k in range(config.steps * config.ticks_per_step):
        throttle, steer, brake = track(path, k * TICK_S, *state, memory, law.gains)
        state = step(*state, throttle, steer, brake)
        if (k + 1) % config.ticks_per_step == 0:
            poses.append(Pose(*state))
    return poses


def place_on_route(points: np.ndarray, pose: Pose, around_m: float | None) -> tuple[float, float, float]:
    """Arc length of the nearest point of the route, the distance to it, and the route's heading there.

    Args:
        points: [N >= 2, 2], without repeated points.
        pose: The ego.
        around_m: Search only pieces that reach near this arc length [m]; all when None.
    """
    arc, best = 0.0, None
    for a, b in zip(points[:-1], points[1:], strict=True):
        piece, length = LineString([a, b]), float(np.hypot(*(b - a)))
        near = around_m is None or (arc + length >= around_m - ROUTE_BEHIND_M and arc <= around_m + ROUTE_AHEAD_M)
        distance = piece.distance(Point(pose.x, pose.y))
        nearest = best is None or distance**2 <= best[1] ** 2 + SAME_DISTANCE_M2  # the later of two equally near ones
        if near and nearest:
            best = (arc + piece.project(Point(pose.x, pose.y)), distance, math.atan2(b[1] - a[1], b[0] - a[0]))
        arc += length
    return best


def drove_into_rear(other: Pose, pose: Pose, half_length: float) -> bool:
    """Whether the other's centre lies behind the ego's rear edge: then the contact is not the ego's (ours)."""
    return (other.x - pose.x) * math.cos(pose.yaw) + (other.y - pose.y) * math.sin(pose.yaw) < -half_length


def crosses_line(line: np.ndarray, before: Pose, after: Pose, half_length: float, config: CounterfactualConfig) -> bool:
    """Whether front or rear goes over a stop line in its direction between two poses."""
    if math.cos(after.yaw - line[StopField.YAW]) <= config.stop_heading_cos:
        return False
    middle = np.array([line[StopField.X], line[StopField.Y]], float)
    across = np.array([math.cos(line[StopField.YAW]), math.sin(line[StopField.YAW])])
    left = np.array([-across[1], across[0]]) * line[StopField.HALF_WIDTH]
    drawn = LineString([middle - left, middle + left])
    for end in (half_length, -half_length):
        a, b = (np.array([p.x + end * math.cos(p.yaw), p.y + end * math.sin(p.yaw)]) for p in (before, after))
        forward = (a - middle) @ across <= 0.0 < (b - middle) @ across
        if forward and LineString([a, b]).intersects(drawn):
            return True
    return False


def in_stop_zone(line: np.ndarray, pose: Pose, half_length: float, config: CounterfactualConfig) -> bool:
    """Whether standing here is standing for a stop sign's line: front at most the zone before it, rear not past it."""

    def past(end):
        x, y = pose.x + end * math.cos(pose.yaw), pose.y + end * math.sin(pose.yaw)
        yaw = float(line[StopField.YAW])
        return (x - line[StopField.X]) * math.cos(yaw) + (y - line[StopField.Y]) * math.sin(yaw)

    return past(half_length) >= -config.stop_zone_m and past(-half_length) <= 0.0


def route_efficiency(place: Place, config: CounterfactualConfig) -> float:
    """Eta: exp(-3.0 d_g) exp(-0.8 d_c) exp(-2.0 d_h)."""
    return max(
        math.exp(-config.route_decay * place.route)
        * math.exp(-config.centerline_decay * place.centerline)
        * math.exp(-config.heading_decay * place.heading),
        0.0,
    )


def recovery(before: Place, after: Place, progress: float, config: CounterfactualConfig) -> float:
    """What is given back for each deviation above its threshold that shrinks, and taken where it grows."""
    total = 0.0
    for was, now, weight in (
        (before.route, after.route, config.route_recovery),
        (before.centerline, after.centerline, config.centerline_recovery),
        (before.heading, after.heading, config.heading_recovery),
    ):
        if now > config.deviation_threshold:
            total += weight * -clip(now - was, -config.max_deviation_change, config.max_deviation_change)
    return clip(total, -config.max_recovery, config.max_recovery) * (0.5 + 0.5 * progress)


class ReferenceWorld:
    """The same interface as CounterfactualWorld."""

    def __init__(self, config: CounterfactualConfig | None = None, tracking: TrackingConfig | None = None):
        """Take the configurations of world and reward, and of the tracking law."""
        self.config = config or CounterfactualConfig()
        self.tracking = tracking or TrackingConfig()

    def evaluate(self, scene: Scene, candidates: Candidates) -> CandidateReturns:
        """Returns of G candidates in each of B states; see CounterfactualWorld.evaluate."""
        road = ReferenceRoad(scene.road, self.config)
        states = len(scene.ego)
        trajectories = candidates.trajectories.expand(states, *candidates.trajectories.shape[-3:])
        valid = candidates.valid.expand(states, -1)
        outcomes = [
            [
                self.roll_out(scene, state, road, trajectories[state, g].numpy()) if valid[state, g] else None
                for g in range(valid.shape[1])
            ]
            for state in range(states)
        ]

        def gather(name, dtype):
            rows = [[getattr(outcome, name) if outcome else 0 for outcome in row] for row in outcomes]
            return torch.tensor(rows, dtype=dtype).reshape(valid.shape)

        return CandidateReturns(
            returns=gather("value", torch.float32),
            valid=valid.clone(),
            collision=gather("collision", torch.bool),
            red_light=gather("red_light", torch.bool),
            stop_sign=gather("stop_sign", torch.bool),
            off_road=gather("off_road", torch.bool),
            progress_m=gather("progress_m", torch.float32),
        )

    def roll_out(self, scene: Scene, state: int, road: ReferenceRoad, trajectory: np.ndarray) -> Outcome:
        """One candidate in one state: CRAFT Eq. 37.

        Ours where the paper is silent: a contact counts unless the ego stands, the other drove into its rear, or the
        boxes overlapped from the beginning; in the last two cases the other is asleep until they part. The rollout ends
        with its first collision, so that nothing after it counts. Yellow lights are free, as on the leaderboard.
        """
        config = self.config
        ego = scene.ego[state].numpy().astype(float)
        half_length, half_width = ego[EgoField.HALF_LENGTH], ego[EgoField.HALF_WIDTH]
        agents = scene.agents[state][scene.agent_valid[state]].numpy()
        lines = scene.stop_lines[state][scene.stop_valid[state]].numpy()
        red_lines = [i for i in lines if i[StopField.KIND] == StopKind.LIGHT and i[StopField.STATE] == LightState.RED]
        sign_lines = [i for i in lines if i[StopField.KIND] == StopKind.STOP and not i[StopField.CLEARED]]
        route = scene.route[state][scene.route_valid[state]][:, [RouteField.X, RouteField.Y]].numpy().astype(float)
        route = np.array([p for i, p in enumerate(route) if i == 0 or np.hypot(*(p - route[i - 1])) > SAME_POINT_M])

        others = [decay_rollout(agent, config) for agent in agents]
        boxes = [
            [box(pose, agent[AgentField.HALF_LENGTH], agent[AgentField.HALF_WIDTH]) for pose in poses]
            for agent, poses in zip(agents.astype(float), others, strict=True)
        ]
        poses = ego_rollout(trajectory, ego[EgoField.SPEED], config, self.tracking)

        body = box(poses[0], half_length, half_width)
        asleep = {i for i in range(len(others)) if body.intersection(boxes[i][0]).area > 0.0}
        stood_for: set[int] = set()
        place = self.place(poses[0], None, ego, route, road)
        value, progress_m = 0.0, 0.0
        collision = red_light = stop_sign = off_road = False
        for k in range(1, config.steps + 1):
            before, pose = poses[k - 1], poses[k]
            if before.speed < config.standing_mps:
                stood_for |= {i for i, line in enumerate(sign_lines) if in_stop_zone(line, before, half_length, config)}
            last_place, place = place, self.place(pose, place.arc_m, ego, route, road)

            advance = clip(place.arc_m - last_place.arc_m, 0.0, config.max_progress_m)
            progress = advance / config.max_progress_m
            progress_m += advance
            reward = config.progress_weight * progress * route_efficiency(place, config)
            reward += recovery(last_place, place, progress, config)
            body = box(pose, half_length, half_width)
            if road.off_road([self.to_map(ego, *corner) for corner in body.exterior.coords[:4]]):
                off_road = True
                reward -= config.off_road_cost
            reward -= config.opposite_lane_cost * place.opposite_lane
            reward -= config.off_route_cost * place.off_route
            reward -= config.emergency_lane_cost * place.emergency_lane

            red_light |= any(crosses_line(line, before, pose, half_length, config) for line in red_lines)
            stop_sign |= any(
                crosses_line(line, before, pose, half_length, config)
                for i, line in enumerate(sign_lines)
                if i not in stood_for
            )

            standing = before.speed < config.standing_mps and pose.speed < config.standing_mps
            for i, (other, shape) in enumerate(zip(others, boxes, strict=True)):
                if not body.intersection(shape[k]).area > 0.0:
                    asleep.discard(i)
                elif drove_into_rear(other[k], pose, half_length):
                    asleep.add(i)  # does not count before they part
                elif i not in asleep:
                    collision |= not standing
            if collision:
                ratio = clip(
                    pose.speed / config.collision_speed_mps,
                    config.min_collision_speed_ratio,
                    config.max_collision_speed_ratio,
                )
                reward -= config.collision_cost * (1.0 + config.collision_speed_gain * ratio)
            value += config.gamma ** (k - 1) * reward
            if collision:
                break

        value -= config.red_light_cost * red_light + config.stop_sign_cost * stop_sign
        return Outcome(value, collision, red_light, stop_sign, off_road, progress_m)

    def place(self, pose: Pose, around_m: float | None, ego: np.ndarray, route: np.ndarray, road: ReferenceRoad):
        """The ego's Place on route and road."""
        config = self.config
        arc, distance, direction = 0.0, 0.0, pose.yaw
        if len(route) >= 2:
            arc, distance, direction = place_on_route(route, pose, around_m)
        x, y = self.to_map(ego, pose.x, pose.y)
        map_direction = ego[EgoField.YAW] + direction
        return Place(
            arc_m=arc,
            route=min(distance / config.route_scale_m, 1.0),
            centerline=road.centerline_distance(x, y, map_direction) / config.centerline_scale_m,
            heading=min(angle_between(pose.yaw, direction) / config.heading_scale_rad, 1.0),
            off_route=distance > config.off_route_m,
            opposite_lane=road.on_opposite_lane(x, y, map_direction),
            emergency_lane=road.on_emergency_lane(x, y),
        )

    @staticmethod
    def to_map(ego: np.ndarray, x: float, y: float) -> tuple[float, float]:
        """A point of the ego frame in the map frame."""
        cos, sin = math.cos(ego[EgoField.YAW]), math.sin(ego[EgoField.YAW])
        return ego[EgoField.X] + cos * x - sin * y, ego[EgoField.Y] + sin * x + cos * y
