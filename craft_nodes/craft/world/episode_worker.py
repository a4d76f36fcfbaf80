"""Drives one episode after the other against a carla_light server of its own: one worker of an evaluation."""

from dataclasses import dataclass

import numpy as np
import torch

import carla_light
from craft.evaluation.trace import Trace
from craft.events import EpisodeRecord, Event
from craft.policies import DecisionMode, load_policy
from craft.scene import Observation
from craft.world.closed_loop import ClosedLoop, PolicyDriver
from craft.world.routes import RouteSpec
from craft.world.simulation import Simulation, WorldConfig
from craft.world.trace_recorder import TraceRecorder
from craft.world.worker_pool import JobError

AGENT = "agent"  # kind of the failures that are the policy's


@dataclass(frozen=True)
class EpisodeJob:
    """One episode to drive.

    Attributes:
        number: Of the episode in its evaluation, from 1.
        spec: The route.
        repetition: How often the route came before in the evaluation.
        seed: Of the episode.
    """

    number: int
    spec: RouteSpec
    repetition: int
    seed: int


@dataclass(frozen=True)
class DrivenEpisode:
    """What driving one gave.

    Attributes:
        record: As judged.
        events: In order.
        begin_s: Stamp of frame 0 [s].
        trace: The vehicle's motion.
    """

    record: EpisodeRecord
    events: tuple[Event, ...]
    begin_s: float
    trace: Trace


class _Driver(PolicyDriver):
    """Top-1; says of an exception that it is the policy's."""

    def decide(self, observation: Observation) -> np.ndarray:
        """See Driver."""
        try:
            return super().decide(observation)
        except Exception as error:
            raise JobError(AGENT, f"{type(error).__name__}: {error}") from error


class EpisodeWorker:
    """A policy, a server and a closed loop around them.

    Args:
        checkpoint: Folder, or the name of a shipped one.
        opendrive: Path of the OpenDRIVE file that all routes lie on; empty where the server knows their towns.
    """

    def __init__(self, checkpoint: str, opendrive: str = ""):
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        self._driver = _Driver(load_policy(checkpoint), DecisionMode.TOP_1, seed=0)
        self._server = carla_light.Server(port=0).start()
        self._simulation: Simulation | None = None
        self._town, self._opendrive = "", opendrive

    def __call__(self, job: EpisodeJob) -> DrivenEpisode:
        """Drive an episode. What it gives depends on the job alone, not on those before it.

        Raises:
            JobError: The policy failed.
            WorldError: The server stopped answering.
            PlacementError: The route has no room for its scenario.
        """
        if self._town != job.spec.town:
            if self._simulation is not None:
                self._simulation.close()
            self._simulation = Simulation(WorldConfig(port=self._server.port, town=self._opendrive or job.spec.town))
            self._loop, self._town = ClosedLoop(self._simulation), job.spec.town
        recorder = TraceRecorder(lambda: self._simulation.background_ids)
        record = self._loop.drive(self._driver, job.spec, job.number, job.seed, recorder)
        return DrivenEpisode(record, tuple(recorder.events), recorder.begin_s, recorder.trace())

    def close(self) -> None:
        """Leave the server, and end it."""
        if self._simulation is not None:
            self._simulation.close()
        self._server.stop()
