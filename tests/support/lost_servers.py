"""Evaluation workers that lose their server; top-level, so that other processes can import them."""

import os
import signal
from pathlib import Path

from craft.world.episode_worker import EpisodeWorker


class LosesItsServer(EpisodeWorker):
    """Before the second episode its server is killed, in the first attempt at it."""

    always = False

    def __call__(self, job):
        flag = Path(os.environ["FRAIL_FOLDER"]) / "killed"
        if job.number == 2 and (self.always or not flag.exists()):
            flag.touch()
            os.kill(self._server.pid, signal.SIGKILL)
            os.waitpid(self._server.pid, 0)
            self._abandoned, self._simulation, self._town = self._simulation, None, ""  # a new connection is refused
        return super().__call__(job)


class AlwaysLosesItsServer(LosesItsServer):
    """In every attempt."""

    always = True
