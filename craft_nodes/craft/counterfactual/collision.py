"""Contacts of the ego with other agents: oriented rectangles, and which contacts count."""

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


@inner
def touches(x, y, cos, sin, half_length, half_width, traffic, agent, step):
    """Whether the ego's box at (x, y) overlaps an agent's at a step."""
    pose, size = traffic.poses[agent, step], traffic.sizes[agent]
    dx, dy = pose[0] - x, pose[1] - y
    if dx * dx + dy * dy >= traffic.reach_m2[agent]:
        return False
    return boxes_overlap(x, y, cos, sin, half_length, half_width, pose[0], pose[1], pose[2], pose[3], size[0], size[1])


@inner
def fill_touching(ego_half_length, ego_half_width, traffic):
    """Write Traffic.touching: which agents the ego overlaps before the first step."""
    for agent in range(traffic.count):
        traffic.touching[agent] = touches(0.0, 0.0, 1.0, 0.0, ego_half_length, ego_half_width, traffic, agent, 0)


@inner
def collides(x, y, cos, sin, half_length, half_width, standing, traffic, step, sleeping):
    """Whether the ego has a contact that counts.

    Args:
        x, y, cos, sin: The ego's pose.
        half_length, half_width: [m].
        standing: The ego stands: no contact counts.
        traffic: Traffic.
        step: Of the rollout.
        sleeping: bool [A], updated: contacts with this agent do not count until the boxes have parted.
    """
    centre_x, centre_y, reach_m2 = traffic.centres[step, 0], traffic.centres[step, 1], traffic.reach_m2
    near = False
    for agent in range(traffic.count):  # broad phase: no branches, so that the compiler takes several agents at once
        dx, dy = centre_x[agent] - x, centre_y[agent] - y
        near |= dx * dx + dy * dy < reach_m2[agent]
    if not near:
        for agent in range(traffic.count):
            sleeping[agent] = False
        return False

    hit = False
    for agent in range(traffic.count):
        if not touches(x, y, cos, sin, half_length, half_width, traffic, agent, step):
            sleeping[agent] = False
            continue
        if (centre_x[agent] - x) * cos + (centre_y[agent] - y) * sin < -half_length:  # it drove into the ego's rear
            sleeping[agent] = True
        if not (sleeping[agent] or standing):
            hit = True
    return hit
