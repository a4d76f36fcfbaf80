"""Collecting expert driving, in one process: `craft collect`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from craft.events import EpisodeRecord
from craft.policies.dataset import DatasetWriter
from craft.scene import Observation
from craft.world.closed_loop import ClosedLoop, Listener
from craft.world.disturbance import Disturbance, DisturbanceConfig
from craft.world.expert import Expert
from craft.world.routes import RouteSpec
from craft.world.schedule import schedule


@dataclass(frozen=True)
class CollectConfig:
    """What is collected.

    Attributes:
        episodes: How many episodes are driven.
        seed: Of the schedule, the episodes and the disturbances.
        disturbed_share: Share of the episodes with steering mistakes, whose recoveries are learnt from.
    """

    episodes: int = 200
    seed: int = 0
    disturbed_share: float = 0.5  # ours

    def __post_init__(self):
        if self.episodes < 1:
            raise ValueError(f"CollectConfig: episodes is {self.episodes}, expected 1 or more")
        if not 0.0 <= self.disturbed_share <= 1.0:
            raise ValueError(f"CollectConfig: disturbed_share is {self.disturbed_share}, expected 0..1")


class _Recorder(Listener):
    def __init__(self, writer: DatasetWriter, disturbance: Disturbance | None):
        self._writer, self._disturbance = writer, disturbance

    def frame(self, observation: Observation) -> None:
        self._writer.add(observation, noisy=self._disturbance is not None and self._disturbance.active)

    def disturb(self, steer: float) -> float:
        return self._disturbance(steer) if self._disturbance else steer


def collect(
    loop: ClosedLoop,
    routes: Sequence[RouteSpec],
    folder: Path,
    config: CollectConfig,
    report: Callable[[EpisodeRecord], None],
) -> int:
    """Let the expert drive and record what it did.

    Only episodes that it drove to the end without an infraction are kept.

    Args:
        loop: The connected world.
        routes: The suite to drive.
        folder: Of the dataset; one shard an episode.
        config: What to collect.
        report: Called with every finished episode.

    Returns:
        Number of episodes kept.
    """
    writer, expert, kept = DatasetWriter(folder), Expert(loop.road), 0
    every = round(1.0 / config.disturbed_share) if config.disturbed_share else 0
    for number, (spec, seed) in zip(
        range(1, config.episodes + 1), schedule(routes, config.seed, in_order=False), strict=False
    ):
        disturbance = Disturbance(DisturbanceConfig(), seed) if every and number % every == 0 else None
        record = loop.drive(expert, spec, number, seed, _Recorder(writer, disturbance))
        if record.success:
            writer.end_episode()
            kept += 1
        else:
            writer.discard_episode()
        report(record)
    return kept
