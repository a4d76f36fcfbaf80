"""The closed loop inside a stack of somebody else's: nobody takes orders, transitions are taken as they come."""

import time

from craft.scene.timing import FRAMES_PER_DECISION
from craft.training.rollouts import CollectOrder, Driven, EvaluationOrder, OnProgress, RolloutError
from craft.training.transition import StepKey
from craft_nodes import topics
from craft_nodes.graph_link import GraphLink

MAX_STALENESS = 1  # the vehicle goes on driving while the weights are updated, with weights one version old


class ExternalRollouts(GraphLink):
    """Implements `craft.training.Rollouts` but for evaluations: nobody can place the vehicle on held-out routes.

    A round is complete when enough transitions are. Seeds and episode numbers of the order mean nothing here.
    """

    def __init__(self, node, health, *, role_name: str, family: str, silence_s: float):
        """Creates the topics; see `GraphLink`."""
        super().__init__(
            node, health, role_name=role_name, family=family, silence_s=silence_s, max_staleness=MAX_STALENESS
        )
        self._order: CollectOrder | None = None
        self._began = 0.0  # wall time [s]
        self._decisions: set[StepKey] = set()

    def _wants(self, key: StepKey) -> bool:
        if self._order is None:
            return False
        self._decisions.add(key)
        return True

    def begin_collecting(self, order: CollectOrder) -> None:
        """See `craft.training.rollouts.Rollouts`."""
        if self._order is None:
            self._began = time.monotonic()
        self._order = order

    def finish_collecting(self, on_progress: OnProgress) -> Driven:
        """See `craft.training.rollouts.Rollouts`."""
        wanted = self._order.decisions

        def enough():
            on_progress(min(self._assembler.ready, wanted), wanted)
            return self._assembler.ready >= wanted

        self._spin_until(
            enough, self._silence_s, f"decisions; does the stack publish a route on {self._waypoints()} and drive it?"
        )
        transitions, _ = self._assembler.collect()
        self._assembler.drop_incomplete()
        now = time.monotonic()
        driven = Driven(
            records=self._judged(),
            transitions=transitions,
            dropped=self._take_dropped(),
            frames=len(self._decisions) * FRAMES_PER_DECISION,
            wall_s=now - self._began,
        )
        self._began = now
        self._records.clear()
        self._decisions.clear()
        return driven

    def evaluate(self, order: EvaluationOrder, on_progress: OnProgress) -> Driven:
        """Refused with a RolloutError."""
        raise RolloutError("an external stack takes no orders to evaluate; use world carla_light or carla for that")

    def finish(self) -> None:
        """See `craft.training.rollouts.Rollouts`; the vehicle goes on driving with the last weights."""

    def _waypoints(self) -> str:
        return self._node.resolve_topic_name(topics.ego(self._role, "waypoints"))
