"""Jobs whose processes crash, hang or raise are tried once more, then given back."""

import functools
import time

import pytest

from craft.world.worker_pool import JobFailure, PoolError, run_jobs
from frail_workers import FrailWorker, Unready


def run(jobs, folder, workers=2, limit_s=20.0, on_retry=lambda number, failure: None):
    made = functools.partial(FrailWorker, folder)
    return dict(run_jobs(jobs, made, workers, limit_s, folder / "log", on_retry))


def attempts(folder):
    return {int(path.stem): len(path.read_text()) for path in folder.glob("*.attempts")}


def test_every_way_to_fail_once_costs_a_second_attempt(tmp_path):
    jobs = [(0, "", 0), (1, "die", 1), (2, "raise", 1), (3, "policy", 1), (4, "", 0)]
    retried = []
    results = run(jobs, tmp_path, on_retry=lambda number, failure: retried.append((number, failure)))
    assert results == {k: 2 * k for k in range(5)}
    assert attempts(tmp_path) == {0: 1, 1: 2, 2: 2, 3: 2, 4: 1}
    assert sorted(retried, key=lambda entry: entry[0]) == [
        (1, JobFailure("crashed", "its process ended with exit code 3")),
        (2, JobFailure("crashed", "RuntimeError: no more")),
        (3, JobFailure("agent", "logits are not finite")),
    ]


def test_failing_twice_is_given_back_and_the_others_go_on(tmp_path):
    results = run([(0, "die", 9), (1, "policy", 9), (2, "", 0)], tmp_path)
    assert results[2] == 4
    assert results[0] == JobFailure("crashed", "its process ended with exit code 3")
    assert results[1] == JobFailure("agent", "logits are not finite")
    assert attempts(tmp_path) == {0: 2, 1: 2, 2: 1}


def test_a_job_that_hangs_is_ended_in_time(tmp_path):
    begin = time.monotonic()
    results = run([(0, "hang", 9), (1, "", 0)], tmp_path, workers=1, limit_s=3.0)
    assert results == {0: JobFailure("crashed", "it took longer than 3 s"), 1: 2}
    assert time.monotonic() - begin < 30.0


def test_idle_workers_are_closed(tmp_path):
    run([(0, "", 0), (1, "", 0)], tmp_path, workers=1)
    assert len(list(tmp_path.glob("closed-*"))) == 1


def test_workers_that_cannot_be_set_up_are_an_error(tmp_path):
    with pytest.raises(PoolError, match="there is no checkpoint"):
        list(run_jobs([1], Unready, 1, 20.0, tmp_path))


def test_no_jobs_need_no_workers(tmp_path):
    assert list(run_jobs([], Unready, 2, 20.0, tmp_path)) == []
