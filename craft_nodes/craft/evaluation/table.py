"""The before / after table, for the terminal and as Markdown."""

from rich.table import Table

from craft.evaluation.scores import METRICS, Scores

_TITLES = {
    "driving_score": ("driving score [%]", "{:.1f}"),
    "route_completion": ("route completion [%]", "{:.1f}"),
    "infraction_score": ("infraction score", "{:.3f}"),
    "success_rate": ("success rate [%]", "{:.1f}"),
    "infractions_per_km": ("infractions per km", "{:.2f}"),
}


def _rows(before: Scores, after: Scores) -> list[tuple[str, str, str, str]]:
    rows = []
    for name in METRICS:
        title, form = _TITLES[name]
        cells = [
            f"{form} ({form} .. {form})".format(getattr(scores, name), *scores.intervals[name])
            for scores in (before, after)
        ]
        change = getattr(after, name) - getattr(before, name)
        rows.append((title, *cells, ("+" if change >= 0.0 else "") + form.format(change)))
    for ability in before.abilities:
        if ability in after.abilities:
            first, last = before.abilities[ability].driving_score, after.abilities[ability].driving_score
            rows.append((f"{ability.replace('_', ' ')} [%]", f"{first:.1f}", f"{last:.1f}", f"{last - first:+.1f}"))
    rows.append(("episodes", str(before.episodes), str(after.episodes), ""))
    rows.append(("not completed", str(len(before.failed)), str(len(after.failed)), ""))
    return rows


def comparison_table(before: Scores, after: Scores, world: str) -> Table:
    """The comparison for a terminal.

    Args:
        before, after: Scores of the pre-trained and of the fine-tuned policy.
        world: "carla_light" or "carla"; the label of every score.
    """
    table = Table(title=f"Held-out routes on {world}: mean (95 % interval)")
    for number, column in enumerate(("", "before", "after", "change")):
        table.add_column(column, justify="right" if number else "left")
    for row in _rows(before, after):
        table.add_row(*row)
    return table


def comparison_markdown(before: Scores, after: Scores, world: str) -> str:
    """The same as Markdown, for a file or a README."""
    lines = [f"| {world} | before | after | change |", "|---|--:|--:|--:|"]
    lines += ["| " + " | ".join(row) + " |" for row in _rows(before, after)]
    return "\n".join(lines) + "\n"


def scores_table(scores: Scores, world: str) -> Table:
    """The scores of one evaluation for a terminal.

    Args:
        scores: Of the evaluated policy.
        world: "carla_light" or "carla"; the label of every score.
    """
    table = Table(title=f"{world}: mean (95 % interval) over {scores.episodes} episodes")
    table.add_column("")
    table.add_column("score", justify="right")
    for name in METRICS:
        title, form = _TITLES[name]
        table.add_row(title, f"{form} ({form} .. {form})".format(getattr(scores, name), *scores.intervals[name]))
    for ability, score in scores.abilities.items():
        table.add_row(f"{ability.replace('_', ' ')} [%]", f"{score.driving_score:.1f}")
    table.add_row("not completed", str(len(scores.failed)))
    return table
