"""The closed loop in one process: the same parts that the nodes run, called one after the other, without DDS."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from craft.events import EpisodeRecord, Event, EventConfig, EventMonitor, GroundedReward
from craft.perception import ObservationBuilder, WorldFrame
from craft.policies import Choice, DecisionMode, Policy, decide
from craft.policies.controller import TrajectoryController
from craft.scene import EgoField, Observation
from craft.scene.timing import FRAMES_PER_DECISION
from craft.world.opendrive import road_map_from_opendrive
from craft.world.routes import RouteSpec
from craft.world.simulation import Simulation

EGO_HALF_SIZE_M = (2.446, 0.918)  # half length and width of vehicle.lincoln.mkz_2020 [m]; Scenic's snapshots of CARLA


class Driver(Protocol):
    """Whatever decides: a policy or the expert."""

    def reset(self) -> None:
        """A new episode begins."""

    def decide(self, observation: Observation) -> np.ndarray:
        """A trajectory float32 [T, 3] in the ego frame of the observation."""


class PolicyDriver:
    """A policy as a driver; keeps the last choice for those who learn from it."""

    def __init__(self, policy: Policy, mode: DecisionMode, seed: int):
        self.policy, self.mode, self.seed = policy, mode, seed
        self.choice: Choice | None = None

    def reset(self) -> None:
        """A policy has no memory of its own."""

    def decide(self, observation: Observation) -> np.ndarray:
        """See Driver."""
        self.choice = decide(self.policy, observation, self.mode, self.seed)
        return self.choice.trajectory.numpy()


class Listener:
    """Told what happens in an episode; override what is of interest."""

    def world(self, frame: WorldFrame, events: Sequence[Event]) -> None:
        """A frame of the world came, and these events began in it."""

    def frame(self, observation: Observation) -> None:
        """The same frame, as it was observed."""

    def decided(self, observation: Observation) -> None:
        """The driver decided on this frame."""

    def rewarded(self, step: int, reward: GroundedReward, done: bool, truncated: bool) -> None:
        """Decision `step` was executed; `done` at the last one of the episode."""

    def disturb(self, steer: float) -> float:
        """Last word on the steering, for those who collect recoveries from mistakes."""
        return steer


@dataclass
class ClosedLoop:
    """Simulation, perception, controller and event monitor around one driver.

    Attributes:
        simulation: The connected world.
        event_config: Of the event monitor.
    """

    simulation: Simulation
    event_config: EventConfig = EventConfig()

    def __post_init__(self):
        self.road = road_map_from_opendrive(
            self.simulation.town, self.simulation.opendrive, self.simulation.light_boxes
        )
        self._builder = ObservationBuilder(self.road, *EGO_HALF_SIZE_M)
        self._monitor = EventMonitor(self.road, self.event_config)
        self._controller = TrajectoryController()

    def drive(
        self,
        driver: Driver,
        spec: RouteSpec,
        episode: int,
        seed: int,
        listener: Listener | None = None,
        max_decisions: int | None = None,
    ) -> EpisodeRecord:
        """Drive one episode to its end, or until `max_decisions` were executed (then it is truncated)."""
        listener, simulation = listener or Listener(), self.simulation
        route, frame = simulation.begin(spec, episode, seed)
        self._builder.begin(episode, route, frame.stamp_s)
        self._monitor.begin(episode, spec.id, spec.scenario, seed)
        self._controller.reset()
        driver.reset()
        count, held = 0, None
        while True:
            observation = self._builder.observe(frame)
            listener.world(frame, self._monitor.observe(observation, frame.collisions))
            listener.frame(observation)
            if held is not None:
                listener.rewarded(*held, done=False, truncated=False)
                held = None
            if count and count % FRAMES_PER_DECISION == 0:
                held = (count - 1) // FRAMES_PER_DECISION, self._monitor.decision_reward()
            outcome = simulation.outcome
            if outcome is None and max_decisions is not None and count == max_decisions * FRAMES_PER_DECISION:
                outcome = simulation.truncate()
            if outcome is not None:
                break
            ego = observation.ego
            pose = (float(ego[EgoField.X]), float(ego[EgoField.Y]), float(ego[EgoField.YAW]))
            if count % FRAMES_PER_DECISION == 0:
                trajectory, origin, decided_s = driver.decide(observation), pose, observation.stamp_s
                listener.decided(observation)
                speed = float(ego[EgoField.SPEED])
            else:
                odometry = frame.odometry
                pose, speed = (odometry.x, odometry.y, odometry.yaw), odometry.vx
            throttle, steer, brake = self._controller.follow(
                trajectory, origin, pose, observation.stamp_s - decided_s, speed
            )
            frame = simulation.tick(throttle, listener.disturb(steer), brake)
            count += 1
        if count % FRAMES_PER_DECISION:
            held = count // FRAMES_PER_DECISION, self._monitor.decision_reward()
        if held is not None:
            listener.rewarded(*held, done=True, truncated=outcome.truncated)
        simulation.end()
        return self._monitor.finish(
            status=outcome.status,
            route_completion=outcome.route_completion,
            driven_m=outcome.driven_m,
            duration_s=outcome.duration_s,
            truncated=outcome.truncated,
        )
