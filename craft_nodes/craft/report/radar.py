"""The abilities as a radar, SVG."""

import math
from collections.abc import Mapping

from craft.report.markup import number, text

RADIUS, WIDTH, HEIGHT = 100.0, 420.0, 300.0
RINGS = (25.0, 50.0, 75.0, 100.0)  # [%]
FEWEST = 3  # axes; fewer enclose nothing
_LABEL_AT = 1.12  # of the radius


def corner(axis: int, axes: int, share: float) -> tuple[float, float]:
    """Where a value lies: the first axis points up, the others follow clockwise; y grows downwards.

    Args:
        axis: Number of the axis, from 0.
        axes: How many there are.
        share: 0 in the middle, 1 at the outermost ring.
    """
    angle = 2.0 * math.pi * axis / axes
    return RADIUS * share * math.sin(angle), -RADIUS * share * math.cos(angle)


def radar(series: Mapping[str, Mapping[str, float]]) -> str:
    """The picture; empty where fewer than three axes are common to all series.

    Args:
        series: CSS class of the series -> axis -> value [%]. Axes that a series lacks are left out.
    """
    first = next(iter(series.values()))
    axes = [axis for axis in first if all(axis in values for values in series.values())]
    if len(axes) < FEWEST:
        return ""
    count = len(axes)
    rings = "".join(f'<polygon class="grid" points="{_polygon([ring / 100.0] * count)}"/>' for ring in RINGS)
    spokes, labels = [], []
    for i, axis in enumerate(axes):
        x, y = corner(i, count, 1.0)
        spokes.append(f'<line class="grid" x1="0" y1="0" x2="{number(x)}" y2="{number(y)}"/>')
        x, y = corner(i, count, _LABEL_AT)
        anchor = "middle" if abs(x) < 1.0 else "start" if x > 0.0 else "end"
        labels.append(
            f'<text x="{number(x)}" y="{number(y + 4.0)}" text-anchor="{anchor}">{text(axis.replace("_", " "))}</text>'
        )
    shapes = []
    for name, values in series.items():
        shapes.append(f'<polygon class="{name}" points="{_polygon([values[axis] / 100.0 for axis in axes])}"/>')
        for i, axis in enumerate(axes):
            x, y = corner(i, count, values[axis] / 100.0)
            told = text(f"{axis.replace('_', ' ')}: {values[axis]:.1f} %")
            shapes.append(
                f'<circle class="{name}" cx="{number(x)}" cy="{number(y)}" r="3"><title>{told}</title></circle>'
            )
    scale = "".join(
        f'<text class="tick" x="3" y="{number(-RADIUS * ring / 100.0 + 3.0)}">{ring:g}</text>' for ring in RINGS
    )
    box = f"{number(-WIDTH / 2)} {number(-HEIGHT / 2)} {number(WIDTH)} {number(HEIGHT)}"
    return (
        f'<svg class="radar" viewBox="{box}" role="img" aria-label="Radar of the abilities">'
        f"{rings}{''.join(spokes)}{''.join(shapes)}{scale}{''.join(labels)}</svg>"
    )


def _polygon(shares):
    points = (corner(i, len(shares), share) for i, share in enumerate(shares))
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)
