"""The page as a whole."""

from collections.abc import Sequence

import yaml

from craft.report import curves, radar, tables
from craft.report.markup import asset, fill, text
from craft.report.runs import Run

_LIGHT = (
    "Every figure on this page was measured on carla_light, the embedded simulator. "
    "They are not CARLA figures and cannot be compared with Bench2Drive's."
)
_REAL = "Every figure on this page was measured on a CARLA server."


def page(runs: Sequence[Run], gallery: str = "", decisions: str = "", without: str = "") -> str:
    """One HTML document that needs no other file.

    Args:
        runs: At least one, of the same episodes.
        gallery: The videos, markup.
        decisions: The decisions of one episode, JSON.
        without: Why there are no videos, for people.
    """
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs"
    note = ""
    if any(_outcomes(run.before) != _outcomes(runs[0].before) for run in runs):
        note = (
            f"<p class='warn'>The runs' evaluations before fine-tuning differ; shown as pre-trained is that of "
            f"{text(runs[0].name)}.</p>"
        )
    picture = radar.radar(tables.success_by_ability(runs))
    panels = curves.panels([(run.name, run.metrics) for run in runs])
    return fill(
        "page.html",
        title=text(f"CRAFT report: {title}"),
        style=asset("page.css"),
        script=asset("page.js"),
        heading=text(title),
        world=text(runs[0].world),
        world_note=text(_LIGHT if runs[0].world == "carla_light" else _REAL),
        facts=_facts(runs),
        note=note,
        scores=tables.scores(runs).html(),
        scenarios=tables.scenarios(runs).html(),
        abilities=tables.abilities(runs).html(),
        radar=picture or "<p>Fewer than three abilities were tested, too few for a radar.</p>",
        events=tables.events(runs).html(),
        episodes=tables.episodes(runs).html(),
        legend=_legend(runs),
        curves=panels or "<p>The run has no metrics: no round was trained.</p>",
        gallery=gallery or f"<p>{text(without)}</p>",
        decisions=_decision_view(decisions) if decisions else f"<p>{text(without)}</p>",
        configuration=_configuration(runs),
    )


def _outcomes(records):
    return [(record.status, record.driving_score) for record in records]


def _facts(runs):
    summaries = [run.summary for run in runs]
    facts = {
        "runs": ", ".join(run.name for run in runs),
        "method": _each(summaries, "method"),
        "policy family": _each(summaries, "family"),
        "training seed": _each(summaries, "seed"),
        "rounds": _each(summaries, "rounds"),
        "decisions trained on": _each(summaries, "transitions"),
        "held-out episodes": str(len(runs[0].before)),
        "simulated time per wall time": _each(summaries, "real_time_factor", "{:.1f}"),
        "weights (sha256)": _each([{"sha": str(s.get("weights_sha256", ""))[:12]} for s in summaries], "sha"),
    }
    return "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in facts.items())


def _each(summaries, key, form="{}"):
    """The value of every run, once where all are equal."""
    values = [form.format(summary[key]) if key in summary else "unknown" for summary in summaries]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def _legend(runs):
    if len(runs) == 1:
        return ""
    entries = (f'<span><i class="run{i % 8}"></i>{text(run.name)}</span>' for i, run in enumerate(runs))
    return f'<p class="legend">{"".join(entries)}</p>'


def _configuration(runs):
    return "".join(
        f"<details><summary>{text(run.name)}</summary><pre>{text(yaml.safe_dump(run.config, sort_keys=False))}</pre>"
        "</details>"
        for run in runs
    )


def _decision_view(decisions):
    data = f'<script type="application/json" id="decision-data">{decisions}</script>'
    return fill("decision.html") + data
