"""Collecting expert driving, in one process: `craft collect`."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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

    episodes: int = 64  # ours: enough for a middling driver
    seed: int = 0
    disturbed_share: float = 0.5  # ours

    def __post_init__(self):
        if self.episodes < 1:
            raise ValueError(f"CollectConfig: episodes is {self.episodes}, expected 1 or more")
        if not 0.0 <= self.disturbed_share <= 1.0:
            raise ValueError(f"CollectConfig: disturbed_share is {self.disturbed_share}, expected 0..1")


def disturbance_of(episode: int, seed: int, config: CollectConfig) -> Disturbance | None:
    """The steering mistakes of an episode; None for one without."""
    every = round(1.0 / config.disturbed_share) if config.disturbed_share else 0
    return Disturbance(DisturbanceConfig(), seed) if every and episode % every == 0 else None


class Recorder(Listener):
    """Records the frames of one episode, and disturbs its steering."""

    def __init__(self, writer: DatasetWriter, disturbance: Disturbance | None):
        self._writer, self._disturbance = writer, disturbance

    def frame(self, observation: Observation) -> None:
        """See Listener."""
        self._writer.add(observation, noisy=self._disturbance is not None and self._disturbance.active)

    def disturb(self, steer: float) -> float:
        """See Listener."""
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
    for number, (spec, seed) in zip(
        range(1, config.episodes + 1), schedule(routes, config.seed, in_order=False), strict=False
    ):
        recorder = Recorder(writer, disturbance_of(number, seed, config))
        record = loop.drive(expert, spec, number, seed, recorder)
        if record.success:
            writer.end_episode()
            kept += 1
        else:
            writer.discard_episode()
        report(record)
    return kept


@dataclass(frozen=True)
class Arguments:
    """Let the expert drive on the embedded world, in one process, and record it for `craft pretrain`."""

    output: Path = Path("runs/dataset")  # folder of the dataset
    suite: str = "training"  # routes: a suite's name or path
    config: CollectConfig = field(default_factory=CollectConfig)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `craft collect --in-process`."""
    import tyro
    from rich.progress import Progress

    from craft.world.embedded import embedded_loop
    from craft.world.routes import load_suite

    given = tyro.cli(tyro.conf.OmitArgPrefixes[Arguments], args=arguments, prog="craft collect --in-process")
    try:
        routes = load_suite(given.suite)
        with embedded_loop() as loop, Progress() as progress:
            task = progress.add_task("expert episodes", total=given.config.episodes)
            kept = collect(loop, routes, given.output, given.config, lambda record: progress.advance(task))
    except (ValueError, OSError) as error:
        print(f"craft collect: {error}", file=sys.stderr)
        return 2
    print(f"{given.output}: {kept} of {given.config.episodes} episodes were driven to the end without an infraction")
    return 0
