"""Fine-tuning's closed loop in one process: no DDS, the same core. What studies and tests are made with."""

import time
from collections.abc import Sequence

import numpy as np
import torch

from craft.counterfactual import CounterfactualWorld, Scene
from craft.events import GroundedReward
from craft.policies import DecisionMode, Policy
from craft.scene import Observation
from craft.scene.candidates import Candidates
from craft.scene.timing import FRAME_DT_S, FRAMES_PER_DECISION
from craft.training import DecisionPart, ReturnsPart, RewardPart, StepKey, Transition, Weights
from craft.training.rollouts import CollectOrder, Driven, EvaluationOrder, OnProgress
from craft.world.closed_loop import ClosedLoop, Listener, PolicyDriver
from craft.world.routes import RouteSpec
from craft.world.schedule import schedule

_SCORED_TOGETHER = 64  # states handed to the counterfactual world at a time


class _Parts(Listener):
    """Gathers the decisions and rewards of one episode."""

    def __init__(self, driver: PolicyDriver, version: int):
        self._driver, self._version = driver, version
        self.observations: list[Observation] = []
        self.decisions: list[DecisionPart] = []
        self.rewards: dict[int, RewardPart] = {}

    def decided(self, observation: Observation) -> None:
        choice = self._driver.choice
        shared = self._driver.policy.vocabulary is not None
        self.observations.append(observation)
        self.decisions.append(
            DecisionPart(
                key=StepKey(0, observation.episode, observation.frame // FRAMES_PER_DECISION),
                features=choice.features.numpy(),
                trajectories=None if shared else choice.candidates.trajectories.numpy(),
                valid=choice.candidates.valid.numpy(),
                selected=choice.index,
                log_prob=choice.log_prob,
                policy_version=self._version,
            )
        )

    def rewarded(self, step: int, reward: GroundedReward, done: bool, truncated: bool) -> None:
        key = self.decisions[step].key
        self.rewards[step] = RewardPart(key, float(reward.reward), tuple(map(int, reward.events)), done, truncated)


class InProcessRollouts:
    """Implements `craft.training.rollouts.Rollouts` around one ClosedLoop."""

    def __init__(
        self,
        loop: ClosedLoop,
        policy: Policy,
        counterfactual: CounterfactualWorld,
        suites: dict[str, Sequence[RouteSpec]],
        seed: int,
    ):
        """Args: `suites` has "training" and "held_out"; `seed` is the sampling's; `policy` is the one being trained."""
        self._loop, self._policy, self._counterfactual = loop, policy, counterfactual
        self._suites, self._seed = suites, seed
        self._order: CollectOrder | None = None
        self._version = 0

    def deploy(self, weights: Weights) -> None:
        """The learner changes the very policy that drives; only the version is noted."""
        self._version = weights.version

    def begin_collecting(self, order: CollectOrder) -> None:
        """See `craft.training.rollouts.Rollouts`; the driving happens in `finish_collecting`."""
        self._order = order

    def finish_collecting(self, on_progress: OnProgress) -> Driven:
        """See `craft.training.rollouts.Rollouts`."""
        order, begin = self._order, time.monotonic()
        driver = PolicyDriver(self._policy, DecisionMode.SAMPLE, self._seed)
        records, transitions = [], []
        for number, (spec, seed) in enumerate(schedule(self._suites["training"], order.seed, in_order=False)):
            left = order.decisions - len(transitions)
            if left <= 0:
                break
            parts = _Parts(driver, self._version)
            records.append(self._loop.drive(driver, spec, order.first_episode + number, seed, parts, left))
            transitions += self._join(parts)
            on_progress(len(transitions), order.decisions)
        return Driven(records, transitions, {}, _frames(records), time.monotonic() - begin)

    def _join(self, parts: _Parts) -> list[Transition]:
        joined = []
        for at in range(0, len(parts.decisions), _SCORED_TOGETHER):
            decisions = parts.decisions[at : at + _SCORED_TOGETHER]
            scene = Scene.from_observations(self._loop.road, parts.observations[at : at + _SCORED_TOGETHER])
            candidates = self._policy.vocabulary or _own_candidates(decisions)
            result = self._counterfactual.evaluate(scene, candidates)
            for i, decision in enumerate(decisions):
                returns = ReturnsPart(decision.key, result.returns[i].numpy(), result.valid[i].numpy())
                joined.append(Transition.join(decision, returns, parts.rewards[decision.key.step]))
        return joined

    def evaluate(self, order: EvaluationOrder, on_progress: OnProgress) -> Driven:
        """See `craft.training.rollouts.Rollouts`."""
        begin, routes = time.monotonic(), self._suites[order.suite]
        driver = PolicyDriver(self._policy, DecisionMode.TOP_1, self._seed)
        count, records = order.episodes or len(routes), []
        for number, (spec, seed) in zip(range(count), schedule(routes, order.seed, in_order=True), strict=False):
            records.append(self._loop.drive(driver, spec, order.first_episode + number, seed))
            on_progress(len(records), count)
        return Driven(records, [], {}, _frames(records), time.monotonic() - begin)

    def finish(self) -> None:
        """Nothing to end; the simulation belongs to the caller."""


def _own_candidates(decisions: Sequence[DecisionPart]) -> Candidates:
    return Candidates(
        torch.from_numpy(np.stack([d.trajectories for d in decisions])),
        torch.from_numpy(np.stack([d.valid for d in decisions])),
    )


def _frames(records) -> int:
    return round(sum(record.duration_s for record in records) / FRAME_DT_S)
