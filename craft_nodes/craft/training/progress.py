"""An estimate of the time left."""

import time
from collections.abc import Callable


class TimeLeft:
    """Extrapolates the pace of finished units of work (rounds, episodes).

    The pace is the mean over the units finished by this process, so that a resumed run does not count the time in which
    it stood still.
    """

    def __init__(self, total: int, finished: int = 0, clock: Callable[[], float] = time.monotonic):
        """Begins now.

        Args:
            total: Units of work in all.
            finished: Units that an earlier process finished.
            clock: Steady time [s].
        """
        if not 0 <= finished <= total:
            raise ValueError(f"{finished} of {total} units of work cannot be finished")
        self.total = total
        self._first = self._finished = finished
        self._clock = clock
        self._begin = clock()
        self._latest = self._begin

    def advance(self, finished: int) -> None:
        """Notes that `finished` units are done by now."""
        if not self._finished <= finished <= self.total:
            raise ValueError(f"{finished} finished units after {self._finished}, of {self.total}")
        if finished > self._finished:
            self._finished, self._latest = finished, self._clock()

    @property
    def seconds(self) -> float | None:
        """Time left [s], 0 at the end; None until one unit was finished."""
        if self._finished == self.total:
            return 0.0
        if self._finished == self._first:
            return None
        pace = (self._latest - self._begin) / (self._finished - self._first)
        since = self._clock() - self._latest
        return max((self.total - self._finished) * pace - since, 0.0)

    def __str__(self) -> str:
        seconds = self.seconds
        if seconds is None:
            return "time left not known yet"
        minutes, seconds = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{seconds:02d} left" if hours else f"{minutes}:{seconds:02d} left"
