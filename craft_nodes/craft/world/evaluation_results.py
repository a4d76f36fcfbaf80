"""The folder of an evaluation: what is on disk after each episode, and what a stopped one goes on from."""

import json
from collections.abc import Sequence
from pathlib import Path

from craft.evaluation.bench2drive_record import (
    AGENT_CRASHED,
    SIMULATION_CRASHED,
    begin_record,
    finish_record,
    metric_info,
)
from craft.evaluation.bench2drive_results import read_results, write_results
from craft.evaluation.efficiency import speed_percentages
from craft.evaluation.measures import EpisodeMeasures, measures_of
from craft.evaluation.quirks import Quirks
from craft.evaluation.records import read_records, write_records
from craft.events import EpisodeRecord
from craft.files import write_atomically
from craft.world.episode_worker import AGENT, DrivenEpisode, EpisodeJob
from craft.world.routes import RouteSpec
from craft.world.worker_pool import JobFailure

RESULTS = Path("bench2drive", "results.json")  # alone in its folder: the merge script reads every JSON file there
CRASHED = (SIMULATION_CRASHED, AGENT_CRASHED)


def route_numbers(routes: Sequence[RouteSpec]) -> dict[str, str]:
    """Route id -> its number in the results: Bench2Drive's scripts need one. Ids that are numbers stay."""
    if all(spec.id.isdigit() for spec in routes):
        return {spec.id: spec.id for spec in routes}
    return {spec.id: str(number) for number, spec in enumerate(routes, start=1)}


class Results:
    """The folder of an evaluation.

    `bench2drive/results.json` holds the records, `metrics/<save_name>/metric_info.json` the motion on each route, and
    `episodes.jsonl` the judged episodes.

    Args:
        folder: Where.
        jobs: The planned episodes.
        numbers: See `route_numbers`.
        quirks: Of the measures.
    """

    def __init__(self, folder: Path, jobs: Sequence[EpisodeJob], numbers: dict[str, str], quirks: Quirks):
        self._jobs, self._quirks = jobs, quirks
        self.path, self._episodes_path = folder / RESULTS, folder / "episodes.jsonl"
        self._metrics = folder / "metrics"
        self._planned = [
            begin_record(numbers[job.spec.id], job.repetition, job.spec.scenario, job.spec.town) for job in jobs
        ]
        self.records = read_results(self.path)
        self.episodes = read_records(self._episodes_path) if self._episodes_path.exists() else []
        found = [record["route_id"] for record in self.records]
        if found != [record["route_id"] for record in self._planned[: len(found)]]:
            raise ValueError(f"{self.path} holds other episodes than those planned; give another --output")
        whole = min(len(self.records), len(self.episodes))
        del self.records[whole:], self.episodes[whole:]

    def add(self, outcome: DrivenEpisode | JobFailure) -> None:
        """The next episode in the planned order; everything is on disk afterwards."""
        job, record = self._jobs[len(self.records)], self._planned[len(self.records)]
        if isinstance(outcome, JobFailure):
            episode = _crashed(job, outcome)
            finish_record(record, episode, (), 0.0, (), 0.0)
        else:
            episode, trace = outcome.record, outcome.trace
            percentages = speed_percentages(trace, self._quirks)
            finish_record(record, episode, outcome.events, outcome.begin_s, percentages, trace.route_length_m)
            content = json.dumps(metric_info(trace, self._quirks)) + "\n"
            write_atomically(self._metrics / record["save_name"] / "metric_info.json", content.encode())
        self.records.append(record)
        self.episodes.append(episode)
        write_records(self._episodes_path, self.episodes)
        write_results(self.path, self.records, len(self._jobs))

    def measures(self) -> list[EpisodeMeasures]:
        """Of all records, from the files alone."""
        rows = []
        for record in self.records:
            path = self._metrics / record["save_name"] / "metric_info.json"
            info = {} if record["status"] in CRASHED else json.loads(path.read_text())
            rows.append(measures_of(record, info, self._quirks))
        return rows


def _crashed(job: EpisodeJob, failure: JobFailure) -> EpisodeRecord:
    """The record of an episode that gave nothing: it counts with a score of 0."""
    return EpisodeRecord(
        episode=job.number,
        status=AGENT_CRASHED if failure.kind == AGENT else SIMULATION_CRASHED,
        route_completion=0.0,
        infraction_score=1.0,
        driving_score=0.0,
        success=False,
        driven_m=0.0,
        duration_s=0.0,
        truncated=False,
        infractions=(),
        events=(),
        scenario=job.spec.scenario,
        route_id=job.spec.id,
        seed=job.seed,
    )
