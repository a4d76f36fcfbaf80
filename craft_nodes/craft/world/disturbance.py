"""Steering mistakes for the collection of expert driving: without them a dataset holds no recoveries."""

from dataclasses import dataclass

import numpy as np

from craft.scene.timing import FRAME_DT_S


@dataclass(frozen=True)
class DisturbanceConfig:
    """How often and how much (ours).

    Attributes:
        mean_pause_s: Mean time between two bursts [s].
        duration_s: Shortest and longest burst [s].
        steer: Smallest and largest offset, of either sign.
    """

    mean_pause_s: float = 6.0
    duration_s: tuple[float, float] = (0.3, 0.8)
    steer: tuple[float, float] = (0.05, 0.25)


class Disturbance:
    """Adds an offset to the steering in bursts at random times. Equal seeds give equal bursts."""

    def __init__(self, config: DisturbanceConfig, seed: int):
        self._config, self._random = config, np.random.default_rng(seed)
        self._disturbed = False
        self._next(burst=True)

    @property
    def active(self) -> bool:
        """Whether the last steering was disturbed."""
        return self._disturbed

    def _next(self, burst: bool):
        """Draw the next pause (after a burst) or the next burst (after a pause)."""
        c, r = self._config, self._random
        seconds = r.exponential(c.mean_pause_s) if burst else r.uniform(*c.duration_s)
        self._offset = 0.0 if burst else r.choice((-1.0, 1.0)) * r.uniform(*c.steer)
        self._frames = max(1, round(seconds / FRAME_DT_S))

    def __call__(self, steer: float) -> float:
        """The steering of this frame, with what is added to it."""
        if self._frames == 0:
            self._next(burst=self._offset != 0.0)
        self._frames -= 1
        self._disturbed = self._offset != 0.0
        return float(np.clip(steer + self._offset, -1.0, 1.0))
