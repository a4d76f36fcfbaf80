"""The closed loop as the trainer and the evaluator reach it: orders to the world node, answers over topics."""

import array
import time
from collections import Counter
from collections.abc import Callable

from craft_msgs.msg import CandidateReturns as CandidateReturnsMsg
from craft_msgs.msg import CandidateSet, Decision, Phase, PhaseStatus, PolicyStatus, PolicyWeights
from craft_msgs.msg import EpisodeRecord as EpisodeRecordMsg
from craft_msgs.msg import GroundedReward as GroundedRewardMsg
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from craft.training import TransitionAssembler, Weights
from craft.training.rollouts import (
    EPISODES_PER_PHASE,
    CollectOrder,
    Driven,
    EvaluationOrder,
    OnProgress,
    RolloutError,
)
from craft_nodes import messages, qos, topics
from craft_nodes.diagnostics import Health

_DISCOVERY_S = 60.0  # until all other nodes are there (models are loaded, caches are filled)
_SETTLE_S = 0.5  # the others see each other a little later than this node sees them
_STRAGGLERS_S = 30.0  # for what is still under way when the world says that a phase is complete


class GraphRollouts:
    """Implements `craft.training.Rollouts` over DDS. All waiting happens by spinning; nothing blocks a callback."""

    def __init__(
        self, node: Node, health: Health, *, role_name: str, family: str, silence_s: float, max_staleness: int
    ):
        """Creates the topics.

        Args:
            node: The node that owns them.
            health: Its diagnostics.
            role_name: Of the ego vehicle.
            family: Policy family of the weights.
            silence_s: Without any sign of life for this long (wall time), the run ends with an error.
            max_staleness: Versions that a transition's weights may be old; 0 in strict mode.
        """
        self._node, self._health, self._silence_s = node, health, silence_s
        self._role, self._family = role_name, family
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._phase, self._next_episode = 0, 1
        self._status: PhaseStatus | None = None
        self._policy: PolicyStatus | None = None
        self._vocabulary: CandidateSet | None = None
        self._records: dict[int, EpisodeRecordMsg] = {}
        self._assembler = TransitionAssembler(max_staleness)
        self._counted: Counter[str] = Counter()
        self._collecting: CollectOrder | None = None
        self._heard = time.monotonic()
        self._order = node.create_publisher(Phase, topics.PHASE, qos.LATCHED)
        self._weights = node.create_publisher(PolicyWeights, topics.WEIGHTS, qos.LATCHED)
        sub = node.create_subscription
        sub(PhaseStatus, topics.PHASE_STATUS, self._on_status, qos.LATCHED)
        sub(PolicyStatus, topics.POLICY_STATUS, self._on_policy, qos.LATCHED)
        sub(CandidateSet, topics.VOCABULARY, self._on_vocabulary, qos.LATCHED)
        sub(EpisodeRecordMsg, topics.EPISODE_RECORD, self._on_record, qos.RECORD)
        sub(Decision, topics.DECISION, self._on_decision, qos.RECORD)
        sub(CandidateReturnsMsg, topics.CANDIDATE_RETURNS, self._on_returns, qos.RECORD)
        sub(GroundedRewardMsg, topics.GROUNDED_REWARD, self._on_reward, qos.RECORD)

    # ---- callbacks ------------------------------------------------------------------------------------------------

    def _on_status(self, msg: PhaseStatus):
        self._status, self._heard = msg, time.monotonic()

    def _on_policy(self, msg: PolicyStatus):
        self._policy = msg

    def _on_vocabulary(self, msg: CandidateSet):
        self._vocabulary = msg

    def _on_record(self, msg: EpisodeRecordMsg):
        self._records[msg.episode] = msg
        self._heard = time.monotonic()

    def _on_decision(self, msg: Decision):
        self._heard = time.monotonic()
        self._add(lambda: messages.decision_part(msg), "decision")

    def _on_returns(self, msg: CandidateReturnsMsg):
        self._add(lambda: messages.returns_part(msg), "candidate returns")

    def _on_reward(self, msg: GroundedRewardMsg):
        self._add(lambda: messages.reward_part(msg), "grounded reward")

    def _add(self, convert: Callable, name: str):
        self._health.received(name)
        if self._collecting is None:
            return  # an evaluation: nothing is trained on it
        try:
            part = convert()
        except ValueError as error:
            self._health.dropped(f"malformed {name}: {error}")
            return
        first = self._collecting.first_episode
        if first <= part.key.episode < first + EPISODES_PER_PHASE:
            self._assembler.add(part)

    # ---- waiting --------------------------------------------------------------------------------------------------

    def _spin_until(self, ready: Callable[[], bool], timeout_s: float, what: str):
        """Spin until `ready()`; RolloutError after `timeout_s` without a sign of life, or when the world gives up."""
        self._heard = time.monotonic()
        while not ready():
            self._executor.spin_once(timeout_sec=0.2)
            status = self._status
            if status is not None and status.error and status.phase == self._phase:
                raise RolloutError(f"the world node stopped: {status.error}")
            if time.monotonic() - self._heard > timeout_s:
                raise RolloutError(
                    f"nothing was heard for {timeout_s:.0f} s while waiting for {what}; "
                    "see /diagnostics and the nodes' log files, then resume the run"
                )

    def wait_for_graph(self, training: bool):
        """Return when all other nodes are there and see each other.

        Args:
            training: Whether the counterfactual node belongs to the graph.

        Raises:
            RolloutError: One is missing; says which topic has no reader or writer.
        """
        node, role = self._node, self._role
        wanted = {
            (topics.OBSERVATION, "readers"): 2 + training,
            (topics.DECISION, "readers"): 1 + training,
            (topics.PHASE, "readers"): 1,
            (topics.ego(role, "odometry"), "readers"): 2,
            (topics.ego(role, "odometry"), "writers"): 1,
            (topics.GROUNDED_REWARD, "writers"): 1,
            (topics.CANDIDATE_RETURNS, "writers"): int(training),
        }

        def missing() -> list[str]:
            counts = {"readers": node.count_subscribers, "writers": node.count_publishers}
            found = [f"{topic} ({side})" for (topic, side), n in wanted.items() if counts[side](topic) < n]
            return found + ([] if self._policy else [topics.POLICY_STATUS])

        begin = time.monotonic()
        while missing():
            self._executor.spin_once(timeout_sec=0.2)
            if time.monotonic() - begin > _DISCOVERY_S:
                raise RolloutError(
                    f"after {_DISCOVERY_S:.0f} s still missing: {', '.join(missing())}; are all nodes up?"
                )
        if self._status is not None:  # a world that was there before this node: go on counting its orders
            self._phase = self._status.phase
        settled = time.monotonic() + _SETTLE_S
        self._spin_until(lambda: time.monotonic() > settled, 10.0, "discovery")

    # ---- Rollouts -------------------------------------------------------------------------------------------------

    def deploy(self, weights: Weights) -> None:
        """See `craft.training.rollouts.Rollouts`."""
        msg = PolicyWeights(version=weights.version, family=self._family, sha256=weights.sha256)
        msg.safetensors = array.array("B", weights.safetensors)
        self._weights.publish(msg)

        def confirmed():
            refused = self._policy is not None and self._policy.refused
            if refused and refused.startswith(f"version {weights.version}:"):
                raise RolloutError(f"the policy node refused the weights: {refused}")
            return self._policy is not None and self._policy.sha256 == weights.sha256

        self._spin_until(confirmed, self._silence_s, f"the policy node to take weights version {weights.version}")
        self._assembler.policy_version = weights.version

    def begin_collecting(self, order: CollectOrder) -> None:
        """See `craft.training.rollouts.Rollouts`."""
        self._collecting = order
        self._records.clear()
        self._give(Phase.COLLECT, "training", order.seed, order.first_episode, decisions=order.decisions)

    def finish_collecting(self, on_progress: OnProgress) -> Driven:
        """See `craft.training.rollouts.Rollouts`."""
        order = self._collecting
        assembler = self._assembler

        def complete():
            on_progress(min(assembler.ready, order.decisions), order.decisions)
            return self._complete()

        self._spin_until(complete, self._silence_s, "the world to drive")
        done = self._status
        deadline = time.monotonic() + _STRAGGLERS_S
        self._spin_until(
            lambda: (
                (assembler.ready >= done.decisions and len(self._records) >= done.episodes)
                or time.monotonic() > deadline
            ),
            2 * _STRAGGLERS_S,
            "candidate returns and rewards",
        )
        transitions, _ = assembler.collect()
        assembler.drop_incomplete()
        on_progress(len(transitions), order.decisions)
        return self._driven(transitions)

    def evaluate(self, order: EvaluationOrder, on_progress: OnProgress) -> Driven:
        """See `craft.training.rollouts.Rollouts`."""
        self._collecting = None
        self._records.clear()
        self._give(Phase.EVALUATE, order.suite, order.seed, order.first_episode, episodes=order.episodes)

        def complete():
            if self._status is not None and self._status.phase == self._phase:
                on_progress(len(self._records), self._status.episodes_planned)
            return self._complete() and len(self._records) >= self._status.episodes

        self._spin_until(complete, self._silence_s, "the world to drive the evaluation")
        return self._driven([])

    def finish(self) -> None:
        """See `craft.training.rollouts.Rollouts`."""
        self._give(Phase.FINISH, "", 0, 0)
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            self._executor.spin_once(timeout_sec=0.05)

    # ---- helpers --------------------------------------------------------------------------------------------------

    def _give(self, mode: int, suite: str, seed: int, first_episode: int, *, decisions: int = 0, episodes: int = 0):
        self._phase += 1
        order = Phase(phase=self._phase, mode=mode, suite=suite, seed=seed, first_episode=first_episode)
        order.decisions, order.episodes = decisions, episodes
        order.header.stamp = self._node.get_clock().now().to_msg()
        self._order.publish(order)

    def _complete(self) -> bool:
        return self._status is not None and self._status.phase == self._phase and self._status.complete

    def _driven(self, transitions) -> Driven:
        dropped = dict(self._assembler.counts - self._counted)
        self._counted = self._assembler.counts.copy()
        if self._status.control_timeouts:
            dropped["frame without control"] = self._status.control_timeouts
        return Driven(
            records=[messages.record_from_msg(self._records[e]) for e in sorted(self._records)],
            transitions=transitions,
            dropped=dropped,
            frames=self._status.frames,
            wall_s=self._status.wall_time,
        )
