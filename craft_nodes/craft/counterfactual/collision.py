"""Overlap of oriented rectangles."""

from craft.vehicle.compiled import inner


@inner
def boxes_overlap(ax, ay, a_cos, a_sin, a_length, a_width, bx, by, b_cos, b_sin, b_length, b_width):
    """Separating-axis test of two rectangles; touching is not overlapping.

    Args:
        ax, ay, bx, by: Centres [m].
        a_cos, a_sin, b_cos, b_sin: Directions of the long sides.
        a_length, a_width, b_length, b_width: HALF sizes [m].
    """
    dx, dy = bx - ax, by - ay
    cos = abs(a_cos * b_cos + a_sin * b_sin)
    sin = abs(a_cos * b_sin - a_sin * b_cos)
    if abs(dx * a_cos + dy * a_sin) >= a_length + b_length * cos + b_width * sin:
        return False
    if abs(dy * a_cos - dx * a_sin) >= a_width + b_length * sin + b_width * cos:
        return False
    if abs(dx * b_cos + dy * b_sin) >= b_length + a_length * cos + a_width * sin:
        return False
    return abs(dy * b_cos - dx * b_sin) < b_width + a_length * sin + a_width * cos
