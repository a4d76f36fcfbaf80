"""The tables of a report: what was measured before and after, by measure, ability, scenario, event and episode."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from craft.evaluation import aggregate
from craft.evaluation.abilities import ABILITIES, ABILITY_NAMES
from craft.evaluation.comparison import MEASURES, Change, compare
from craft.events import EpisodeRecord, EventKind
from craft.report.markup import text
from craft.report.runs import Run

_MEASURE = {  # title, format, whether more is better
    "driving_score": ("driving score [%]", "{:.1f}", True),
    "success_rate": ("success rate [%]", "{:.1f}", True),
    "route_completion": ("route completion [%]", "{:.1f}", True),
    "infraction_score": ("infraction score", "{:.3f}", True),
    "infractions_per_km": ("infractions per km", "{:.2f}", False),
}
_SCORE = "{:.1f}"


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What it says.
        value: What its column is sorted by; the text without it.
        note: Smaller, after the text: an interval.
        verdict: "better" or "worse" where the interval of a change excludes none.
    """

    text: str
    value: float | None = None
    note: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows.

    Attributes:
        name: Its id in the page.
        columns: Their heads.
        rows: As many cells each.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def html(self) -> str:
        """A table that a click on a column's head sorts."""
        head = "".join(f'<th scope="col"><button type="button">{text(column)}</button></th>' for column in self.columns)
        body = "".join(f"<tr>{''.join(map(_html, row, self.columns, range(len(row))))}</tr>" for row in self.rows)
        return (
            f'<div class="wide"><table class="sortable cards" id="{self.name}"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )


def _html(cell, title, column):
    value = "" if cell.value is None else f' data-value="{cell.value!r}"'
    kind = f' class="{cell.verdict}"' if cell.verdict else ""
    note = f" <small>{text(cell.note)}</small>" if cell.note else ""
    tag, scope = ("td", f' data-title="{text(title)}"') if column else ("th", ' scope="row"')
    return f"<{tag}{scope}{kind}{value}>{text(cell.text)}{note}</{tag}>"


def scores(runs: Sequence[Run]) -> Table:
    """Every measure before and after, with intervals; with several runs their mean and each of them."""
    changes = compare(runs[0].before, [run.after for run in runs])
    first = aggregate(runs[0].before)
    rows = []
    for name in MEASURES:
        title, form, more_is_better = _MEASURE.get(name, (name.replace("_", " "), "{:.2f}", True))
        change = changes[name]
        row = [
            Cell(title),
            Cell(_said(form, change.before), change.before, _interval(form, first.intervals[name])),
            Cell(_said(form, change.after), change.after, _interval(form, (change.after_low, change.after_high))),
            _change(change, form, more_is_better),
        ]
        if len(runs) > 1:
            row += [Cell(_said(form, value), value) for value in change.per_seed]
        rows.append(tuple(row))
    return Table("scores", ("measure", "pre-trained", "fine-tuned", "change", *_each(runs)), tuple(rows))


def abilities(runs: Sequence[Run]) -> Table:
    """Driving score and success rate of every ability that was tested [%]."""
    groups = [
        (name.replace("_", " "), [name in ABILITIES.get(record.scenario, ()) for record in runs[0].before])
        for name in ABILITY_NAMES
    ]
    return _grouped("abilities", "ability", runs, groups)


def scenarios(runs: Sequence[Run]) -> Table:
    """Driving score and success rate of every scenario type [%]."""
    names = sorted({record.scenario for record in runs[0].before})
    groups = [(name or "unknown", [record.scenario == name for record in runs[0].before]) for name in names]
    return _grouped("scenarios", "scenario", runs, groups)


def _grouped(name, column, runs, groups):
    rows = []
    for title, chosen in groups:
        before = _chosen(runs[0].before, chosen)
        if not before:
            continue
        changes = compare(before, [_chosen(run.after, chosen) for run in runs])
        row = [Cell(title), Cell(str(len(before)), len(before))]
        for measure in ("driving_score", "success_rate"):
            change = changes[measure]
            row += [
                Cell(_said(_SCORE, change.before), change.before),
                Cell(_said(_SCORE, change.after), change.after),
                _change(change, _SCORE, True),
            ]
        rows.append(tuple(row))
    columns = [f"{what} {when}" for what in ("score", "success") for when in ("before", "after", "change")]
    return Table(name, (column, "episodes", *columns), tuple(rows))


def success_by_ability(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """Success rates of the abilities [%] for the radar: "before", and "after" as the mean over the runs."""
    before = {name: score.success_rate for name, score in aggregate(runs[0].before).abilities.items()}
    after = [aggregate(run.after).abilities for run in runs]
    return {
        "before": before,
        "after": {name: sum(scores[name].success_rate for scores in after) / len(after) for name in before},
    }


def events(runs: Sequence[Run]) -> Table:
    """How often each kind of event happened, and how often it lowered a score; after: mean over the runs."""
    rows = []
    for kind in EventKind:
        row = [Cell(kind.name.replace("_", " ").lower())]
        for part in ("infractions", "events"):
            before = _counts(runs[0].before, part)[kind]
            after = [_counts(run.after, part)[kind] for run in runs]
            mean = sum(after) / len(after)
            row += [Cell(str(before), before), Cell(f"{mean:.4g}", mean)]
        if len(runs) > 1:
            row += [Cell(str(count), count) for count in after]
        if any(cell.value for cell in row):
            rows.append(tuple(row))
    columns = ("kind", "infractions before", "infractions after", "all events before", "all events after")
    return Table("events", (*columns, *(f"all events {name}" for name in _each(runs))), tuple(rows))


def _counts(records, part):
    return Counter(kind for record in records for kind in getattr(record, part))


def episodes(runs: Sequence[Run]) -> Table:
    """Every episode."""
    rows = []
    for number, before in enumerate(runs[0].before):
        after = [run.after[number] for run in runs]
        mean = sum(record.driving_score for record in after) / len(after)
        row = [
            Cell(before.route_id or f"episode {before.episode}"),
            Cell(str(before.seed), before.seed),
            _outcome(before),
            *map(_outcome, after),
            Cell(_said("{:+.1f}", mean - before.driving_score), mean - before.driving_score),
        ]
        rows.append(tuple(row))
    columns = _each(runs) or ("fine-tuned",)
    return Table("episodes", ("route", "seed", "pre-trained", *columns, "change"), tuple(rows))


def _outcome(record):
    kinds = ", ".join(kind.name.replace("_", " ").lower() for kind in record.infractions)
    return Cell(f"{record.driving_score:.1f}", record.driving_score, kinds or record.status)


def _change(change: Change, form: str, more_is_better: bool) -> Cell:
    value = change.after - change.before
    signed = form.replace(":", ":+")
    verdict = ""
    if change.low > 0.0 or change.high < 0.0:
        verdict = "better" if (change.low > 0.0) == more_is_better else "worse"
    return Cell(_said(signed, value), value, _interval(signed, (change.low, change.high)), verdict)


def _interval(form, interval):
    return f"({_said(form, interval[0])} .. {_said(form, interval[1])})"


def _said(form, value):
    """The number in words; what is rounded to zero has no minus."""
    words = form.format(value)
    return form.format(0.0) if float(words) == 0.0 else words


def _each(runs: Sequence[Run]) -> tuple[str, ...]:
    return tuple(run.name for run in runs) if len(runs) > 1 else ()


def _chosen(records: Sequence[EpisodeRecord], chosen: Sequence[bool]) -> list[EpisodeRecord]:
    return [record for record, take in zip(records, chosen, strict=True) if take]
