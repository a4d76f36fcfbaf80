"""`craft study`: fine-tune with several seeds in process, and compare with the pre-trained policy."""

import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch

from craft.counterfactual import CounterfactualWorld
from craft.evaluation.comparison import Change, compare
from craft.evaluation.records import read_records
from craft.files import write_atomically
from craft.policies import load_policy
from craft.training.fine_tuning import FineTuning, FineTuningConfig
from craft.training.rollouts import OnProgress
from craft.training.run_folder import RunFolder
from craft.world.embedded import embedded_loop
from craft.world.in_process import InProcessRollouts
from craft.world.routes import load_suite

WORLD = "carla_light"  # the label of every figure measured here


@dataclass(frozen=True)
class StudyConfig:
    """Fine-tune with several seeds in process and compare with the pre-trained policy on held-out routes."""

    output: Path = Path("runs/study")  # folder of the study; a study that was stopped goes on from it
    checkpoint: str = "vocabulary"  # checkpoint folder, or the name of a shipped one
    seeds: tuple[int, ...] = (0, 1, 2)  # training seeds
    workers: int = 2  # runs at a time, each on one core
    tuning: FineTuningConfig = field(default_factory=lambda: FineTuningConfig(evaluation_episodes=48))  # of every run


class _Lines:
    """Progress of one run in a study of several: its lines, with the seed in front."""

    def __init__(self, seed: int):
        self._seed = seed

    def step(self, name: str) -> OnProgress:
        return lambda done, total: None

    def finished(self, units: int) -> None:
        pass

    def line(self, text: str) -> None:
        print(f"seed {self._seed}: {text}", flush=True)


def run_seed(config: StudyConfig, seed: int) -> Path:
    """One fine-tuning run against a server of its own; returns its folder. A finished run is not repeated."""
    path = config.output / f"seed-{seed}"
    if (path / "summary.json").exists():
        return path
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tuning = replace(config.tuning, seed=seed, learner=replace(config.tuning.learner, seed=seed))
    policy = load_policy(config.checkpoint)
    with embedded_loop() as loop:
        suites = {name: load_suite(name) for name in ("training", "held_out")}
        rollouts = InProcessRollouts(loop, policy, CounterfactualWorld(threads=1), suites, seed)
        folder = RunFolder(path)
        settings = {"checkpoint": config.checkpoint, **asdict(tuning)}
        FineTuning(policy, tuning, folder, rollouts, _Lines(seed)).run(WORLD, settings)
        folder.close()
    return path


def study(config: StudyConfig) -> str:
    """All runs, and the comparison over them as Markdown; writes study.json and study.md."""
    begin = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.workers, mp_context=context) as pool:
        waiting = {pool.submit(run_seed, config, seed): seed for seed in config.seeds}
        for done in as_completed(waiting):
            done.result()
            print(f"seed {waiting[done]} finished after {(time.monotonic() - begin) / 60:.1f} min", flush=True)
    folders = [config.output / f"seed-{seed}" for seed in config.seeds]
    before = read_records(folders[0] / "evaluations" / "before.jsonl")
    changes = compare(before, [read_records(folder / "evaluations" / "after.jsonl") for folder in folders])
    result = {
        "world": WORLD,
        "seeds": list(config.seeds),
        "episodes": len(before),
        "changes": {name: asdict(change) for name, change in changes.items()},
    }
    write_atomically(config.output / "study.json", (json.dumps(result, indent=2) + "\n").encode())
    table = study_markdown(changes, len(before))
    write_atomically(config.output / "study.md", table.encode())
    return table


def study_markdown(changes: dict[str, Change], episodes: int) -> str:
    """The comparison as a Markdown table."""
    lines = [
        f"| {WORLD}, {episodes} held-out episodes | pre-trained | fine-tuned | change (95 % interval) | each seed |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, c in changes.items():
        seeds = ", ".join(f"{value:.2f}" for value in c.per_seed)
        lines.append(
            f"| {name.replace('_', ' ')} | {c.before:.2f} | {c.after:.2f} "
            f"| {c.after - c.before:+.2f} ({c.low:+.2f} .. {c.high:+.2f}) | {seeds} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `craft study`."""
    import tyro

    config = tyro.cli(StudyConfig, args=arguments, prog="craft study")
    try:
        print(study(config), flush=True)
    except (ValueError, OSError) as error:
        print(f"craft study: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
