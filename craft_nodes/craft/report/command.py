"""Entry point of `craft report`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from craft.files import write_atomically
from craft.policies import Policy, load_policy
from craft.report.markup import text
from craft.report.page import page
from craft.report.runs import Run, read_runs

_SHIPPED = "vocabulary"  # what a run was begun from that does not say so


@dataclass(frozen=True)
class Arguments:
    """Show what fine-tuning changed, as one HTML page that needs no other file and no network."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]  # folders of runs, or of a study; several are compared
    output: Path = Path("report.html")  # the page
    videos: int = 3  # episodes driven anew with both policies and filmed; 0: none, and no decisions either
    checkpoint: str | None = None  # what the run was fine-tuned from; without it, what its config.yaml says
    suite: str = "held_out"  # the routes of the evaluation, a suite's name or path


def load_policies(run: Run, checkpoint: str | None) -> tuple[Policy, Policy]:
    """The pre-trained and the fine-tuned policy of a run.

    Args:
        run: Whose weights.
        checkpoint: What it was fine-tuned from; None: what its configuration says.

    Raises:
        ValueError: Weights are missing or damaged, or the run was begun from another checkpoint.
    """
    source = checkpoint or run.config.get("checkpoint") or _SHIPPED
    before, after = load_policy(source), load_policy(source)
    last = int(run.summary.get("rounds", 0))
    if _weights(run, 0) != before.trainable_bytes():
        raise ValueError(
            f"{run.path} was not fine-tuned from the checkpoint {source}; name its own with --checkpoint, or leave the "
            "videos out with --videos 0"
        )
    after.load_trainable_bytes(_weights(run, last), str(run.summary.get("weights_sha256")), last)
    return before, after


def _weights(run, version):
    path = run.path / "weights" / f"{version}.safetensors"
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path} is not readable ({error.strerror}), so nothing can be driven anew; restore it, or use --videos 0"
        ) from error


def films(run: Run, given: Arguments) -> tuple[str, str]:
    """The gallery as markup and the decisions as JSON, driven anew on the embedded world.

    Raises:
        ValueError: See `load_policies`; or the suite has not the routes of the evaluation.
        OSError: The embedded world stopped answering.
    """
    from rich.progress import Progress, TimeRemainingColumn

    from craft.counterfactual import CounterfactualWorld
    from craft.report import gallery
    from craft.world.connection import WorldError
    from craft.world.embedded import embedded_loop
    from craft.world.routes import load_suite

    policies = load_policies(run, given.checkpoint)
    routes = {spec.id: spec for spec in load_suite(given.suite)}
    chosen = gallery.choose(run, given.videos)
    unknown = sorted({run.before[i].route_id for i in chosen} - routes.keys())
    if unknown:
        raise ValueError(
            f"the suite {given.suite} has no route {', '.join(unknown)}; name the suite that the run was evaluated on "
            "with --suite, or leave the videos out with --videos 0"
        )
    pairs, logs, world = [], [], CounterfactualWorld()
    with (
        embedded_loop() as loop,
        Progress(*Progress.get_default_columns()[:3], TimeRemainingColumn()) as bar,
    ):
        task = bar.add_task("driving", total=2 * len(chosen))
        for i in chosen:
            evaluated = run.before[i], run.after[i]
            spec = routes[evaluated[0].route_id]
            try:
                pair, log = gallery.drive_pair(loop, spec, evaluated, policies, world, lambda: bar.advance(task))
            except WorldError as error:
                raise OSError(f"{error}; make the page again, or with --videos 0") from error
            pairs.append(pair)
            logs.append(log)
    gained = [after.driving_score - before.driving_score for before, after in (pair.evaluated for pair in pairs)]
    most = max(range(len(pairs)), key=gained.__getitem__)
    record = pairs[most].evaluated[0]
    return gallery.html(pairs), logs[most].json(f"{record.scenario}, {record.route_id}, seed {record.seed}")


def report(given: Arguments) -> str:
    """Writes the page.

    Returns:
        What was written, for people.

    Raises:
        ValueError: Names what is wrong with the runs or the request, and the cure.
        OSError: The page cannot be written.
    """
    if given.videos < 0:
        raise ValueError(f"--videos is {given.videos}; give 0 or more")
    if given.output.is_dir():
        raise ValueError(f"--output {given.output} is a folder; give the name of a file")
    runs = read_runs(given.runs)
    whole = page(runs, *_driven(runs, given)).encode()
    write_atomically(given.output, whole)
    return f"{len(runs)} run{'s' * (len(runs) > 1)}, {len(whole) / 1e6:.1f} MB"


def _driven(runs: Sequence[Run], given: Arguments) -> tuple[str, str, str]:
    """Gallery, decisions, and why there are none."""
    if given.videos == 0:
        return "", "", "Nothing was driven anew for this page (--videos 0)."
    if runs[0].world != "carla_light":
        return "", "", "Videos are driven anew on carla_light; this run was evaluated on a CARLA server."
    markup, decisions = films(runs[0], given)
    if len(runs) > 1:
        markup = f"<p>Fine-tuned by {text(runs[0].name)}, the first of the runs.</p>" + markup
    return markup, decisions, ""


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `craft report`."""
    given = tyro.cli(Arguments, args=arguments, prog="craft report")
    try:
        told = report(given)
    except (ValueError, OSError) as error:
        print(f"craft report: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"craft report: stopped; {given.output} was not written", file=sys.stderr)
        return 130
    print(f"{given.output}: {told}")
    return 0
