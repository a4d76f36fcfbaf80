"""Imitation of recorded expert driving: targets, loss, metrics and the training loop of the vocabulary policy."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from craft.policies.dataset import ExpertDataset
from craft.policies.vocabulary.policy import VocabularyPolicy

_VALIDATION_CHUNK = 256  # states scored at once: bounds the memory


@dataclass(frozen=True)
class ImitationConfig:
    """How the pre-trained policy is made. Fewer episodes or epochs make a weaker driver."""

    epochs: int = 10  # passes over the recorded states (ours)
    batch_size: int = 64  # states of one optimiser step (ours)
    learning_rate: float = 2e-3  # at the beginning, decayed to zero along a cosine (ours)
    weight_decay: float = 1e-4  # of AdamW (ours)
    max_grad_norm: float = 1.0  # the gradient's global norm is clipped to it (ours)
    target_sharpness: float = 4.0  # [1/m2] SparseDriveV2: softmax(-4 d), d the squared distance
    label_smoothing: float = 0.05  # share of the target spread over all candidates, so that fine-tuning can still
    # raise those that the expert never took: near probability 0 its gradient vanishes and its KL is too dear (ours)
    validation_share: float = 0.1  # of the episodes, not used for training (ours)
    seed: int = 0  # of the weights, the vocabulary, the split and the order of the states

    def __post_init__(self):
        wrong = [
            f"{name} is {getattr(self, name)}, expected 1 or more"
            for name in ("epochs", "batch_size")
            if not getattr(self, name) >= 1
        ]
        wrong += [
            f"{name} is {getattr(self, name)}, expected a positive number"
            for name in ("learning_rate", "max_grad_norm", "target_sharpness")
            if not 0.0 < getattr(self, name) < math.inf
        ]
        if not 0.0 <= self.label_smoothing < 1.0:
            wrong.append(f"label_smoothing is {self.label_smoothing}, expected 0 or more, below 1")
        if not 0.0 <= self.weight_decay < math.inf:
            wrong.append(f"weight_decay is {self.weight_decay}, expected 0 or more")
        if not 0.0 < self.validation_share < 1.0:
            wrong.append(f"validation_share is {self.validation_share}, expected a number between 0 and 1")
        if wrong:
            raise ValueError("ImitationConfig: " + "; ".join(wrong))


@dataclass(frozen=True)
class ImitationMetrics:
    """How well a policy imitates.

    Attributes:
        divergence: KL from the targets to the policy, mean over states [nat].
        ade_m: Mean distance of the top-1 candidate from the expert over the T points [m].
        fde_m: The same at the last point [m].
        vocabulary_ade_m: `ade_m` of the candidate that is nearest to the expert: what no policy can improve on [m].
        agreement: Share of states whose top-1 candidate is the one nearest to the expert.
    """

    divergence: float
    ade_m: float
    fde_m: float
    vocabulary_ade_m: float
    agreement: float


def squared_distance(futures: torch.Tensor, trajectories: torch.Tensor) -> torch.Tensor:
    """Mean squared distance of positions [B, G] [m2] between futures [B, T, 3] and candidates [G, T, 3]."""
    steps = futures.shape[1]
    return torch.cdist(futures[..., :2].flatten(1), trajectories[..., :2].flatten(1)).square() / steps


def imitation_targets(futures: torch.Tensor, trajectories: torch.Tensor, sharpness: float) -> torch.Tensor:
    """softmax(-sharpness d) over the candidates, [B, G] (SparseDriveV2); d is the squared distance, mean over time."""
    return torch.softmax(-sharpness * squared_distance(futures, trajectories), dim=-1)


def split_episodes(episode: torch.Tensor, share: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows for training and for validation; an episode is in one of the two only.

    Args:
        episode: int64 [N].
        share: Of the episodes, for validation; at least one is.
        seed: Chooses them.

    Raises:
        ValueError: Fewer than two episodes.
    """
    unique = episode.unique()
    if len(unique) < 2:
        raise ValueError(f"{len(unique)} expert episode cannot be split; record at least two with `craft collect`")
    count = min(max(1, round(share * len(unique))), len(unique) - 1)
    held_out = unique[torch.randperm(len(unique), generator=torch.Generator().manual_seed(seed))[:count]]
    validation = torch.isin(episode, held_out)
    return (~validation).nonzero()[:, 0], validation.nonzero()[:, 0]


@torch.no_grad()
def measure(policy: VocabularyPolicy, dataset: ExpertDataset, sharpness: float) -> ImitationMetrics:
    """Compares the policy with the expert on all states of a dataset."""
    trajectories = policy.vocabulary.trajectories
    sums = torch.zeros(5, dtype=torch.float64)
    for rows in torch.arange(len(dataset)).split(_VALIDATION_CHUNK):
        part = dataset[rows]
        log_policy = torch.log_softmax(policy.score(*policy.encode(part.batch)), dim=-1)
        targets = imitation_targets(part.futures, trajectories, sharpness)
        nearest = squared_distance(part.futures, trajectories).argmin(-1)
        top = log_policy.argmax(-1)
        gap = (trajectories[top] - part.futures)[..., :2].norm(dim=-1)
        best_gap = (trajectories[nearest] - part.futures)[..., :2].norm(dim=-1)
        parts = [
            functional.kl_div(log_policy, targets, reduction="none").sum(-1),
            gap.mean(-1),
            gap[:, -1],
            best_gap.mean(-1),
            (top == nearest).float(),
        ]
        sums += torch.stack([value.double().sum() for value in parts])
    return ImitationMetrics(*(sums / len(dataset)).tolist())


def imitate(
    policy: VocabularyPolicy,
    dataset: ExpertDataset,
    config: ImitationConfig,
    on_step: Callable[[int, int, float], None] = lambda done, total, loss: None,
) -> None:
    """Trains encoder and scoring head together; afterwards the encoder is frozen again.

    Args:
        policy: Changed in place.
        dataset: States for training.
        config: How.
        on_step: Told the optimiser steps done, their total, and the last loss.

    Raises:
        ValueError: The loss is not finite.
    """
    steps_per_epoch = math.ceil(len(dataset) / config.batch_size)
    total = config.epochs * steps_per_epoch
    encoder, head, candidates = policy.encoder, policy.trainable, policy.vocabulary
    parameters = [*encoder.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
    order = torch.Generator().manual_seed(config.seed)
    encoder.requires_grad_(True)
    try:
        done = 0
        for _ in range(config.epochs):
            for rows in torch.randperm(len(dataset), generator=order).split(config.batch_size):
                part = dataset[rows]
                logits = head(encoder(part.batch), candidates)
                targets = imitation_targets(part.futures, candidates.trajectories, config.target_sharpness)
                loss = functional.cross_entropy(logits, targets, label_smoothing=config.label_smoothing)
                if not torch.isfinite(loss):
                    raise ValueError(f"imitation diverged at step {done} of {total}; lower the learning rate")
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
                optimiser.step()
                schedule.step()
                done += 1
                on_step(done, total, float(loss.detach()))
    finally:
        encoder.requires_grad_(False)
