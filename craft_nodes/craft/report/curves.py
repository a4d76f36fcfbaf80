"""Learning curves as small multiples, SVG: one panel a metric, one line a run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from craft.report.markup import number, text

WIDTH, HEIGHT = 320.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 10.0, 10.0, 34.0  # margins around the axes


@dataclass(frozen=True)
class Panel:
    """What one panel shows.

    Attributes:
        metric: Its name in metrics.jsonl.
        title: What it is.
        unit: Of the vertical axis, empty where it is a plain number.
        meaning: One line for people.
    """

    metric: str
    title: str
    unit: str
    meaning: str


PANELS = (
    Panel("expected_advantage", "Expected advantage", "std", "what the policy's candidates are worth on average"),
    Panel("reverse_kl", "Reverse KL to the teacher", "nat", "how far the policy has left the EMA teacher"),
    Panel("forward_kl", "Forward KL to the teacher", "nat", "what the teacher does that the policy no longer does"),
    Panel("grounded_return", "Grounded return", "", "what really happened, discounted, mean over decisions"),
    Panel("reward", "Grounded reward", "", "mean over decisions"),
    Panel("event_share", "Decisions with an event", "", "share of decisions in which something went wrong"),
    Panel("clip_fraction", "Clipped ratios", "", "share of decisions"),
    Panel("dual_clip_fraction", "Dual-clipped ratios", "", "share of decisions"),
    Panel("entropy", "Entropy", "nat", "of the policy over its candidates"),
    Panel("alignment_spearman", "Alignment of proxy and outcome", "rank corr.", "0: the proxy says nothing"),
    Panel("loss", "Loss", "", "all terms together"),
    Panel("driving/driving_score", "Driving score in training", "%", "sampled driving on the training routes"),
)


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers that span [low, high]: steps of 1, 2 or 5 times a power of ten, at most about `count` of them."""
    if not high > low:
        reach = abs(low) if low else 1.0
        low, high = low - 0.5 * reach, high + 0.5 * reach
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= raw * (1.0 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def panels(runs: Sequence[tuple[str, Sequence[dict[str, float]]]]) -> str:
    """All panels for which there are figures.

    Args:
        runs: (name, rows of metrics.jsonl) of each run; its line has the CSS class `run0`, `run1`, ...
    """
    return "".join(
        _panel(panel, runs) for panel in PANELS if any(panel.metric in row for _, rows in runs for row in rows)
    )


def _panel(panel, runs):
    lines = [(name, [(row["round"], row[panel.metric]) for row in rows if panel.metric in row]) for name, rows in runs]
    every = [point for _, points in lines for point in points]
    across = ticks(min(x for x, _ in every), max(x for x, _ in every), 6)
    across = [x for x in across if x == int(x) and x >= 0]
    up = ticks(min(y for _, y in every), max(y for _, y in every))
    low_x, high_x = min(x for x, _ in every), max(max(x for x, _ in every), min(x for x, _ in every) + 1)

    def place(x, y):
        share_x, share_y = (x - low_x) / (high_x - low_x), (y - up[0]) / (up[-1] - up[0])
        return LEFT + share_x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - share_y * (HEIGHT - TOP - BOTTOM)

    parts = []
    for y in up:
        _, row = place(low_x, y)
        kind = "zero" if y == 0.0 else "grid"
        parts.append(
            f'<line class="{kind}" x1="{number(LEFT)}" x2="{number(WIDTH - RIGHT)}" y1="{number(row)}" '
            f'y2="{number(row)}"/><text class="tick" x="{number(LEFT - 6)}" y="{number(row + 4)}" '
            f'text-anchor="end">{y:g}</text>'
        )
    for x in across:
        if low_x <= x <= high_x:
            column, _ = place(x, up[0])
            parts.append(
                f'<text class="tick" x="{number(column)}" y="{number(HEIGHT - BOTTOM + 15)}" '
                f'text-anchor="middle">{x:g}</text>'
            )
    parts.append(
        f'<text class="tick" x="{number((LEFT + WIDTH - RIGHT) / 2)}" y="{number(HEIGHT - 3)}" '
        'text-anchor="middle">training round</text>'
    )
    for i, (name, points) in enumerate(lines):
        places = [place(x, y) for x, y in points]
        path = " ".join(f"{number(x)},{number(y)}" for x, y in places)
        parts.append(f'<polyline class="line run{i % 8}" points="{path}"/>')
        for (column, row), (x, y) in zip(places, points, strict=True):
            told = text(f"{name}, round {x:g}: {y:.4g}")
            parts.append(
                f'<circle class="dot run{i % 8}" cx="{number(column)}" cy="{number(row)}" r="2.5">'
                f"<title>{told}</title></circle>"
            )
    unit = f" [{panel.unit}]" if panel.unit else ""
    label = text(f"{panel.title} over training rounds, from {every[0][1]:.3g} to {every[-1][1]:.3g}")
    return (
        f'<figure class="panel"><figcaption><b>{text(panel.title)}</b>{text(unit)}<br/>'
        f"<small>{text(panel.meaning)}</small></figcaption>"
        f'<svg viewBox="0 0 {number(WIDTH)} {number(HEIGHT)}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
        "</figure>"
    )
