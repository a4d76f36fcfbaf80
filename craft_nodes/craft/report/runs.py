"""What a report is made from: the folders of finished runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from craft.evaluation.records import read_records
from craft.events import EpisodeRecord
from craft.training.run_folder import RunFolder

WORLDS = ("carla_light", "carla")


@dataclass(frozen=True)
class Run:
    """A finished run with its evaluations.

    Attributes:
        name: For people; unique in a report.
        path: Its folder.
        config: config.yaml.
        summary: summary.json.
        metrics: One row a round, each with "round".
        before, after: The judged episodes of the pre-trained and of the fine-tuned policy, the same ones.
    """

    name: str
    path: Path
    config: dict[str, Any]
    summary: dict[str, Any]
    metrics: list[dict[str, float]]
    before: list[EpisodeRecord]
    after: list[EpisodeRecord]

    @property
    def world(self) -> str:
        """The label of every figure: "carla_light" or "carla"."""
        return self.summary["world"]


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """Read runs that are to be compared.

    Args:
        paths: Folders of runs; the folder of a study stands for all of its runs.

    Raises:
        ValueError: Names the folder or the file, what is wrong with it, and the cure.
    """
    folders = [folder for path in paths for folder in _folders(path)]
    if not folders:
        raise ValueError("no run was given; name at least one folder, such as runs/<name>")
    twice = [str(folder) for number, folder in enumerate(folders) if folder.resolve() in _resolved(folders[:number])]
    if twice:
        raise ValueError(f"{', '.join(twice)} is given twice; name each run once")
    runs = [_read(folder, name) for folder, name in zip(folders, _names(folders), strict=True)]
    first = runs[0]
    for run in runs[1:]:
        if run.world != first.world:
            raise ValueError(
                f"{run.path} was measured on {run.world}, {first.path} on {first.world}; report them one by one"
            )
        if _episodes(run.before) != _episodes(first.before):
            raise ValueError(
                f"{run.path} and {first.path} were evaluated on different episodes; report them one by one, or "
                "run them with one evaluation_seed and one number of evaluation_episodes"
            )
    return runs


def _folders(path):
    if not path.exists():
        raise ValueError(f"there is no run {path}; give the folder of a run, such as runs/<name>")
    if not path.is_dir():
        raise ValueError(f"{path} is a file; give the folder of a run, such as runs/<name>")
    if (path / "config.yaml").exists():
        return [path]
    study = sorted((p.parent for p in path.glob("seed-*/config.yaml")), key=lambda p: (len(p.name), p.name))
    if not study:
        raise ValueError(
            f"{path} is not the folder of a run: config.yaml is missing; give one that `craft train` or `craft study` "
            "made"
        )
    return study


def _resolved(folders):
    return [folder.resolve() for folder in folders]


def _names(folders):
    """The folders' own names, longer where two are equal."""
    parts = [folder.resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return names


def _read(path, name):
    folder = RunFolder(path)
    config, summary = folder.read_config(), folder.read_summary()
    place = path / "summary.json"
    if not isinstance(summary, dict) or summary.get("world") not in WORLDS:
        raise ValueError(f"{place} does not say which world was driven in; resume the run to write it anew")
    if summary.get("before") is None or summary.get("after") is None:
        raise ValueError(
            f"{path} was not evaluated: {place} has no scores before and after; fine-tune with `evaluate: true`"
        )
    before, after = (_evaluation(path / "evaluations" / f"{when}.jsonl") for when in ("before", "after"))
    if _episodes(before) != _episodes(after):
        raise ValueError(f"{path / 'evaluations'}: before.jsonl and after.jsonl are of other episodes; evaluate again")
    return Run(name, path, config, summary, _metrics(folder), before, after)


def _evaluation(path):
    try:
        records = read_records(path)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is damaged ({error}); evaluate again") from error
    if not records:
        raise ValueError(f"{path} holds no episode; evaluate again")
    return records


def _metrics(folder):
    rows, path = folder.read_metrics(), folder.path / "metrics.jsonl"
    for number, row in enumerate(rows, start=1):
        fit = isinstance(row, dict) and all(
            isinstance(value, (int, float)) and math.isfinite(value) for value in row.values()
        )
        if not fit or "round" not in row:
            raise ValueError(f"{path}, line {number}: not the metrics of a round; remove the line")
    return rows


def _episodes(records):
    return [(record.route_id, record.seed) for record in records]
