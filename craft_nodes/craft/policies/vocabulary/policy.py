"""The vocabulary policy: one set of trajectories for all states, a frozen encoder, a trainable scoring head."""

from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from craft.policies.batch import ObservationBatch
from craft.policies.checkpoint import read_checkpoint, write_checkpoint
from craft.policies.contract import Policy, parse_weights
from craft.policies.vocabulary.clustering import vocabulary_sha256
from craft.policies.vocabulary.config import VocabularyConfig
from craft.policies.vocabulary.encoder import SceneEncoder
from craft.policies.vocabulary.head import ScoringHead
from craft.scene.candidates import TRAJECTORY_STEPS, Candidates

FROZEN_FILE = "frozen.safetensors"
TRAINABLE_FILE = "trainable.safetensors"
VOCABULARY_FILE = "vocabulary.safetensors"


class VocabularyPolicy(Policy):
    """Scores a fixed vocabulary of trajectories (the setting of SparseDriveV2's vocabulary variant).

    Attributes:
        config: Sizes and scales.
        encoder: The frozen part.
    """

    family = "vocabulary"

    def __init__(self, config: VocabularyConfig, vocabulary: np.ndarray, seed: int = 0):
        """A policy with random weights.

        Args:
            config: Sizes and scales.
            vocabulary: float32 [G, T, 3], ego frame.
            seed: Of the random weights; the global generator is left alone.
        """
        super().__init__()
        trajectories = torch.from_numpy(np.array(vocabulary, np.float32))
        if trajectories.dim() != 3 or trajectories.shape[1:] != (TRAJECTORY_STEPS, 3) or not len(trajectories):
            raise ValueError(f"a vocabulary must be [G, {TRAJECTORY_STEPS}, 3], not {list(trajectories.shape)}")
        self.config = config
        self._candidates = Candidates(trajectories, torch.ones(len(trajectories), dtype=torch.bool))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = SceneEncoder(config).requires_grad_(False).eval()
            self._head = ScoringHead(config)

    @property
    def feature_size(self) -> int:
        """F."""
        return self.encoder.layout.size

    @property
    def vocabulary(self) -> Candidates:
        """The candidates of every state, trajectories float32 [G, T, 3]."""
        return self._candidates

    @property
    def trainable(self) -> ScoringHead:
        """The scoring head."""
        return self._head

    @property
    def vocabulary_sha256(self) -> str:
        """Hash of the vocabulary, as in craft_msgs/CandidateSet."""
        return vocabulary_sha256(self.vocabulary.trajectories)

    @torch.no_grad()
    def encode(self, batch: ObservationBatch) -> tuple[torch.Tensor, Candidates]:
        """Features [B, F] and the vocabulary."""
        return self.encoder(batch), self.vocabulary

    def save(self, folder: Path) -> None:
        """Writes the checkpoint folder, atomically."""
        frozen = {name: value.detach().contiguous() for name, value in self.encoder.state_dict().items()}
        files = {
            FROZEN_FILE: safetensors.torch.save(frozen),
            TRAINABLE_FILE: self.trainable_bytes(),
            VOCABULARY_FILE: safetensors.torch.save({"trajectories": self.vocabulary.trajectories}),
        }
        settings = {
            "network": self.config.to_settings(),
            "candidates": len(self.vocabulary.trajectories),
            "vocabulary_sha256": self.vocabulary_sha256,
        }
        write_checkpoint(folder, self.family, settings, files)

    @classmethod
    def load(cls, folder: Path) -> "VocabularyPolicy":
        """Restores a policy from its checkpoint folder; raises ValueError naming what is wrong with it."""
        checkpoint = read_checkpoint(folder, cls.family, (FROZEN_FILE, TRAINABLE_FILE, VOCABULARY_FILE))
        name = f"checkpoint {folder}"
        try:
            config = VocabularyConfig.from_settings(checkpoint.settings["network"])
            shape = (int(checkpoint.settings["candidates"]), TRAJECTORY_STEPS, 3)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{name}: config.json does not describe a vocabulary policy of this release ({error}); make the "
                "checkpoint anew with `craft pretrain`"
            ) from error
        expected = {"trajectories": torch.zeros(shape)}
        vocabulary = parse_weights(checkpoint.files[VOCABULARY_FILE], expected, f"{name}, {VOCABULARY_FILE}")
        policy = cls(config, vocabulary["trajectories"].numpy())
        for file, module in ((FROZEN_FILE, policy.encoder), (TRAINABLE_FILE, policy.trainable)):
            module.load_state_dict(parse_weights(checkpoint.files[file], module.state_dict(), f"{name}, {file}"))
        return policy
