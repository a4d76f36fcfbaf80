"""The folder of a run: everything that a run leaves behind, and everything that it resumes from."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any

import yaml

from craft.files import write_atomically
from craft.training.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint
from craft.training.learner import Weights

_SCORES = (
    "episodes",
    "driving_score",
    "route_completion",
    "infraction_score",
    "success_rate",
    "infractions_per_km",
)
_SUMMARY = {
    "method": str,
    "family": str,
    "world": str,
    "seed": int,
    "rounds": int,
    "transitions": int,
    "real_time_factor": (int, float),
    "weights_sha256": str,
    "before": (Mapping, NoneType),
    "after": (Mapping, NoneType),
}


class RunFolder:
    """`runs/<name>/`: config.yaml, metrics.jsonl, tensorboard/, weights/, checkpoint/, policy/, summary.json, figures/,
    log/.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path):
        """Opens the folder, and makes it where it does not exist.

        Raises:
            ValueError: The place is taken by a file.
        """
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{self.path} is a file, not the folder of a run; give another name")
        for folder in (self.weights_folder, self.figures, self.log):
            folder.mkdir(parents=True, exist_ok=True)
        self._board = None

    @property
    def weights_folder(self) -> Path:
        """One safetensors file a version."""
        return self.path / "weights"

    @property
    def figures(self) -> Path:
        """Learning curves as PNG files."""
        return self.path / "figures"

    @property
    def log(self) -> Path:
        """One file a node."""
        return self.path / "log"

    @property
    def checkpoint(self) -> Path:
        """Everything that a resume needs."""
        return self.path / "checkpoint"

    @property
    def policy(self) -> Path:
        """The fine-tuned policy as a checkpoint folder, once the run has ended."""
        return self.path / "policy"

    # -- configuration

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Stores the resolved configuration."""
        write_atomically(self.path / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False).encode())

    def read_config(self) -> dict[str, Any]:
        """The resolved configuration of the run.

        Raises:
            ValueError: There is none, or it is not readable.
        """
        path = self.path / "config.yaml"
        try:
            config = yaml.safe_load(path.read_text())
        except FileNotFoundError as error:
            raise ValueError(f"{self.path} is not the folder of a run: config.yaml is missing") from error
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise ValueError(f"{path} is not readable ({error}); restore it, or start a new run") from error
        if not isinstance(config, dict):
            raise ValueError(f"{path} holds no configuration; restore it, or start a new run")
        return config

    # -- metrics

    def append_metrics(self, round_number: int, metrics: Mapping[str, float]) -> None:
        """Adds one round's metrics to metrics.jsonl and to TensorBoard.

        The first call removes what an earlier process wrote of this round and later ones: after a crash, a resume from
        the checkpoint does them again.

        Raises:
            ValueError: A metric is not finite; JSON has no word for it.
        """
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise ValueError(f"the metric {name} of round {round_number} is {value}; leave out what is not defined")
        if self._board is None:
            self._open_metrics(round_number)
        line = json.dumps({"round": round_number} | dict(metrics))
        with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(line + "\n")
        for name, value in metrics.items():
            self._board.add_scalar(name, value, round_number)
        self._board.flush()

    def read_metrics(self) -> list[dict[str, float]]:
        """The metrics of all rounds, in order. A last line that a crash tore off is passed over.

        Raises:
            ValueError: Another line is damaged.
        """
        path = self.path / "metrics.jsonl"
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        rows = []
        for number, line in enumerate(lines[:-1], start=1):
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number}: {error}; remove the line") from error
        return rows  # what follows the last line end is a torn line, or nothing

    def _open_metrics(self, first_round: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # takes seconds to import

        rows = [row for row in self.read_metrics() if row["round"] < first_round]
        write_atomically(self.path / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
        self._board = SummaryWriter(str(self.path / "tensorboard"), purge_step=first_round)

    # -- weights, checkpoint, summary

    def write_weights(self, weights: Weights) -> Path:
        """Stores one version of the weights; returns the file."""
        path = self.weights_folder / f"{weights.version}.safetensors"
        write_atomically(path, weights.safetensors)
        return path

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Replaces the checkpoint."""
        save_checkpoint(self.checkpoint, state)

    def load_checkpoint(self) -> dict[str, Any]:
        """The checkpoint; ValueError with the cure where it is missing or damaged."""
        return load_checkpoint(self.checkpoint)

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to resume from."""
        return has_checkpoint(self.checkpoint)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Stores summary.json.

        Args:
            summary: `method`, `family`, `world` ("carla_light" or "carla"), `seed`, `rounds`, `transitions`,
                `real_time_factor`, `weights_sha256`, and `before` / `after`, each with the scores of an evaluation, or
                both None where nothing was evaluated.
                More entries are kept.

        Raises:
            ValueError: Naming all entries that are missing or of a wrong kind.
        """
        wrong = [
            f"{name} is missing or of a wrong kind"
            for name, kind in _SUMMARY.items()
            if name not in summary or not isinstance(summary[name], kind)
        ]
        if summary.get("world") not in ("carla_light", "carla"):
            wrong.append(f'world is {summary.get("world")!r}, expected "carla_light" or "carla"')
        if (summary.get("before") is None) != (summary.get("after") is None):
            wrong.append("only one of before and after has scores")
        for when in ("before", "after"):
            scores = summary.get(when)
            if isinstance(scores, Mapping):
                wrong += [
                    f"{when}.{name} is {scores.get(name)!r}, expected a number"
                    for name in _SCORES
                    if not isinstance(scores.get(name), (int, float)) or not math.isfinite(scores[name])
                ]
        if wrong:
            raise ValueError("summary.json: " + "; ".join(wrong))
        text = json.dumps(dict(summary), indent=2, allow_nan=False) + "\n"
        write_atomically(self.path / "summary.json", text.encode())

    def read_summary(self) -> dict[str, Any]:
        """The summary of a finished run.

        Raises:
            ValueError: There is none, or it is not readable.
        """
        path = self.path / "summary.json"
        try:
            return json.loads(path.read_text())
        except FileNotFoundError as error:
            raise ValueError(f"{path} does not exist: the run has not ended; resume it") from error
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is not readable ({error}); resume the run to write it anew") from error

    def close(self) -> None:
        """Closes TensorBoard's file."""
        if self._board is not None:
            self._board.close()
            self._board = None
