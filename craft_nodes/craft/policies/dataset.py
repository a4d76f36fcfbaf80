"""Recorded expert driving on disk: one shard for each episode."""

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from craft.policies.batch import ObservationBatch, stack_arrays
from craft.policies.futures import futures
from craft.scene import EgoField, Observation
from craft.scene.timing import FRAMES_PER_DECISION

FORMAT_VERSION = 1
_POSE_COLUMNS = [EgoField.X, EgoField.Y, EgoField.YAW]


class DatasetWriter:
    """Records episodes: the pose of every frame, and the observation of every frame on which a decision is due."""

    def __init__(self, folder: Path | str):
        """Writes to `folder`, which is made if need be."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._begin()

    def _begin(self):
        self._observations: list[Observation] = []
        self._kept: list[int] = []  # index of each observation among the frames
        self._stamps: list[float] = []
        self._poses: list[np.ndarray] = []
        self._noisy: list[bool] = []
        self._episode: int | None = None

    def add(self, observation: Observation, noisy: bool = False) -> None:
        """Records a frame.

        Args:
            observation: Of the frame; an episode's frames come in order.
            noisy: Whether the expert's control was disturbed in the step that led to this frame.

        Raises:
            ValueError: The frame is of another episode than the one begun.
        """
        if self._episode not in (None, observation.episode):
            raise ValueError(
                f"a frame of episode {observation.episode} while episode {self._episode} is being recorded; call "
                "end_episode() or discard_episode() first"
            )
        self._episode = observation.episode
        if observation.frame % FRAMES_PER_DECISION == 0:
            self._kept.append(len(self._stamps))
            self._observations.append(observation)
        self._stamps.append(observation.stamp_s)
        self._poses.append(observation.ego[_POSE_COLUMNS].astype(np.float64))
        self._noisy.append(noisy)

    def end_episode(self) -> Path:
        """Writes the episode's shard, atomically, and returns its path; raises ValueError when there is no frame."""
        if not self._observations:
            raise ValueError("there is no episode to write; add() its frames first")
        path = self.folder / f"episode_{self._episode:06d}.npz"
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with open(scratch, "wb") as file:
                np.savez_compressed(
                    file,
                    format_version=np.int64(FORMAT_VERSION),
                    episode=np.int64(self._episode),
                    kept=np.array(self._kept, np.int64),
                    stamp_s=np.array(self._stamps),
                    pose=np.array(self._poses),
                    noisy=np.array(self._noisy),
                    **stack_arrays(self._observations),
                )
            os.replace(scratch, path)
        finally:
            scratch.unlink(missing_ok=True)
        self._begin()
        return path

    def discard_episode(self) -> None:
        """Forgets the frames since the last shard, for example of an episode in which the expert failed."""
        self._begin()


@dataclass(frozen=True)
class ExpertDataset:
    """N states with what the expert did next.

    Attributes:
        batch: Observations.
        futures: float32 [N, T, 3], ego frame: where the expert was 0.5 s, 1.0 s, ... later.
        episode: int64 [N].
    """

    batch: ObservationBatch
    futures: torch.Tensor
    episode: torch.Tensor

    def __len__(self) -> int:
        return len(self.futures)

    def __getitem__(self, rows) -> "ExpertDataset":
        """The chosen rows (a slice or an index tensor)."""
        return ExpertDataset(self.batch[rows], self.futures[rows], self.episode[rows])


def read_dataset(folder: Path | str, episodes: int | None = None) -> ExpertDataset:
    """Reads the states of all shards that have a valid future.

    Args:
        folder: Where a DatasetWriter wrote.
        episodes: Read that many of the shards only, the first ones.

    Raises:
        ValueError: There is no shard, a shard is damaged, or none has a valid future.
    """
    folder = Path(folder)
    shards = sorted(folder.glob("episode_*.npz"))[:episodes]
    if not shards:
        raise ValueError(f"there is no expert episode in {folder}; record some with `craft collect`")
    parts = [part for part in map(_read_shard, shards) if len(part)]
    if not parts:
        raise ValueError(f"no state in {folder} has 3 s of undisturbed driving after it; record longer episodes")
    batch = ObservationBatch(
        **{name: torch.cat([getattr(part.batch, name) for part in parts]) for name in ObservationBatch.names()}
    )
    return ExpertDataset(batch, torch.cat([p.futures for p in parts]), torch.cat([p.episode for p in parts]))


def _read_shard(path: Path) -> ExpertDataset:
    try:
        with np.load(path, allow_pickle=False) as shard:
            if int(shard["format_version"]) != FORMAT_VERSION:
                raise ValueError(f"format version {int(shard['format_version'])}, this release reads {FORMAT_VERSION}")
            trajectories, valid = futures(shard["pose"], shard["stamp_s"], shard["noisy"])
            kept = shard["kept"]
            chosen = valid[kept]
            arrays = {name: torch.from_numpy(shard[name][chosen]) for name in ObservationBatch.names()}
            episode = torch.full((int(chosen.sum()),), int(shard["episode"]))
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"the expert shard {path} is damaged ({error}); delete it, or record it anew with `craft collect`"
        ) from error
    return ExpertDataset(ObservationBatch(**arrays), torch.from_numpy(trajectories[kept][chosen]), episode)
