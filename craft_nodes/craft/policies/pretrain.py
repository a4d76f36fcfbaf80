"""`craft pretrain`: from recorded expert driving to the checkpoint of a vocabulary policy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from craft.policies.dataset import read_dataset
from craft.policies.imitation import ImitationConfig, ImitationMetrics, imitate, measure, split_episodes
from craft.policies.vocabulary import VocabularyConfig, VocabularyPolicy, build_vocabulary


@dataclass(frozen=True)
class PretrainConfig:
    """Everything that decides what the checkpoint will be, besides the recorded driving."""

    candidates: int = 512  # G, entries of the vocabulary (CRAFT, SparseDriveV2's variant)
    episodes: int | None = None  # use the first ones of the recorded episodes only; all of them when not given
    imitation: ImitationConfig = field(default_factory=ImitationConfig)
    network: VocabularyConfig = field(default_factory=VocabularyConfig)

    def __post_init__(self):
        if self.candidates < 2:
            raise ValueError(f"PretrainConfig: candidates is {self.candidates}, expected 2 or more")
        if self.episodes is not None and self.episodes < 2:
            raise ValueError(f"PretrainConfig: episodes is {self.episodes}, expected 2 or more")


def pretrain(
    data: Path | str,
    output: Path | str,
    config: PretrainConfig,
    on_step: Callable[[int, int, float], None] = lambda done, total, loss: None,
) -> ImitationMetrics:
    """Clusters the vocabulary, trains by imitation, and writes the checkpoint folder.

    Args:
        data: Folder that a DatasetWriter wrote.
        output: Checkpoint folder; replaced at the end, in one step.
        config: How.
        on_step: Told the optimiser steps done, their total, and the last loss.

    Returns:
        Metrics on the held-out episodes.

    Raises:
        ValueError: The recorded driving is missing, damaged or too little, or training diverged.
    """
    dataset = read_dataset(data, config.episodes)
    seed = config.imitation.seed
    training, validation = split_episodes(dataset.episode, config.imitation.validation_share, seed)
    vocabulary = build_vocabulary(dataset.futures[training].numpy(), config.candidates, seed)
    policy = VocabularyPolicy(config.network, vocabulary, seed)
    imitate(policy, dataset[training], config.imitation, on_step)
    metrics = measure(policy, dataset[validation], config.imitation.target_sharpness)
    policy.save(Path(output))
    return metrics


@dataclass(frozen=True)
class Arguments:
    """Imitate recorded expert driving: cluster the trajectory vocabulary, train encoder and scoring head."""

    data: Path  # folder that `craft collect` wrote
    output: Path  # checkpoint folder to write
    config: PretrainConfig = field(default_factory=PretrainConfig)


def main(argv: list[str] | None = None) -> None:
    """Entry point of `craft pretrain`."""
    import tyro
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("loss {task.fields[loss]:.3f}"))
    try:
        arguments = tyro.cli(tyro.conf.OmitArgPrefixes[Arguments], args=argv, prog="craft pretrain")
        with Progress(*columns, TimeRemainingColumn()) as progress:
            task = progress.add_task("imitation", total=None, loss=float("nan"))
            metrics = pretrain(
                arguments.data,
                arguments.output,
                arguments.config,
                lambda done, total, loss: progress.update(task, completed=done, total=total, loss=loss),
            )
    except ValueError as error:
        raise SystemExit(f"craft pretrain: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit("craft pretrain: stopped; no checkpoint was written") from None
    print(
        f"{arguments.output}: on held-out episodes the top-1 trajectory is {metrics.ade_m:.2f} m from the expert on "
        f"average and {metrics.fde_m:.2f} m after 3 s (best of the vocabulary {metrics.vocabulary_ade_m:.2f} m); it is "
        f"the one nearest to the expert in {100 * metrics.agreement:.0f} % of states; divergence from the targets "
        f"{metrics.divergence:.3f} nat"
    )


if __name__ == "__main__":
    main()
