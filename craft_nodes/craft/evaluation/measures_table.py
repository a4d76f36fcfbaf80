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
    table = Table(title=f"{world}: mean (95 % interval) over {episodes} episodes")
    table.add_column("")
    for title in ("score", "episodes"):
        table.add_column(title, justify="right")
    for name, measure in measures.items():
        form = _FORMS.get(name, "{:.1f}")
        title = _TITLES.get(name, f"{name.replace('_', ' ')} [%]")
        value = f"{form} ({form} .. {form})".format(measure.value, measure.low, measure.high)
        table.add_row(title, value, str(measure.episodes))
    return table
