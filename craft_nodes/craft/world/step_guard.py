"""Watches calls that may hang in the CARLA client, from a thread of its own."""

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager

LATE_S = 5.0  # a step that takes longer has lost its wake-up [s]; the slowest rendering server needs 0.5 s


class StepGuard:
    """Calls for help when a guarded block takes longer than LATE_S, and again after each further LATE_S."""

    def __init__(self):
        self._deadline_s: float | None = None
        self._help: Callable[[], None] = lambda: None
        self._closed = threading.Event()
        self.rescues = 0
        threading.Thread(target=self._watch, name="step guard", daemon=True).start()

    @contextmanager
    def step(self, call_for_help: Callable[[], None]):
        """Guard a block; `call_for_help` runs on the guard's thread."""
        self._help = call_for_help
        self._deadline_s = time.monotonic() + LATE_S
        try:
            yield
        finally:
            self._deadline_s = None

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(LATE_S / 5.0):
            deadline_s = self._deadline_s
            if deadline_s is not None and time.monotonic() > deadline_s:
                self._deadline_s = deadline_s + LATE_S
                self.rescues += 1
                self._help()
