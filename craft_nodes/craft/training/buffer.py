"""The rollout buffer: whole transitions in, one round's tensors out."""

from collections.abc import Iterable

import numpy as np
import torch

from craft.algorithm.rollout import RolloutBatch
from craft.scene.candidates import Candidates
from craft.training.transition import StepKey, Transition


class RolloutBuffer:
    """Gathers the transitions of a round. What it gives depends on the transitions, not on their order of arrival."""

    def __init__(self, capacity: int, vocabulary: Candidates | None = None):
        """Begins empty.

        Args:
            capacity: Transitions of a training round (B).
            vocabulary: The candidates [G, T, 3] of all states; None where every transition brings its own.
        """
        if capacity < 1:
            raise ValueError(f"the rollout buffer's capacity is {capacity}, expected 1 or more")
        self.capacity = capacity
        self.vocabulary = vocabulary
        self._transitions: dict[StepKey, Transition] = {}

    def __len__(self) -> int:
        return len(self._transitions)

    @property
    def full(self) -> bool:
        """Enough for a round."""
        return len(self) >= self.capacity

    def extend(self, transitions: Iterable[Transition]) -> None:
        """Adds transitions.

        Raises:
            ValueError: A transition is already here, or brings (lacks) candidates where a vocabulary is (is not) used.
        """
        for transition in transitions:
            if transition.key in self._transitions:
                raise ValueError(f"the transition of {transition.key} is already in the buffer")
            if (transition.trajectories is None) != (self.vocabulary is not None):
                has = "no candidates of its own" if transition.trajectories is None else "candidates of its own"
                uses = "no vocabulary" if self.vocabulary is None else "a vocabulary"
                raise ValueError(f"the transition of {transition.key} has {has}, though the policy uses {uses}")
            self._transitions[transition.key] = transition

    def take(self) -> RolloutBatch:
        """Empties the buffer into one batch, ordered by worker, episode and step.

        Raises:
            ValueError: The buffer is empty, or the transitions' shapes differ.
        """
        if not self._transitions:
            raise ValueError("the rollout buffer is empty: no transition of this round was complete")
        rows = [self._transitions[key] for key in sorted(self._transitions)]
        self._transitions = {}
        valid = _stack("valid", rows)
        candidates = self.vocabulary
        if candidates is None:
            candidates = Candidates(_stack("trajectories", rows), valid)
        return RolloutBatch(
            features=_stack("features", rows),
            candidates=candidates,
            valid=valid,
            returns=_stack("returns", rows),
            returns_valid=_stack("returns_valid", rows),
            selected=torch.tensor([row.selected for row in rows], dtype=torch.int64),
            old_log_prob=torch.tensor([row.log_prob_old for row in rows], dtype=torch.float32),
            reward=torch.tensor([row.reward for row in rows], dtype=torch.float32),
            last=torch.tensor(_last_of_its_stretch(rows)),
            event=torch.tensor([bool(row.events) for row in rows]),
        )


def _stack(name: str, rows: list[Transition]) -> torch.Tensor:
    arrays = [getattr(row, name) for row in rows]
    for row, array in zip(rows, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise ValueError(
                f"{name} of {row.key} has shape {list(array.shape)}, of {rows[0].key} {list(arrays[0].shape)}"
            )
    return torch.from_numpy(np.stack(arrays))


def _last_of_its_stretch(rows: list[Transition]) -> list[bool]:
    """Whether the return ends with a row: the episode ended, or the row after it is not the next decision."""
    last = []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        next_key = row.key._replace(step=row.key.step + 1)
        last.append(row.done or row.truncated or following is None or following.key != next_key)
    return last
