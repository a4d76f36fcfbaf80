"""Learning curves of a run as PNG files."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from craft.files import write_atomically
from craft.training.run_folder import RunFolder

Rows = Sequence[Mapping[str, float]]

# File name -> (label of the axis, metrics in it)
_CURVES = {
    "loss": ("loss", ("loss", "loss_proxy", "loss_grounded")),
    "divergence": ("divergence from the teacher [nat]", ("reverse_kl", "forward_kl")),
    "return": ("mean per decision", ("grounded_return", "reward", "expected_advantage")),
    "events": ("share of decisions", ("event_share", "clip_fraction", "dual_clip_fraction")),
    "alignment": ("correlation of proxy and executed return", ("alignment_pearson", "alignment_spearman")),
}
_BARS = {
    "driving_score": "driving score [%]",
    "route_completion": "route completion [%]",
    "success_rate": "success rate [%]",
    "infractions_per_km": "infractions per km",
}


def draw_learning_curves(run: RunFolder) -> list[Path]:
    """Draws the metrics of a run over its rounds; a figure none of whose metrics exist is left out.

    Returns:
        The files written.
    """
    rows = run.read_metrics()
    written = []
    for name, (label, metrics) in _CURVES.items():
        present = [metric for metric in metrics if any(metric in row for row in rows)]
        if not present:
            continue
        figure = Figure(figsize=(6.0, 3.6), layout="constrained")
        axes = figure.add_subplot()
        for metric in present:
            points = [(row["round"], row[metric]) for row in rows if metric in row]
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=metric.replace("_", " "))
        axes.set(xlabel="training round", ylabel=label)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        written.append(_write(figure, run.figures / f"{name}.png"))
    return written


def draw_before_after(run: RunFolder, before: Mapping[str, float], after: Mapping[str, float], world: str) -> Path:
    """Draws the scores of the pre-trained and of the fine-tuned policy beside each other.

    Args:
        run: Whose figure.
        before: Scores by name, as in summary.json.
        after: The same.
        world: "carla_light" or "carla": what the scores were measured on, written into the figure.

    Returns:
        The file written.
    """
    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    figure.suptitle(f"held-out routes, measured on {world}")
    for axes, (name, label) in zip(figure.subplots(1, len(_BARS)), _BARS.items(), strict=True):
        bars = axes.bar(["before", "after"], [before[name], after[name]], color=["0.7", "tab:blue"])
        axes.bar_label(bars, fmt="%.2f")
        axes.set_title(label, fontsize="medium")
        axes.margins(y=0.15)
    return _write(figure, run.figures / "before_after.png")


def _write(figure: Figure, path: Path) -> Path:
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    write_atomically(path, stream.getvalue())
    return path
