"""The policy contract: everything is frozen except the module that scores candidates."""

from abc import ABC, abstractmethod
from hashlib import sha256 as _sha256
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from craft.policies.batch import ObservationBatch
from craft.scene.candidates import Candidates


class Policy(ABC):
    """A driving policy that scores a group of G candidate trajectories for each state.

    A subclass sets `family`, and is announced under the entry point group `craft.policies` by the same name. The
    constructor of a subclass ends with `super().__init__()`.

    Attributes:
        family: Name of the family, as in config.json of its checkpoints.
        version: Version of the scoring weights in use; 0 is the pre-trained one.
        vocabulary: The candidates [G, T, 3] that all states share; None where each state has its own.
    """

    family: str
    vocabulary: Candidates | None = None

    def __init__(self):
        self.version = 0

    @property
    @abstractmethod
    def feature_size(self) -> int:
        """F, the number of features of a state."""

    @property
    @abstractmethod
    def trainable(self) -> nn.Module:
        """The scoring module: holds all weights that fine-tuning may change, and no others.

        Called as `trainable(features [B, F], candidates) -> logits [B, G]`, so that a copy of it (the EMA teacher)
        scores as the policy does.
        """

    @abstractmethod
    def encode(self, batch: ObservationBatch) -> tuple[torch.Tensor, Candidates]:
        """Runs the frozen part, without gradients.

        Args:
            batch: B observations.

        Returns:
            features: float32 [B, F], finite.
            candidates: Trajectories [G, T, 3] where all states share one vocabulary, else [B, G, T, 3].
        """

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> "Policy":
        """Restores a policy from its checkpoint folder; raises ValueError naming what is wrong with the folder."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Writes the checkpoint folder, atomically."""

    def score(self, features: torch.Tensor, candidates: Candidates) -> torch.Tensor:
        """Logits [B, G] of the candidates. Entries of invalid candidates are finite and mean nothing: mask them."""
        return self.trainable(features, candidates)

    def trainable_bytes(self) -> bytes:
        """The scoring weights as the bytes of a safetensors file; equal weights give equal bytes."""
        state = self.trainable.state_dict()
        return safetensors.torch.save({name: value.detach().cpu().contiguous() for name, value in state.items()})

    def load_trainable_bytes(self, data: bytes, sha256: str, version: int | None = None) -> None:
        """Takes over new scoring weights after checking them. On any error the old ones stay in place.

        Args:
            data: Bytes of a safetensors file.
            sha256: Their hash, hexadecimal.
            version: What `version` becomes; without it, one more than now.

        Raises:
            ValueError: The hash, the format, a name, a shape, a type or a value does not fit.
        """
        name = f"scoring weights of family {self.family!r}" + (f", version {version}" if version is not None else "")
        found = _sha256(data).hexdigest()
        if found != sha256:
            raise ValueError(
                f"{name}: their sha256 is {found[:12]}…, announced was {sha256[:12]}…; the bytes were damaged on the "
                f"way. Version {self.version} stays in use; send the weights again"
            )
        new = parse_weights(data, self.trainable.state_dict(), f"{name} (version {self.version} stays in use)")
        self.trainable.load_state_dict(new)
        self.version = self.version + 1 if version is None else version


def parse_weights(data: bytes, expected: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """Tensors of a safetensors file that must match a state dict.

    Args:
        data: Bytes of the file.
        expected: Names, shapes and types that it must have.
        name: What to call it in messages.

    Raises:
        ValueError: Not a safetensors file, or a tensor is missing, unknown, of another shape or type, or not finite.
    """
    try:
        tensors = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{name}: not a readable safetensors file ({error})") from error
    problems = [f"{key} is missing" for key in sorted(expected.keys() - tensors.keys())]
    problems += [f"{key} is unknown" for key in sorted(tensors.keys() - expected.keys())]
    for key in sorted(expected.keys() & tensors.keys()):
        have, want = tensors[key], expected[key]
        if have.shape != want.shape or have.dtype != want.dtype:
            problems.append(f"{key} is {have.dtype} {list(have.shape)}, expected {want.dtype} {list(want.shape)}")
        elif not torch.isfinite(have).all():
            problems.append(f"{key} has {int((~torch.isfinite(have)).sum())} values that are not finite")
    if problems:
        raise ValueError(f"{name}: " + "; ".join(problems) + ". They do not belong to this checkpoint")
    return tensors
