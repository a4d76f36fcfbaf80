"""The closed loop as the trainer and the evaluator reach it: orders to the world node, answers over topics."""

import time

from craft_msgs.msg import Phase, PhaseStatus

from craft.training.rollouts import (
    EPISODES_PER_PHASE,
    CollectOrder,
    Driven,
    EvaluationOrder,
    OnProgress,
    RolloutError,
)
from craft.training.transition import StepKey
from craft_nodes import qos, topics
from craft_nodes.graph_link import GraphLink

_STRAGGLERS_S = 30.0  # for what is still under way when the world says that a phase is complete


class GraphRollouts(GraphLink):
    """Implements `craft.training.Rollouts` over DDS, with a world node that carries out orders."""

    def __init__(self, node, health, *, role_name: str, family: str, silence_s: float, max_staleness: int):
        """Creates the topics; see `GraphLink`."""
        super().__init__(
            node, health, role_name=role_name, family=family, silence_s=silence_s, max_staleness=max_staleness
        )
        self._phase = 0
        self._status: PhaseStatus | None = None
        self._collecting: CollectOrder | None = None
        self._order = node.create_publisher(Phase, topics.PHASE, qos.LATCHED)
        node.create_subscription(PhaseStatus, topics.PHASE_STATUS, self._on_status, qos.LATCHED)

    def _on_status(self, msg: PhaseStatus):
        self._status, self._heard = msg, time.monotonic()

    def _wants(self, key: StepKey) -> bool:
        if self._collecting is None:
            return False  # an evaluation: nothing is trained on it
        first = self._collecting.first_episode
        return first <= key.episode < first + EPISODES_PER_PHASE

    def _wanted(self, training: bool) -> dict[tuple[str, str], int]:
        return super()._wanted(training) | {(topics.PHASE, "readers"): 1}

    def _check_world(self) -> None:
        status = self._status
        if status is not None and status.error and status.phase == self._phase:
            raise RolloutError(f"the world node stopped: {status.error}")

    def wait_for_graph(self, training: bool):
        """See `GraphLink`."""
        super().wait_for_graph(training)
        if self._status is not None:  # a world that was there before this node: go on counting its orders
            self._phase = self._status.phase

    # ---- Rollouts -------------------------------------------------------------------------------------------------

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
        dropped = self._take_dropped()
        if self._status.control_timeouts:
            dropped["frame without control"] = self._status.control_timeouts
        return Driven(
            records=self._judged(),
            transitions=transitions,
            dropped=dropped,
            frames=self._status.frames,
            wall_s=self._status.wall_time,
        )
