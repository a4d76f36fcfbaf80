"""Jobs over processes that may crash or hang: a failed job is tried once more by a new process, then given back."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

ATTEMPTS = 2  # each job is tried so often
END_S = 5.0  # for a process to end by itself [s]


class PoolError(RuntimeError):
    """The workers cannot be set up; the message is theirs."""


class JobError(Exception):
    """A job failed in a way that its pool's user shall tell from others.

    Args:
        kind: Which way.
        reason: One sentence.
    """

    def __init__(self, kind: str, reason: str):
        super().__init__(kind, reason)
        self.kind, self.reason = kind, reason


@dataclass(frozen=True)
class JobFailure:
    """What became of a job that failed ATTEMPTS times.

    Attributes:
        kind: The JobError's, else "crashed".
        reason: One sentence about the last attempt.
    """

    kind: str
    reason: str


class _Worker:
    """A process and the job that it does."""

    def __init__(self, make: Callable[[], Any], log: Path):
        context = multiprocessing.get_context("spawn")
        self.line, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far, make, log), daemon=True)
        self._process.start()
        far.close()
        self.job: int | None = None
        self.deadline_s = 0.0

    def begin(self, job: int, work: Any, limit_s: float) -> None:
        self.job, self.deadline_s = job, time.monotonic() + limit_s
        with contextlib.suppress(OSError):  # it ended meanwhile: `answer` tells
            self.line.send(work)

    def answer(self) -> tuple[str, Any]:
        """("done", result), ("failed", JobFailure) or ("broken", text)."""
        try:
            return self.line.recv()
        except (EOFError, OSError):
            self._process.join(END_S)
            return "failed", JobFailure("crashed", f"its process ended with exit code {self._process.exitcode}")

    def end(self) -> None:
        """Let it leave by itself, if it has nothing to do; else kill it."""
        if self.job is None and self._process.is_alive():
            self.line.close()
            self._process.join(END_S)
        self._process.kill()
        self._process.join()
        self.line.close()


def run_jobs(
    jobs: Sequence[Any],
    make: Callable[[], Any],
    workers: int,
    limit_s: float,
    log_folder: Path,
    on_retry: Callable[[int, JobFailure], None] = lambda number, failure: None,
) -> Iterator[tuple[int, Any]]:
    """Do all jobs, several at a time.

    Args:
        jobs: Picklable.
        make: Called once in each process; its result is called with a job, and has `close()`. Picklable.
        workers: Number of processes.
        limit_s: Wall time after which a job counts as failed [s]; the first of a process includes its set-up.
        log_folder: What the processes write to their standard output goes to files there.
        on_retry: Told of every first failure.

    Yields:
        (number of the job, its result or its JobFailure), as they come.

    Raises:
        PoolError: `make` failed.
    """
    log_folder.mkdir(parents=True, exist_ok=True)
    waiting, failures = deque(range(len(jobs))), [0] * len(jobs)
    pool: list[_Worker | None] = [None] * min(workers, len(jobs))
    try:
        while waiting or any(worker is not None and worker.job is not None for worker in pool):
            for k, worker in enumerate(pool):
                if waiting and (worker is None or worker.job is None):
                    pool[k] = worker or _Worker(make, log_folder / f"worker-{k}.log")
                    number = waiting.popleft()
                    pool[k].begin(number, jobs[number], limit_s)
            for k in _answered(pool):
                worker, number = pool[k], pool[k].job
                if worker.line.poll():
                    outcome, value = worker.answer()
                else:
                    outcome, value = "failed", JobFailure("crashed", f"it took longer than {limit_s:.0f} s")
                if outcome == "broken":
                    raise PoolError(value)
                if outcome == "done":
                    worker.job = None
                    yield number, value
                    continue
                worker.end()
                pool[k] = None
                failures[number] += 1
                if failures[number] < ATTEMPTS:
                    on_retry(number, value)
                    waiting.appendleft(number)
                else:
                    yield number, value
    finally:
        for worker in pool:
            if worker is not None:
                worker.end()


def _answered(pool: Sequence[_Worker | None]) -> list[int]:
    """Waits until a busy worker has answered, has ended or is late; returns their places."""
    busy = [k for k, worker in enumerate(pool) if worker is not None and worker.job is not None]
    patience_s = min(pool[k].deadline_s for k in busy) - time.monotonic()
    ready = wait([pool[k].line for k in busy], max(patience_s, 0.0))
    now = time.monotonic()
    return [k for k in busy if pool[k].line in ready or pool[k].deadline_s <= now]


def _serve(line: Connection, make: Callable[[], Any], log: Path) -> None:
    """The life of a worker's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it ends this process
    with open(log, "ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        work = make()
    except Exception as error:
        line.send(("broken", str(error)))
        return
    try:
        while True:
            line.send(("done", work(line.recv())))
    except EOFError:
        work.close()
    except JobError as error:
        line.send(("failed", JobFailure(error.kind, error.reason)))
    except Exception as error:
        line.send(("failed", JobFailure("crashed", f"{type(error).__name__}: {error}")))
    # Threads of a simulator's client may be stuck after a failure; nothing of this process is needed any more.
    os._exit(0)
