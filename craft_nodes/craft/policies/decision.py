"""One decision: sampled from the policy in training, its top-1 in evaluation."""

import hashlib
from dataclasses import dataclass
from enum import Enum

import torch

from craft.policies.batch import ObservationBatch
from craft.policies.contract import Policy
from craft.scene import Observation
from craft.scene.candidates import Candidates
from craft.scene.timing import FRAMES_PER_DECISION


class DecisionMode(Enum):
    """How a candidate is chosen."""

    SAMPLE = "sample"  # on-policy collection
    TOP_1 = "top_1"  # evaluation


@dataclass(frozen=True)
class Choice:
    """A decision.

    Attributes:
        index: The chosen candidate.
        log_prob: log pi(index | state) of the softmax over the valid candidates.
        features: float32 [F].
        trajectory: float32 [T, 3], the chosen candidate, ego frame at the time of the observation.
        candidates: All of them; trajectories [G, T, 3], valid [G].
        logits: float32 [G].
    """

    index: int
    log_prob: float
    features: torch.Tensor
    trajectory: torch.Tensor
    candidates: Candidates
    logits: torch.Tensor


@torch.no_grad()
def decide(policy: Policy, observation: Observation, mode: DecisionMode, seed: int) -> Choice:
    """Chooses a candidate for one observation.

    Sampling depends on (seed, episode, decision) alone: not on the process, nor on what arrived before.

    Raises:
        ValueError: The logits are not finite, or no candidate is valid.
    """
    features, candidates = policy.encode(ObservationBatch.from_observations([observation]))
    logits = policy.score(features, candidates)[0]
    if candidates.trajectories.dim() == 4:
        candidates = Candidates(candidates.trajectories[0], candidates.valid[0])
    place = f"episode {observation.episode} frame {observation.frame}"
    unfit = int((~torch.isfinite(logits[candidates.valid])).sum())
    if unfit:
        raise ValueError(
            f"{policy.family} policy version {policy.version}: {unfit} of {int(candidates.valid.sum())} logits are not "
            f"finite at {place}; go back to an earlier version of the weights and lower the learning rate"
        )
    if not candidates.valid.any():
        raise ValueError(f"{policy.family} policy version {policy.version} offers no valid candidate at {place}")
    log_probs = torch.log_softmax(logits.masked_fill(~candidates.valid, -torch.inf), dim=0)
    if mode is DecisionMode.SAMPLE:
        uniform = decision_uniform(seed, observation.episode, observation.frame // FRAMES_PER_DECISION)
        index = sample_index(log_probs, uniform)
    else:
        index = int(log_probs.argmax())
    return Choice(index, float(log_probs[index]), features[0], candidates.trajectories[index], candidates, logits)


def decision_uniform(seed: int, episode: int, step: int) -> float:
    """A number in [0, 1) that depends on its arguments alone, uniform over them (53 bits of their SHA-256)."""
    digest = hashlib.sha256(f"{seed}/{episode}/{step}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53


def sample_index(log_probs: torch.Tensor, uniform: float) -> int:
    """Inverse-transform sampling: the first index whose cumulated probability exceeds `uniform`.

    Args:
        log_probs: [G], -inf where a candidate is invalid; at least one is finite.
        uniform: In [0, 1).
    """
    cumulated = log_probs.double().exp().cumsum(0)
    # Scaled by the last sum, which rounding keeps from being exactly 1.
    index = int(torch.searchsorted(cumulated, torch.tensor(uniform).double() * cumulated[-1], right=True))
    # Rounding can still land on the end; the last candidate with any probability takes it.
    return min(index, int(torch.isfinite(log_probs).nonzero()[-1]))
