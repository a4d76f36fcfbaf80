"""The closed loop as seen over DDS: the parts of transitions come in, weights go out. No order is given here."""

import array
import time
from collections import Counter
from collections.abc import Callable

from craft_msgs.msg import CandidateReturns as CandidateReturnsMsg
from craft_msgs.msg import Decision, PolicyStatus, PolicyWeights
from craft_msgs.msg import EpisodeRecord as EpisodeRecordMsg
from craft_msgs.msg import GroundedReward as GroundedRewardMsg
from rclpy.node import Node

from craft.training import TransitionAssembler, Weights
from craft.training.rollouts import RolloutError
from craft.training.transition import StepKey
from craft_nodes import messages, qos, topics
from craft_nodes.diagnostics import Health
from craft_nodes.execution import make_executor

_DISCOVERY_S = 60.0  # until all other nodes are there (models are loaded, caches are filled)
_SETTLE_S = 0.5  # the others see each other a little later than this node sees them


class GraphLink:
    """What driving by order and driving in an external stack have in common.

    All waiting happens by spinning; nothing blocks a callback.
    """

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
        self._executor = make_executor(node)
        self._policy: PolicyStatus | None = None
        self._records: dict[int, EpisodeRecordMsg] = {}
        self._assembler = TransitionAssembler(max_staleness)
        self._counted: Counter[str] = Counter()
        self._heard = time.monotonic()
        self._weights = node.create_publisher(PolicyWeights, topics.WEIGHTS, qos.LATCHED)
        sub = node.create_subscription
        sub(PolicyStatus, topics.POLICY_STATUS, self._on_policy, qos.LATCHED)
        sub(EpisodeRecordMsg, topics.EPISODE_RECORD, self._on_record, qos.RECORD)
        sub(Decision, topics.DECISION, self._on_decision, qos.RECORD)
        sub(CandidateReturnsMsg, topics.CANDIDATE_RETURNS, self._on_returns, qos.RECORD)
        sub(GroundedRewardMsg, topics.GROUNDED_REWARD, self._on_reward, qos.RECORD)

    # ---- for the two kinds of driving -------------------------------------------------------------------------------

    def _wants(self, key: StepKey) -> bool:
        """Whether this decision belongs to the round that is collected now."""
        raise NotImplementedError

    def _wanted(self, training: bool) -> dict[tuple[str, str], int]:
        """(topic, "readers" or "writers") -> how many the graph must have."""
        return {
            (topics.OBSERVATION, "readers"): 2 + training,
            (topics.DECISION, "readers"): 1 + training,
            (topics.ego(self._role, "odometry"), "readers"): 2,
            (topics.ego(self._role, "odometry"), "writers"): 1,
            (topics.GROUNDED_REWARD, "writers"): 1,
            (topics.CANDIDATE_RETURNS, "writers"): int(training),
        }

    def _check_world(self) -> None:
        """RolloutError when the world has said that it cannot go on."""

    # ---- callbacks ------------------------------------------------------------------------------------------------

    def _on_policy(self, msg: PolicyStatus):
        self._policy = msg

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
        try:
            part = convert()
        except ValueError as error:
            self._health.dropped(f"malformed {name}: {error}")
            return
        if self._wants(part.key):
            self._assembler.add(part)

    # ---- waiting --------------------------------------------------------------------------------------------------

    def _spin_until(self, ready: Callable[[], bool], timeout_s: float, what: str):
        """Spin until `ready()`; RolloutError after `timeout_s` without a sign of life, or when the world gives up."""
        self._heard = time.monotonic()
        while not ready():
            self._executor.spin_once(timeout_sec=0.2)
            self._check_world()
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
        node, wanted = self._node, self._wanted(training)
        counts = {"readers": node.count_subscribers, "writers": node.count_publishers}

        def missing() -> list[str]:
            names = {(node.resolve_topic_name(topic), side): n for (topic, side), n in wanted.items()}
            found = [f"{topic} ({side})" for (topic, side), n in names.items() if counts[side](topic) < n]
            return found + ([] if self._policy else [topics.POLICY_STATUS])

        begin = time.monotonic()
        while missing():
            self._executor.spin_once(timeout_sec=0.2)
            if time.monotonic() - begin > _DISCOVERY_S:
                raise RolloutError(
                    f"after {_DISCOVERY_S:.0f} s still missing: {', '.join(missing())}; are all nodes up?"
                )
        settled = time.monotonic() + _SETTLE_S
        self._spin_until(lambda: time.monotonic() > settled, 10.0, "discovery")

    # ---- weights --------------------------------------------------------------------------------------------------

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

    # ---- results --------------------------------------------------------------------------------------------------

    def _take_dropped(self) -> dict[str, int]:
        """What was dropped since the last call, by reason."""
        dropped = dict(self._assembler.counts - self._counted)
        self._counted = self._assembler.counts.copy()
        return dropped

    def _judged(self) -> list:
        """The episodes judged since `_records` was emptied."""
        return [messages.record_from_msg(self._records[e]) for e in sorted(self._records)]
