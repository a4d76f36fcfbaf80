"""The event monitor: what the executed driving did wrong, and what that costs."""

from collections.abc import Sequence

import numpy as np

from craft.events.kinds import COLLISIONS, Event, EventConfig, EventKind, GroundedReward
from craft.events.record import EpisodeRecord, score_episode
from craft.events.stop_rules import StopRules
from craft.perception.inputs import Collision
from craft.scene.frames import to_map
from craft.scene.lane_grid import LaneGrid
from craft.scene.observation import AgentField, AgentKind, EgoField, Observation, RouteField
from craft.scene.road_map import LaneKind, RoadMap
from craft.scene.timing import elapsed_s

ROAD_SURFACE = (LaneKind.DRIVING, LaneKind.SHOULDER, LaneKind.PARKING)
ROUTE_LANES = (LaneKind.DRIVING, LaneKind.PARKING)  # leaderboard: outside is off the driving and parking lanes
WRONG_WAY_SIDE_M = 3.5  # ours: an obstacle this close to the route's centre is on it [m]


class EventMonitor:
    """Judges one vehicle from executed transitions only: consecutive observations and the collision sensor.

    Args:
        road: The town.
        config: Weights and thresholds.
    """

    def __init__(self, road: RoadMap, config: EventConfig | None = None):
        self._grid = LaneGrid(road)
        self._road = road
        self._config = config or EventConfig()
        self._last: Observation | None = None
        self._episode = 0

    def begin(self, episode: int, route_id: str = "", scenario: str = "", seed: int = 0) -> None:
        """Start an episode; the names go into its record."""
        self._episode, self._names = episode, (scenario, route_id, seed)
        self._rules = StopRules(self._config)
        self._last = None
        self._collisions: dict[int, tuple[float, float, float]] = {}  # other id -> stamp, x, y of the last one counted
        self._running: set[tuple[EventKind, int]] = set()  # findings of the last frame, so that each is told once
        self._events: list[Event] = []
        self._flags: set[EventKind] = set()
        self._progress_m = 0.0
        self._outside_m = 0.0

    def observe(self, observation: Observation, collisions: Sequence[Collision] = ()) -> list[Event]:
        """Judge the next frame.

        Args:
            observation: Of the frame.
            collisions: Contacts since the last one.

        Returns:
            Events that began in this frame.

        Raises:
            ValueError: The frame belongs to another episode or does not follow the last one in time.
        """
        if observation.episode != self._episode:
            raise ValueError(f"frame of episode {observation.episode} while episode {self._episode} is judged")
        if self._last is not None and observation.stamp_s <= self._last.stamp_s:
            raise ValueError(f"frame at {observation.stamp_s:.3f} s comes after one at {self._last.stamp_s:.3f} s")
        events = self._contacts(observation, collisions)
        running: set[tuple[EventKind, int]] = set()
        for finding in self._rules.observe(observation):
            self._flags.add(finding.kind)
            running.add((finding.kind, finding.stop_id))
            if finding.infraction or (finding.kind, finding.stop_id) not in self._running:
                events.append(
                    self._event(finding.kind, observation, finding.stop_id, finding.infraction, finding.detail)
                )
        for kind, detail in self._surface(observation):
            self._flags.add(kind)
            running.add((kind, 0))
            if (kind, 0) not in self._running:
                events.append(self._event(kind, observation, 0, False, detail))
        if self._last is not None:
            self._progress_m += observation.route_progress_m - self._last.route_progress_m
            if self._outside(observation):
                step = observation.ego[:2].astype(float) - self._last.ego[:2]
                self._outside_m += float(np.hypot(*step))
        self._running, self._last = running, observation
        self._events += events
        return events

    def decision_reward(self) -> GroundedReward:
        """Reward of the frames since the last call (CRAFT Eq. 46); call it at every decision boundary."""
        kinds = tuple(sorted(self._flags))
        terms = {"collision" if kind in COLLISIONS else kind: self._config.weight(kind) for kind in kinds}
        reward = GroundedReward(-sum(terms.values()), kinds, self._progress_m)
        self._flags, self._progress_m = set(), 0.0
        return reward

    def finish(
        self, status: str, route_completion: float, driven_m: float, duration_s: float, truncated: bool
    ) -> EpisodeRecord:
        """Judge the whole episode.

        Args:
            status: Bench2Drive's words.
            route_completion: [%].
            driven_m: [m].
            duration_s: Simulated [s].
            truncated: Ended by the run.
        """
        infractions = [event.kind for event in self._events if event.infraction]
        outside = min(100.0 * self._outside_m / driven_m, 100.0) if driven_m > 0.0 else 0.0
        if outside > 0.0:
            infractions.append(EventKind.OFF_ROAD)
        score = score_episode(status, route_completion, infractions, outside)
        scenario, route_id, seed = self._names
        return EpisodeRecord(
            episode=self._episode,
            status=status,
            route_completion=route_completion,
            infraction_score=score.infraction_score,
            driving_score=score.driving_score,
            success=score.success,
            driven_m=driven_m,
            duration_s=duration_s,
            truncated=truncated,
            infractions=tuple(infractions),
            events=tuple(event.kind for event in self._events),
            outside_percentage=outside,
            scenario=scenario,
            route_id=route_id,
            seed=seed,
        )

    def _event(self, kind, observation, other_id, infraction, detail):
        x, y = float(observation.ego[EgoField.X]), float(observation.ego[EgoField.Y])
        return Event(kind, observation.stamp_s, x, y, other_id, infraction, detail)

    def _contacts(self, observation, collisions):
        events = []
        # The contact itself may have stopped the vehicle within this frame: the speed before it counts as well.
        seen = [frame for frame in (observation, self._last) if frame is not None]
        speed = max(abs(float(frame.ego[EgoField.SPEED])) for frame in seen)
        x, y = (float(v) for v in observation.ego[:2])
        for collision in collisions:
            if speed < self._config.collision_speed_mps:
                continue
            last = self._collisions.get(collision.other_id)
            if last is not None:
                recent = elapsed_s(last[0], collision.stamp_s) < self._config.collision_repeat_s
                near = np.hypot(x - last[1], y - last[2]) < self._config.collision_repeat_m
                if recent or near:
                    continue
            self._collisions[collision.other_id] = (collision.stamp_s, x, y)
            kind = self._other_kind(seen, collision.other_id)
            self._flags.add(kind)
            what = kind.name.removeprefix("COLLISION_").lower()
            detail = f"hit a {what} at {speed:.1f} m/s" if kind != EventKind.COLLISION_LAYOUT else "hit something fixed"
            events.append(self._event(kind, observation, collision.other_id, True, detail))
        return events

    @staticmethod
    def _other_kind(seen, other_id) -> EventKind:
        if other_id == 0:
            return EventKind.COLLISION_LAYOUT
        for frame in seen:
            rows = np.nonzero(frame.agent_valid & (frame.agent_id == other_id))[0]
            if len(rows):
                walker = frame.agents[rows[0], AgentField.KIND] == AgentKind.WALKER
                return EventKind.COLLISION_PEDESTRIAN if walker else EventKind.COLLISION_VEHICLE
        return EventKind.COLLISION_LAYOUT

    def _surface(self, observation):
        ego, config = observation.ego.astype(float), self._config
        x, y, yaw = ego[:3]
        half_length, half_width = ego[EgoField.HALF_LENGTH], ego[EgoField.HALF_WIDTH]
        signs = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]])
        points = np.concatenate([[[x, y]], to_map(signs * (half_length, half_width), x, y, yaw)])
        found = []
        if not self._grid.covered(points, ROAD_SURFACE, config.corner_margin_m).all():
            found.append((EventKind.OFF_ROAD, "left the road surface"))
        if abs(observation.route_offset_m) > config.offroute_m:
            found.append((EventKind.OFF_ROUTE, f"{abs(observation.route_offset_m):.1f} m away from the route"))
        centre = points[:1]
        on_shoulder = self._grid.covered(centre, (LaneKind.SHOULDER,))[0]
        if on_shoulder and not self._grid.covered(centre, (LaneKind.DRIVING,))[0]:
            found.append((EventKind.EMERGENCY_LANE, "drove in the emergency lane"))
        return found

    def _outside(self, observation) -> bool:
        """Outside the lanes or in the wrong one, as the leaderboard tells it; never inside a junction.

        In scenarios with an obstacle to be passed on the oncoming lane the leaderboard switches its wrong-lane test
        off; here that holds while such an obstacle is on the route nearby.
        """
        centre, yaw = observation.ego[None, :2].astype(float), observation.ego[[EgoField.YAW]].astype(float)
        if self._grid.in_junction(centre)[0]:
            return False
        if not self._grid.covered(centre, ROUTE_LANES, self._config.outside_margin_m)[0]:
            return True
        quad, gap = self._grid.driving_lane(centre, yaw)
        return bool(quad[0] >= 0 and gap[0] > self._config.wrong_way_rad and not self._obstacle_near(observation))

    def _obstacle_near(self, observation) -> bool:
        agents = observation.agents[observation.agent_valid]
        route = observation.route[observation.route_valid]
        if len(agents) == 0 or len(route) == 0:
            return False
        place = agents[:, AgentField.X : AgentField.Y + 1]
        slow = np.hypot(agents[:, AgentField.VX], agents[:, AgentField.VY]) < self._config.obstacle_mps
        near = np.hypot(place[:, 0], place[:, 1]) < self._config.obstacle_range_m
        to_route = np.linalg.norm(place[:, None] - route[None, :, RouteField.X : RouteField.Y + 1], axis=-1).min(axis=1)
        # The route window reaches only a few metres back: an obstacle just passed counts by its distance alone.
        behind = place[:, 0] < 0.0
        return bool((slow & near & (behind | (to_route < WRONG_WAY_SIDE_M))).any())
