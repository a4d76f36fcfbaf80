"""Workers that fail as they are told; top-level, so that other processes can import them."""

import os
import time
from pathlib import Path

from craft.world.worker_pool import JobError


class FrailWorker:
    """Doubles numbers. A job: (number, what happens, in how many of its attempts); attempts are counted in files."""

    def __init__(self, folder: Path):
        self._folder = folder

    def __call__(self, job):
        number, what, times = job
        attempts = self._folder / f"{number}.attempts"
        with open(attempts, "a") as file:
            file.write(".")
        if len(attempts.read_text()) <= times:
            fail(what)
        return 2 * number

    def close(self):
        (self._folder / f"closed-{os.getpid()}").touch()


def fail(what: str) -> None:
    """One way to fail."""
    if what == "die":
        os._exit(3)
    if what == "hang":
        time.sleep(60.0)
    if what == "raise":
        raise RuntimeError("no more")
    if what == "policy":
        raise JobError("agent", "logits are not finite")


class Unready:
    """Cannot be set up."""

    def __init__(self):
        raise ValueError("there is no checkpoint")
