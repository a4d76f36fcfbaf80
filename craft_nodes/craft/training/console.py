"""Progress of a run on the terminal, with an estimate of the time left."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from craft.training.progress import TimeLeft
from craft.training.rollouts import OnProgress

_QUIET_SHARE = 0.25  # without a terminal, a line is printed each time this share of a step is done


class RunConsole:
    """Two bars on a terminal: the run and its present step. Elsewhere (a log file, CI) plain lines."""

    def __init__(self, units: int, finished: int = 0):
        """Begins now.

        Args:
            units: Units of work of the whole run.
            finished: Those that an earlier process did.
        """
        self._console = Console(highlight=False, soft_wrap=True)
        self._left = TimeLeft(units, finished)
        self._finished = finished
        self._plain = not sys.stdout.isatty()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            disable=self._plain,
        )
        self._whole = self._progress.add_task("run", total=units, completed=finished, left="")
        self._step: TaskID | None = None

    def __enter__(self):
        self._progress.start()
        return self

    def __exit__(self, *_):
        self._progress.stop()

    def step(self, name: str) -> OnProgress:
        """See `craft.training.fine_tuning.Console`."""
        if self._step is not None:
            self._progress.remove_task(self._step)
        self._step = self._progress.add_task(name, total=None, left="")
        shown = 0.0

        def update(done: int, total: int) -> None:
            nonlocal shown
            self._progress.update(self._step, completed=done, total=total or None)
            self._progress.update(self._whole, left=str(self._left))
            if self._plain and total and done / total >= shown + _QUIET_SHARE:
                shown = done / total
                self._console.print(f"{name}: {done}/{total} ({self._left})")

        if self._plain:
            self._console.print(f"{name} ...")
        return update

    def finished(self, units: int) -> None:
        """See `craft.training.fine_tuning.Console`."""
        self._left.advance(max(units, self._finished))
        self._finished = max(units, self._finished)
        self._progress.update(self._whole, completed=self._finished, left=str(self._left))

    def line(self, text: str) -> None:
        """See `craft.training.fine_tuning.Console`."""
        self._console.print(text)

    def show(self, renderable) -> None:
        """Print a table."""
        self._console.print(renderable)
