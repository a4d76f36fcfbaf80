"""`craft evaluate --in-process`: a policy's top-1 on a suite, measured as Bench2Drive does, without the graph."""

import functools
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from craft.evaluation import aggregate
from craft.evaluation.bench2drive_results import read_results
from craft.evaluation.measures import Measure, evaluate_measures
from craft.evaluation.quirks import Quirks
from craft.evaluation.scores import METRICS
from craft.evaluation.storage import scores_to_dict
from craft.files import write_atomically
from craft.policies import load_policy
from craft.world.episode_worker import EpisodeJob, EpisodeWorker
from craft.world.evaluation_results import CRASHED, RESULTS, Results, route_numbers
from craft.world.routes import RouteSpec, dump_suite, load_suite
from craft.world.schedule import schedule
from craft.world.worker_pool import JobFailure, PoolError, run_jobs

WORLD = "carla_light"  # the label of every figure measured here


@dataclass(frozen=True)
class EvaluateConfig:
    """Drive routes with the top-1 of a policy on the embedded world, in process, and measure it as Bench2Drive does."""

    checkpoint: str = "vocabulary"  # checkpoint folder, or the name of a shipped one
    suite: str = "held_out"  # routes: a suite's name or path
    opendrive: str = ""  # path of the OpenDRIVE file (.xodr) that the routes lie on; empty: towns that the server knows
    episodes: int = 0  # of each repetition; 0: every route once
    repetitions: int = 1  # each with other seeds of the traffic and the scenarios
    seed: int = 20_000  # of the episodes
    output: Path = Path("runs/evaluation")  # folder; an evaluation that was stopped goes on from it
    workers: int = 2  # episodes at a time, each on one core; the results do not depend on it
    quirks: Quirks = Quirks.NONE  # bench2drive: efficiency and comfort with the mistakes of Bench2Drive's scripts
    limit_s: float = 600.0  # an episode that takes longer counts as crashed [s], wall time

    def __post_init__(self):
        for name, least in (("episodes", 0), ("repetitions", 1), ("seed", 0), ("workers", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; expected {least} or more")
        if not self.limit_s > 0.0:
            raise ValueError(f"limit_s is {self.limit_s}; expected a time above 0 s")


def plan(routes: Sequence[RouteSpec], config: EvaluateConfig) -> list[EpisodeJob]:
    """The episodes of an evaluation; those of the first repetition are the very ones of the graph's evaluation."""
    jobs: list[EpisodeJob] = []
    seen: Counter[str] = Counter()
    for repetition in range(config.repetitions):
        seed = config.seed
        if repetition:
            seed = int(np.random.SeedSequence([config.seed, repetition]).generate_state(1)[0])
        for (spec, episode_seed), _ in zip(
            schedule(routes, seed, in_order=True), range(config.episodes or len(routes)), strict=False
        ):
            jobs.append(EpisodeJob(len(jobs) + 1, spec, seen[spec.id], episode_seed))
            seen[spec.id] += 1
    return jobs


def _in_order(outcomes: Iterator[tuple[int, Any]]) -> Iterator[Any]:
    """Results as they come, given back in the order of their numbers 0, 1, ..."""
    early: dict[int, Any] = {}
    due = 0
    for number, outcome in outcomes:
        early[number] = outcome
        while due in early:
            yield early.pop(due)
            due += 1


def evaluate(
    config: EvaluateConfig,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = print,
    worker: Callable[[str, str], Any] = EpisodeWorker,
) -> tuple[dict[str, Measure], Results]:
    """Drive what is not yet driven, measure all, and write evaluation.json.

    Args:
        config: What to evaluate.
        on_progress: Told (episodes done, episodes in all).
        say: Told of crashes, one line each.
        worker: Made in each process with checkpoint and opendrive; drives the jobs.

    Raises:
        ValueError: The checkpoint or the suite cannot be used, or the folder is another evaluation's.
        PoolError: The workers cannot be set up.
    """
    routes = load_suite(config.suite)
    jobs, numbers = plan(routes, config), route_numbers(routes)
    settings = _settings(config, routes)
    path = config.output / "settings.json"
    if path.exists() and json.loads(path.read_text()) != settings:
        raise ValueError(f"{config.output} holds an evaluation with other settings; give another --output")
    results = Results(config.output, jobs, numbers, config.quirks)
    write_atomically(path, (json.dumps(settings, indent=2) + "\n").encode())
    done = len(results.records)
    on_progress(done, len(jobs))
    left = jobs[done:]

    def name(number: int) -> str:
        job = left[number]
        return f"episode {job.number}, route {job.spec.id}, seed {job.seed}"

    outcomes = run_jobs(
        left,
        functools.partial(worker, config.checkpoint, config.opendrive),
        config.workers,
        config.limit_s,
        config.output / "log",
        on_retry=lambda number, failure: say(f"{name(number)} failed and is driven again: {failure.reason}"),
    )
    for number, outcome in enumerate(_in_order(outcomes)):
        if isinstance(outcome, JobFailure):
            say(f"{name(number)} failed twice and counts as 0: {outcome.reason}")
        results.add(outcome)
        on_progress(len(results.records), len(jobs))
    measures = evaluate_measures(results.measures())
    crashed = [
        [job.spec.id, job.repetition, record["status"]]
        for job, record in zip(jobs, results.records, strict=True)
        if record["status"] in CRASHED
    ]
    headline = [name for name in METRICS if name in measures]
    content = {
        "world": WORLD,
        **settings,
        **scores_to_dict(aggregate(results.episodes)),
        **{name: measures[name].value for name in headline},
        "intervals": {name: [measures[name].low, measures[name].high] for name in headline},
        "measures": {key: asdict(measure) for key, measure in measures.items()},
        "crashed": crashed,
    }
    write_atomically(config.output / "evaluation.json", (json.dumps(content, indent=2) + "\n").encode())
    return measures, results


def _settings(config: EvaluateConfig, routes: Sequence[RouteSpec]) -> dict[str, Any]:
    """Everything that the results depend on."""
    policy = load_policy(config.checkpoint)
    return {
        "suite": config.suite,
        "opendrive": config.opendrive,
        "suite_sha256": hashlib.sha256(dump_suite(routes).encode()).hexdigest(),
        "family": policy.family,
        "weights_sha256": hashlib.sha256(policy.trainable_bytes()).hexdigest(),
        "seed": config.seed,
        "episodes_a_repetition": config.episodes or len(routes),
        "repetitions": config.repetitions,
        "quirks": config.quirks.value,
    }


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `craft evaluate --in-process`."""
    import tyro
    from rich.console import Console

    from craft.evaluation.measures_table import measures_table
    from craft.training.console import RunConsole

    try:
        form = tyro.conf.EnumChoicesFromValues[EvaluateConfig]
        config = tyro.cli(form, args=arguments, prog="craft evaluate --in-process")
        total = len(plan(load_suite(config.suite), config))
        done = min(len(read_results(config.output / RESULTS)), total)
        with RunConsole(total, done) as console:
            show = console.step(f"evaluation on {config.suite} routes")

            def on_progress(done: int, total: int) -> None:
                console.finished(done)
                show(done, total)

            measures, results = evaluate(config, on_progress, console.line)
    except (ValueError, OSError, PoolError) as error:
        print(f"craft evaluate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("craft evaluate: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    Console().print(measures_table(measures, WORLD, len(results.records)))
    for record in results.records:
        if record["status"] in CRASHED:
            print(f"{record['route_id']} ({record['scenario_name']}): {record['status']}")
    print(f"{config.output}/evaluation.json holds the scores, {results.path} the records")
    return 0
