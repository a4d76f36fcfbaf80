"""One on-policy transition, and the three parts that it arrives in."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class StepKey(NamedTuple):
    """Which decision of a run this is; keys sort by worker, then episode, then time.

    Attributes:
        worker: Which simulator it comes from.
        episode: Number of the episode, unique in a run, from 1.
        step: Decision in the episode, from 0.
    """

    worker: int
    episode: int
    step: int

    def __str__(self) -> str:
        return f"worker {self.worker}, episode {self.episode}, step {self.step}"


@dataclass(frozen=True)
class DecisionPart:
    """What the policy saw, could do and chose. Written by the policy.

    Attributes:
        key: Which decision.
        features: float32 [F] of the frozen encoder.
        trajectories: float32 [G, T, 3] of this state's own candidates; None where the policy has one vocabulary.
        valid: bool [G].
        selected: Index of the executed candidate.
        log_prob: log pi_old(selected).
        policy_version: Version of the weights in use.
    """

    key: StepKey
    features: np.ndarray
    trajectories: np.ndarray | None
    valid: np.ndarray
    selected: int
    log_prob: float
    policy_version: int


@dataclass(frozen=True)
class ReturnsPart:
    """What the counterfactual world makes of every candidate.

    Attributes:
        key: Which decision.
        returns: float32 [G].
        valid: bool [G], the candidates that were judged.
    """

    key: StepKey
    returns: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class RewardPart:
    """What came of the decision when it was executed. Written by the event monitor.

    Attributes:
        key: Which decision.
        reward: Grounded reward.
        events: Kinds of the events that it is made of.
        done: The episode ended here.
        truncated: It ended for want of time, not by its own doing.
    """

    key: StepKey
    reward: float
    events: tuple[int, ...]
    done: bool
    truncated: bool


@dataclass(frozen=True)
class Transition:
    """A whole decision: nothing of it is missing, and everything fits.

    Attributes:
        key: Which decision.
        features: float32 [F].
        trajectories: float32 [G, T, 3], or None where the policy has one vocabulary.
        valid: bool [G], candidates that the policy chose from.
        selected: Index of the executed candidate.
        log_prob_old: log pi_old(selected).
        policy_version: Version of the weights that drove.
        returns: float32 [G] counterfactual returns.
        returns_valid: bool [G], candidates that the counterfactual world judged.
        reward: Grounded reward.
        events: Kinds of the events that the reward is made of.
        done: The episode ended here.
        truncated: It ended for want of time, not by its own doing.
    """

    key: StepKey
    features: np.ndarray
    trajectories: np.ndarray | None
    valid: np.ndarray
    selected: int
    log_prob_old: float
    policy_version: int
    returns: np.ndarray
    returns_valid: np.ndarray
    reward: float
    events: tuple[int, ...]
    done: bool
    truncated: bool

    def __post_init__(self):
        if self.valid.ndim != 1 or self.valid.dtype != np.bool_:
            raise ValueError(f"valid is {self.valid.dtype}{list(self.valid.shape)}, expected bool[G]")
        group = len(self.valid)
        for name, dtype in (("returns", np.float32), ("returns_valid", np.bool_)):
            array = getattr(self, name)
            if array.shape != (group,) or array.dtype != dtype:
                raise ValueError(f"{name} is {array.dtype}{list(array.shape)}, expected {np.dtype(dtype)}[{group}]")
        if self.features.ndim != 1 or self.features.dtype != np.float32:
            raise ValueError(f"features is {self.features.dtype}{list(self.features.shape)}, expected float32[F]")
        if self.trajectories is not None:
            shape = self.trajectories.shape
            if len(shape) != 3 or shape[0] != group or shape[2] != 3 or self.trajectories.dtype != np.float32:
                raise ValueError(
                    f"trajectories is {self.trajectories.dtype}{list(shape)}, expected float32[{group}, T, 3]"
                )
        if (self.returns_valid & ~self.valid).any():
            raise ValueError("returns were given for candidates that are not valid")
        if not (0 <= self.selected < group and self.valid[self.selected]):
            raise ValueError(f"the selected candidate {self.selected} is not one of the valid ones")
        finite = {
            "features": self.features,
            "returns": self.returns[self.returns_valid],
            "log_prob_old": self.log_prob_old,
            "reward": self.reward,
        }
        for name, value in finite.items():
            if not np.isfinite(value).all():
                raise ValueError(f"{name} is not finite")
        if self.log_prob_old > 1e-4:  # log of a probability, with room for rounding
            raise ValueError(f"log_prob_old is {self.log_prob_old}, above log 1")

    @classmethod
    def join(cls, decision: DecisionPart, returns: ReturnsPart, reward: RewardPart) -> "Transition":
        """The transition that three parts of one key make.

        Raises:
            ValueError: Naming what does not fit.
        """
        return cls(
            key=decision.key,
            features=decision.features,
            trajectories=decision.trajectories,
            valid=decision.valid,
            selected=decision.selected,
            log_prob_old=decision.log_prob,
            policy_version=decision.policy_version,
            returns=returns.returns,
            returns_valid=returns.valid,
            reward=reward.reward,
            events=reward.events,
            done=reward.done,
            truncated=reward.truncated,
        )
