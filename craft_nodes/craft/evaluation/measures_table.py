"""Bench2Drive's measures for the terminal."""

from collections.abc import Mapping

from rich.table import Table

from craft.evaluation.measures import Measure

_TITLES = {
    "driving_score": "driving score [%]",
    "route_completion": "route completion [%]",
    "infraction_score": "infraction score",
    "success_rate": "success rate [%]",
    "infractions_per_km": "infractions per km",
    "ability_mean": "mean of the abilities [%]",
    "efficiency": "efficiency [%]",
    "comfort": "comfort [%]",
}
_FORMS = {"infraction_score": "{:.3f}", "infractions_per_km": "{:.2f}"}


def measures_table(measures: Mapping[str, Measure], world: str, episodes: int) -> Table:
    """A table of all measures.

    Args:
        measures: See `evaluate_measures`.
        world: "carla_light" or "carla"; the label of every score.
        episodes: Number of episodes of the evaluation.
    """
    again = any(measure.same_low is not None for measure in measures.values())
    table = Table(title=f"{world}: mean and 95 % intervals over {episodes} episodes")
    table.add_column("")
    for title in ("mean", "other routes", *(("other seeds",) if again else ()), "episodes"):
        table.add_column(title, justify="right")
    for name, measure in measures.items():
        form = _FORMS.get(name, "{:.1f}")
        title = _TITLES.get(name, f"{name.replace('_', ' ')} [%]")
        cells = [form.format(measure.value), f"{form} .. {form}".format(measure.low, measure.high)]
        if again:
            cells.append(f"{form} .. {form}".format(measure.same_low, measure.same_high))
        table.add_row(title, *cells, str(measure.episodes))
    return table
