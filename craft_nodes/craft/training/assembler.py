"""Joins the parts of transitions, which come from three places in any order."""

from collections import Counter
from dataclasses import dataclass

from craft.training.transition import DecisionPart, ReturnsPart, RewardPart, StepKey, Transition

Part = DecisionPart | ReturnsPart | RewardPart

# Closed keys that are remembered, so that a long run's memory stays bounded. Parts that come even later than that wait
# and are dropped; were all three repeated, the policy version would refuse them.
_REMEMBERED = 100_000

_NAMES = {DecisionPart: "decision", ReturnsPart: "returns", RewardPart: "reward"}


@dataclass(frozen=True)
class Dropped:
    """A transition that is not trained on.

    Attributes:
        key: Which decision.
        reason: Kind of the reason, few different ones: "missing reward", "policy version", "malformed", ...
        detail: One sentence for people.
    """

    key: StepKey
    reason: str
    detail: str


class TransitionAssembler:
    """Keeps parts until all three of a key are there. What it gives does not depend on the order of arrival.

    A key is closed once it was collected or dropped: a part that comes later is counted, and never trained on. So is a
    part that comes twice; the first one counts.

    Attributes:
        counts: How many transitions and parts were not used, by reason; never reset.
    """

    def __init__(self, max_staleness: int = 0):
        """Begins empty, at policy version 0.

        Args:
            max_staleness: How many versions older than the present one a decision's weights may be; 0 is on-policy.
        """
        if max_staleness < 0:
            raise ValueError(f"max_staleness is {max_staleness}, expected 0 or more")
        self.max_staleness = max_staleness
        self.policy_version = 0
        self.counts: Counter[str] = Counter()
        self._open: dict[StepKey, dict[type, Part]] = {}
        self._closed: dict[StepKey, None] = {}  # in the order of closing

    def add(self, part: Part) -> None:
        """Takes one part.

        Raises:
            ValueError: It is none of the three kinds.
        """
        if type(part) not in _NAMES:
            raise ValueError(f"a {type(part).__name__} is no part of a transition")
        if part.key in self._closed:
            self.counts[f"late {_NAMES[type(part)]}"] += 1
            return
        parts = self._open.setdefault(part.key, {})
        if type(part) in parts:
            self.counts[f"repeated {_NAMES[type(part)]}"] += 1
            return
        parts[type(part)] = part

    @property
    def ready(self) -> int:
        """Transitions that have all of their parts."""
        return sum(len(parts) == len(_NAMES) for parts in self._open.values())

    @property
    def incomplete(self) -> int:
        """Transitions that wait for a part."""
        return len(self._open) - self.ready

    def collect(self) -> tuple[list[Transition], list[Dropped]]:
        """Takes out all transitions that have their parts.

        Returns:
            Those to train on, ordered by key; and those with all parts that are refused: driven by weights of the wrong
            version, or with parts that do not fit each other.
        """
        good, dropped = [], []
        for key in sorted(key for key, parts in self._open.items() if len(parts) == len(_NAMES)):
            parts = self._close(key)
            decision = parts[DecisionPart]
            age = self.policy_version - decision.policy_version
            if not 0 <= age <= self.max_staleness:
                detail = (
                    f"{key}: driven by policy version {decision.policy_version}, now {self.policy_version}, "
                    f"allowed are {self.max_staleness} versions of staleness"
                )
                dropped.append(self._drop(key, "policy version", detail))
                continue
            try:
                good.append(Transition.join(decision, parts[ReturnsPart], parts[RewardPart]))
            except ValueError as error:
                dropped.append(self._drop(key, "malformed", f"{key}: {error}"))
        return good, dropped

    def drop_incomplete(self) -> list[Dropped]:
        """Gives up all transitions that still wait for a part, in the order of their keys."""
        dropped = []
        for key in sorted(key for key, parts in self._open.items() if len(parts) < len(_NAMES)):
            parts = self._close(key)
            missing = " and ".join(name for kind, name in _NAMES.items() if kind not in parts)
            dropped.append(self._drop(key, f"missing {missing}", f"{key}: no {missing} arrived"))
        return dropped

    def _close(self, key: StepKey) -> dict[type, Part]:
        self._closed[key] = None
        if len(self._closed) > _REMEMBERED:
            del self._closed[next(iter(self._closed))]
        return self._open.pop(key)

    def _drop(self, key: StepKey, reason: str, detail: str) -> Dropped:
        self.counts[reason] += 1
        return Dropped(key, reason, detail)
