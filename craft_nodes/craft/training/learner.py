"""The learner: rounds of on-policy transitions in, versions of weights out."""

import copy
import hashlib
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from craft.algorithm import (
    CraftConfig,
    CraftObjective,
    EmaTeacher,
    NotFiniteError,
    RolloutBatch,
    coefficient_of_variation,
    craft_update,
)
from craft.training.schedule import learning_rate

_VARIATION_OF = ("expected_advantage", "reverse_kl", "forward_kl")  # CRAFT's measures of stability


class TrainablePolicy(Protocol):
    """The part of `craft.policies.Policy` that the learner needs."""

    @property
    def trainable(self) -> nn.Module:
        """(features [B, F], candidates) -> logits [B, G]."""

    def trainable_bytes(self) -> bytes:
        """The weights of `trainable` as the bytes of a safetensors file."""


@dataclass(frozen=True)
class LearnerConfig:
    """How the objective is minimised. Values are the paper's where a source is given.

    Attributes:
        rounds: Training rounds of the run; the learning rate ends with the last one.
        epochs: Passes over a round's transitions.
        minibatch_size: States of one optimiser step; also bounds the memory.
        learning_rate: At the beginning.
        final_learning_rate: At the end.
        weight_decay: Of AdamW.
        max_grad_norm: The gradient's global norm is clipped to it.
        seed: Of the minibatches' order.
        craft: Coefficients of the objective.
    """

    rounds: int = 12  # [-] ours: what fits the default run
    epochs: int = 4  # [-] ours: the clipped ratio is made for a few passes
    minibatch_size: int = 64  # [states] ours: enough steps of the optimiser in few rounds
    learning_rate: float = 3e-4  # [-] ours: the paper's 1e-4 is for runs of hours, this one has 12 rounds
    final_learning_rate: float = 5e-6  # [-] CRAFT, training details
    weight_decay: float = 1e-5  # [-] CRAFT, training details
    max_grad_norm: float = 0.5  # [-] CRAFT, training details
    seed: int = 0  # [-]
    craft: CraftConfig = field(default_factory=CraftConfig)

    def __post_init__(self):
        wrong = [
            f"{name} is {getattr(self, name)}, expected 1 or more"
            for name in ("rounds", "epochs", "minibatch_size")
            if not getattr(self, name) >= 1
        ]
        if not 0.0 < self.final_learning_rate <= self.learning_rate < math.inf:
            wrong.append(
                f"learning rates are {self.learning_rate} and finally {self.final_learning_rate}, "
                "expected 0 < final_learning_rate <= learning_rate"
            )
        if not 0.0 <= self.weight_decay < math.inf:
            wrong.append(f"weight_decay is {self.weight_decay}, expected 0 or more")
        if not 0.0 < self.max_grad_norm < math.inf:
            wrong.append(f"max_grad_norm is {self.max_grad_norm}, expected a positive number")
        if not 0 <= self.seed < 2**63:
            wrong.append(f"seed is {self.seed}, expected 0 or more, below 2^63")
        if wrong:
            raise ValueError("LearnerConfig: " + "; ".join(wrong))


@dataclass(frozen=True)
class Weights:
    """One version of the trainable weights.

    Attributes:
        version: Rises by one with every training round; 0 is the pre-trained one.
        safetensors: The file's bytes.
        sha256: Their hash, hexadecimal.
    """

    version: int
    safetensors: bytes
    sha256: str


@dataclass(frozen=True)
class RoundReport:
    """What a training round did.

    Attributes:
        round: Number of the round, from 1; also the version of the weights that it made.
        metrics: Name -> value, all finite; a value that is not defined for this round is absent.
        skipped: Why the round changed nothing; empty if it did.
    """

    round: int
    metrics: dict[str, float]
    skipped: str


class Learner:
    """Fine-tunes the trainable part of a policy, round by round.

    The teacher is an average over rounds, as in the paper's Algorithm 1: it moves once, after the round's last step of
    the optimiser. Equal transitions, configuration and pre-trained weights give equal weights, bit for bit, on one
    machine.

    Attributes:
        policy: The policy; its trainable part is changed in place.
        teacher: EMA of the trainable part.
        round: Training rounds done; also the version of the weights.
    """

    def __init__(self, policy: TrainablePolicy, config: LearnerConfig):
        """Begins at round 0 with the policy's present, pre-trained weights."""
        self.policy = policy
        self.config = config
        self.round = 0
        self.teacher = EmaTeacher(policy.trainable, config.craft.teacher_momentum)
        self._objective = CraftObjective(config.craft)
        self._parameters = [p for p in policy.trainable.parameters() if p.requires_grad]
        self._optimiser = torch.optim.AdamW(self._parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
        self._order = torch.Generator().manual_seed(config.seed)
        self._history: dict[str, list[float]] = {name: [] for name in _VARIATION_OF}

    def update(self, batch: RolloutBatch) -> RoundReport:
        """One training round: `epochs` passes over the transitions.

        Where a logit, a loss or a gradient is not finite, everything is put back to what it was before the round, the
        round is skipped, and the report says why. The version rises nevertheless, so that the collectors go on.

        Raises:
            ValueError: All rounds were done, or the batch does not fit the policy.
        """
        if self.round >= self.config.rounds:
            raise ValueError(f"all {self.config.rounds} training rounds are done; raise `rounds` for a longer run")
        before = copy.deepcopy(self._learnt())
        minibatches = self._minibatches(len(batch))
        metrics = {
            "transitions": float(len(batch)),
            "event_share": float(batch.event.float().mean()),
            "reward": float(batch.reward.mean()),
        }
        skipped = ""
        try:
            metrics |= self._run(batch, minibatches)
        except NotFiniteError as error:
            self._put_back(before)
            skipped = (
                f"round {self.round + 1} was skipped, the weights stay as they were: {error}. "
                "If it repeats, lower the learning rate or go back to an earlier checkpoint"
            )
        self.round += 1
        metrics["skipped"] = float(bool(skipped))
        metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}
        return RoundReport(self.round, metrics, skipped)

    def weights(self) -> Weights:
        """The present weights, as they are sent out and stored."""
        data = self.policy.trainable_bytes()
        return Weights(self.round, data, hashlib.sha256(data).hexdigest())

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resume needs."""
        return self._learnt() | {
            "round": self.round,
            "order": self._order.get_state(),
            "torch_rng": torch.get_rng_state(),
            "history": {name: list(values) for name, values in self._history.items()},
            "config": asdict(self.config),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where `state_dict` was taken.

        Raises:
            ValueError: The state is of another configuration or policy.
        """
        here, there = _flat(asdict(self.config)), _flat(state["config"])
        differing = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        if differing:
            listed = ", ".join(f"{name} (run: {there.get(name)}, now: {here.get(name)})" for name in differing)
            raise ValueError(f"the run was begun with another configuration: {listed}; use the run's own, or a new run")
        try:
            self._put_back(state)
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"the checkpoint belongs to another policy: {error}; resume with the run's own") from error
        self.round = state["round"]
        self._order.set_state(state["order"])
        torch.set_rng_state(state["torch_rng"])
        self._history = {name: list(values) for name, values in state["history"].items()}

    def _run(self, batch: RolloutBatch, minibatches: list[Tensor]) -> dict[str, float]:
        steps_done = 0

        def step(loss: Tensor) -> dict[str, float]:
            nonlocal steps_done
            progress = (self.round + steps_done / len(minibatches)) / self.config.rounds
            rate = learning_rate(progress, self.config.learning_rate, self.config.final_learning_rate)
            steps_done += 1
            return {"learning_rate": rate, "gradient_norm": self._step(loss, rate)}

        report = craft_update(
            batch, self.policy.trainable, self.teacher, self._objective, minibatches, self.config.minibatch_size, step
        )
        metrics = {name: math.fsum(s[name] for s in report.steps) / len(report.steps) for name in report.steps[0]}
        for name, history in self._history.items():
            history.append(metrics[name])
            metrics[f"{name}_variation"] = coefficient_of_variation(history)
        return metrics | {
            "updates": float(len(report.steps)),
            "grounded_return": report.grounded_return,
            "alignment_pearson": report.alignment.pearson,
            "alignment_spearman": report.alignment.spearman,
            "alignment_coefficient": report.alignment.coefficient,
        }

    def _step(self, loss: Tensor, rate: float) -> float:
        """One optimiser step; returns the gradient's norm before clipping."""
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self._parameters, self.config.max_grad_norm)
        if not torch.isfinite(norm):
            raise NotFiniteError(f"the gradient's norm is {float(norm)}")
        self._optimiser.step()
        return float(norm)

    def _minibatches(self, size: int) -> list[Tensor]:
        """Row numbers of every optimiser step: a new order in each epoch, parts of nearly equal size."""
        parts = math.ceil(size / self.config.minibatch_size)
        return [
            part
            for _ in range(self.config.epochs)
            for part in torch.randperm(size, generator=self._order).tensor_split(parts)
        ]

    def _learnt(self) -> dict[str, Any]:
        return {
            "trainable": self.policy.trainable.state_dict(),
            "teacher": self.teacher.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }

    def _put_back(self, state: dict[str, Any]) -> None:
        self.policy.trainable.load_state_dict(state["trainable"])
        self.teacher.load_state_dict(state["teacher"])
        self._optimiser.load_state_dict(state["optimiser"])


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for name, value in config.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
