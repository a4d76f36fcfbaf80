"""Counterfactual scoring: every candidate of every training decision gets its return, off the control path."""

import queue
import threading
import time

import numpy as np
import rclpy.node
import torch
from craft_msgs.msg import CandidateReturns as CandidateReturnsMsg
from craft_msgs.msg import CandidateSet, Decision, EpisodeStart
from craft_msgs.msg import Observation as ObservationMsg
from craft_msgs.msg import RoadMap as RoadMapMsg

from craft.counterfactual import CounterfactualConfig, CounterfactualWorld, Scene
from craft.counterfactual.benchmark import warm_up
from craft.scene.candidates import Candidates
from craft.scene.timing import FRAMES_PER_DECISION
from craft_nodes import messages, qos, topics
from craft_nodes.diagnostics import Health
from craft_nodes.parameters import declare, refuse_unknown
from craft_nodes.running import run

_UNPAIRED_KEPT = 64  # observations and decisions that wait for each other; more would only hide a fault


class CounterfactualNode(rclpy.node.Node):
    """Callbacks only pair decisions with observations; one thread scores them in batches as they come."""

    def __init__(self):
        super().__init__("counterfactual")
        threads = declare(self, "threads", 1, "CPU threads of the scoring kernel", low=1, high=256)
        device = declare(self, "device", "cpu", "cpu: the compiled kernel; else the torch device that scores, as cuda")
        self._batch = declare(self, "batch", 16, "states scored together at most", low=1, high=4096)
        capacity = declare(self, "queue", 4096, "decisions that may wait; further ones are dropped", low=1, high=10**6)
        refuse_unknown(self)
        self.health = Health(self)
        self._world = CounterfactualWorld(CounterfactualConfig(), threads=threads, device=device)
        warm_up()
        self._road = None
        self._vocabularies: dict[str, Candidates] = {}
        self._observations: dict[tuple[int, int, int], ObservationMsg] = {}
        self._decisions: dict[tuple[int, int, int], Decision] = {}
        self._evaluation: dict[int, bool] = {}
        self._waiting: queue.Queue = queue.Queue(maxsize=capacity)
        self._returns = self.create_publisher(CandidateReturnsMsg, topics.CANDIDATE_RETURNS, qos.RECORD)
        self.create_subscription(RoadMapMsg, topics.ROAD_MAP, self._on_road_map, qos.LATCHED)
        self.create_subscription(CandidateSet, topics.VOCABULARY, self._on_vocabulary, qos.LATCHED)
        self.create_subscription(EpisodeStart, topics.EPISODE_START, self._on_start, qos.LATCHED)
        self.create_subscription(ObservationMsg, topics.OBSERVATION, self._on_observation, qos.RECORD)
        self.create_subscription(Decision, topics.DECISION, self._on_decision, qos.RECORD)
        self._thread = threading.Thread(target=self._score_forever, name="scoring", daemon=True)
        self._thread.start()

    def close(self):
        """End the scoring thread."""
        self._waiting.put(None)
        self._thread.join(timeout=10.0)

    # ---- callbacks ------------------------------------------------------------------------------------------------

    def _on_road_map(self, msg: RoadMapMsg):
        self._road = messages.road_map_from_msg(msg)

    def _on_vocabulary(self, msg: CandidateSet):
        trajectories, valid = messages.vocabulary_from_msg(msg)
        self._vocabularies[msg.sha256] = Candidates(torch.from_numpy(trajectories.copy()), torch.from_numpy(valid))

    def _on_start(self, msg: EpisodeStart):
        self._evaluation = {msg.episode: msg.evaluation}

    def _on_observation(self, msg: ObservationMsg):
        if msg.frame % FRAMES_PER_DECISION == 0:
            self._pair((msg.worker, msg.episode, msg.frame // FRAMES_PER_DECISION), self._observations, msg)

    def _on_decision(self, msg: Decision):
        self.health.received("decision")
        self._pair((msg.worker, msg.episode, msg.step), self._decisions, msg)

    def _pair(self, key: tuple[int, int, int], waiting: dict, msg):
        """An observation and its decision come from two nodes, in any order."""
        waiting[key] = msg
        if key in self._observations and key in self._decisions:
            self._enqueue(self._decisions.pop(key), self._observations.pop(key))
        elif len(waiting) > _UNPAIRED_KEPT:
            waiting.pop(next(iter(waiting)))
            if waiting is self._decisions:
                self.health.dropped("decision without its observation")

    def _enqueue(self, msg: Decision, observation: ObservationMsg):
        if self._evaluation.get(msg.episode, False):
            return
        if self._road is None:
            self.health.dropped("decision before the road map")
            return
        candidates = self._vocabularies.get(msg.vocabulary_sha256)
        if msg.vocabulary_sha256 and candidates is None:
            self.health.dropped(f"decision with vocabulary {msg.vocabulary_sha256[:8]}, which was not announced")
            return
        if candidates is None:
            shape = (msg.candidates, msg.steps, 3)
            candidates = Candidates(
                torch.from_numpy(messages.from_floats(msg.trajectories, shape, "Decision.trajectories").copy()),
                torch.from_numpy(messages.from_flags(msg.valid, msg.candidates, "Decision.valid")),
            )
        try:
            self._waiting.put_nowait((msg, observation, candidates, self._road))
        except queue.Full:
            self.health.dropped("decision: the scoring queue is full")

    # ---- the scoring thread ---------------------------------------------------------------------------------------

    def _score_forever(self):
        while (first := self._waiting.get()) is not None:
            group = [first]
            while len(group) < self._batch and not self._waiting.empty():
                item = self._waiting.get()
                if item is None:
                    self._waiting.put(None)
                    break
                if item[2] is not first[2] or item[3] is not first[3]:
                    self._score(group)
                    group, first = [], item
                group.append(item)
            self._score(group)

    def _score(self, group):
        begin = time.perf_counter()
        decisions, observations, candidates, roads = zip(*group, strict=True)
        try:
            scene = Scene.from_observations(roads[0], [messages.observation_from_msg(o) for o in observations])
            result = self._world.evaluate(scene, candidates[0])
        except ValueError as error:
            self.health.dropped(f"refused: {error}", len(group))
            return
        for i, decision in enumerate(decisions):
            msg = CandidateReturnsMsg(worker=decision.worker, episode=decision.episode, step=decision.step)
            msg.header, msg.candidates = decision.header, decision.candidates
            msg.returns = messages.floats(result.returns[i].numpy())
            for field in ("valid", "collision", "red_light", "stop_sign"):
                setattr(msg, field, messages.flags(np.asarray(getattr(result, field)[i])))
            self._returns.publish(msg)
        self.health.took((time.perf_counter() - begin) / len(group))


def main():
    """Entry point of `ros2 run craft_nodes counterfactual`."""
    run(CounterfactualNode)
