"""How fine-tuning reaches the closed loop: over ROS topics, or in one process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from craft.evaluation import EpisodeRecord
from craft.training.learner import Weights
from craft.training.transition import Transition

OnProgress = Callable[[int, int], None]  # (units done, units in all)

EPISODES_PER_PHASE = 10_000  # room between the episode numbers of two phases


class RolloutError(RuntimeError):
    """The closed loop cannot go on; the message names the part and the cure."""


@dataclass(frozen=True)
class CollectOrder:
    """One round of on-policy driving.

    Attributes:
        decisions: Decisions to execute, over all episodes.
        seed: Of the round: choice of routes and seeds of the episodes.
        first_episode: Number of its first episode.
    """

    decisions: int
    seed: int
    first_episode: int


@dataclass(frozen=True)
class EvaluationOrder:
    """Top-1 driving of a suite, in its order.

    Attributes:
        suite: held_out or training.
        episodes: How many; 0: each route once.
        seed: Of the episodes.
        first_episode: Number of the first one.
    """

    suite: str
    episodes: int
    seed: int
    first_episode: int


@dataclass(frozen=True)
class Driven:
    """What driving gave.

    Attributes:
        records: The judged episodes, in their order.
        transitions: Complete ones, ordered by key; none in an evaluation.
        dropped: Transitions and parts that were not used, by reason.
        frames: Simulation frames.
        wall_s: Wall time [s].
    """

    records: Sequence[EpisodeRecord]
    transitions: Sequence[Transition]
    dropped: dict[str, int]
    frames: int
    wall_s: float


class Rollouts(Protocol):
    """The closed loop."""

    def deploy(self, weights: Weights) -> None:
        """Makes the policy drive with these weights; returns when it has confirmed their hash.

        Raises:
            RolloutError: It refused them or did not answer.
        """

    def begin_collecting(self, order: CollectOrder) -> None:
        """Starts a round of collection; where the loop runs in other processes, returns at once."""

    def finish_collecting(self, on_progress: OnProgress) -> Driven:
        """Waits for the round begun last (RolloutError when it cannot be completed)."""

    def evaluate(self, order: EvaluationOrder, on_progress: OnProgress) -> Driven:
        """Drives and judges (RolloutError when it cannot be completed)."""

    def finish(self) -> None:
        """Nothing more will be driven."""
