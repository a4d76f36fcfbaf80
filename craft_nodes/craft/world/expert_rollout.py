"""The expert's look ahead: one proposal (a lateral shift and a way to choose the speed), driven through the forecast.

Plain loops compiled by numba. All in the map frame; `s` is the distance along the route from the vehicle [m] and `d`
the distance to its left [m].
"""

import math
from collections import namedtuple

import numpy as np
from numba import njit

# Where the vehicle goes sideways: d(s) = base that fades out + shift that comes and goes.
Shift = namedtuple(
    "Shift",
    [
        "offset",  # d now [m]
        "slope",  # tangent of the heading relative to the route now
        "fade",  # length over which what is not part of the shift fades out [m]
        "size",  # of the shift, left positive [m]
        "out_at",  # s where it begins [m]; negative infinity: it has been there already
        "out_over",  # length of its ramp [m]
        "back_at",  # s where it ends [m]
        "back_over",  # length of this ramp [m]
    ],
)

# How the speed is chosen.
Pace = namedtuple(
    "Pace",
    [
        "share",  # of the planned speed
        "stop_at",  # s of the vehicle's centre where it must stand, infinity if nowhere [m]
        "forced",  # deceleration whatever comes, 0 if free [m/s2]
    ],
)

# The intelligent driver model, and how the box grows.
Style = namedtuple(
    "Style",
    [
        "dt",  # [s]
        "acceleration",  # IDM a [m/s2]
        "comfort_brake",  # IDM b, also for stopping at a line [m/s2]
        "hard_brake",  # limit [m/s2]
        "headway",  # IDM T [s]
        "corridor_side",  # beyond the boxes' widths a leader is still in the way [m]
        "side_margin",  # box inflation to each side [m]
        "ahead_margin",  # box inflation lengthwise [m]
        "walker_margin",  # further inflation for walkers and bicycles [m]
        "time_margin",  # others not going along are lengthened by their speed times this [s]
    ],
)

# The tracking law brakes only where the speed is a tenth above the desired one: braking with less than this share of
# the speed a second is not felt in time [1/s].
FELT_BRAKE_PER_S = 0.25


@njit(cache=True)
def along_route(x, y, path):
    """(s, d, yaw of the route) of a point; the route goes on straight at both ends.

    Args:
        x, y: Map frame [m].
        path: [N, 4]: x, y [m], yaw [rad], s [m].
    """
    best, place = np.inf, 0
    for i in range(path.shape[0]):
        distance = (x - path[i, 0]) ** 2 + (y - path[i, 1]) ** 2
        if distance < best:
            best, place = distance, i
    yaw = path[place, 2]
    dx, dy = x - path[place, 0], y - path[place, 1]
    along = math.cos(yaw) * dx + math.sin(yaw) * dy
    left = math.cos(yaw) * dy - math.sin(yaw) * dx
    if 0 < place < path.shape[0] - 1:
        along = min(max(along, -0.7), 0.7)
    return path[place, 3] + along, left, yaw


@njit(cache=True)
def on_route(s, d, path):
    """(x, y, yaw) of the point at `s` along the route and `d` to its left."""
    place = min(max(s - path[0, 3], 0.0), path.shape[0] - 1.001)
    i = int(place)
    part = place - i
    yaw = path[i, 2] + part * (path[i + 1, 2] - path[i, 2])
    x = path[i, 0] + part * (path[i + 1, 0] - path[i, 0])
    y = path[i, 1] + part * (path[i + 1, 1] - path[i, 1])
    rest = s - path[0, 3] - place  # past an end: straight on
    return x + rest * math.cos(yaw) - d * math.sin(yaw), y + rest * math.sin(yaw) + d * math.cos(yaw), yaw


@njit(cache=True)
def smooth_step(u):
    """0 before 0, 1 after 1, a cubic between."""
    u = min(max(u, 0.0), 1.0)
    return u * u * (3.0 - 2.0 * u)


@njit(cache=True)
def shifted(s, shift):
    """D at `s` [m]."""
    extra = shift.size * (
        smooth_step((s - shift.out_at) / shift.out_over) - smooth_step((s - shift.back_at) / shift.back_over)
    )
    already = shift.size if shift.out_at + shift.out_over <= 0.0 else 0.0
    u = min(max(s / shift.fade, 0.0), 1.0)
    # Cubic Hermite from (offset - already, slope) to (0, 0).
    base = (shift.offset - already) * (1.0 - u * u * (3.0 - 2.0 * u)) + shift.slope * shift.fade * u * (1.0 - u) ** 2
    return extra + base


@njit(cache=True)
def boxes_overlap(x0, y0, yaw0, length0, width0, x1, y1, yaw1, length1, width1):
    """Whether two rectangles (centre, heading, half length, half width) overlap: separating axes."""
    dx, dy = x1 - x0, y1 - y0
    reach = length0 + width0 + length1 + width1
    if dx * dx + dy * dy > reach * reach:
        return False
    c0, s0, c1, s1 = math.cos(yaw0), math.sin(yaw0), math.cos(yaw1), math.sin(yaw1)
    c, s = abs(c0 * c1 + s0 * s1), abs(c0 * s1 - s0 * c1)
    if abs(dx * c0 + dy * s0) > length0 + length1 * c + width1 * s:
        return False
    if abs(dy * c0 - dx * s0) > width0 + length1 * s + width1 * c:
        return False
    if abs(dx * c1 + dy * s1) > length1 + length0 * c + width0 * s:
        return False
    return abs(dy * c1 - dx * s1) <= width1 + length0 * s + width0 * c


@njit(cache=True)
def hits(x, y, yaw, speed, half, agent, size, step, style):
    """Whether the vehicle's inflated box at a pose overlaps one other's at a step of the forecast.

    Args:
        x, y, yaw, speed: Of the vehicle.
        half: (half length, half width) [m].
        agent: [steps + 1, 7]: x, y, yaw, speed, s, d, relative yaw of the other.
        size: [5]: half length, half width, kind (0 vehicle), standing gap [m], ignored (1 or 0).
        step: Of the forecast.
        style: Style.
    """
    margin = style.side_margin + (style.walker_margin if size[2] > 0.0 else 0.0)
    ahead = style.ahead_margin + 0.5 * margin
    if step < 2:  # so close in time nothing is uncertain; otherwise passing narrowly would count as a collision
        margin, ahead = 0.5 * margin, 0.5 * ahead
    length = size[0]
    if math.cos(agent[step, 6]) < 0.7 and step >= 2:
        length += style.time_margin * agent[step, 3]
    return boxes_overlap(
        x, y, yaw, half[0] + ahead, half[1] + margin, agent[step, 0], agent[step, 1], agent[step, 2], length, size[1]
    )


@njit(cache=True)
def drive(path, planned, half, speed, shift, pace, agents, sizes, style, states):
    """Drive one proposal through the forecast.

    Args:
        path: [N, 4]: x, y [m], yaw [rad], s [m]; 1 m apart.
        planned: [N], planned speed there [m/s].
        half: (half length, half width) of the vehicle [m].
        speed: Now [m/s].
        shift: Shift.
        pace: Pace.
        agents: [A, steps + 1, 7]: forecast x, y, yaw, speed, s, d, relative yaw.
        sizes: [A, 5]: see `hits`.
        style: Style.
        states: [steps + 1, 5], written: x, y, yaw, speed, s.

    Returns:
        (step of the first collision or -1, index of the other or -1).
    """
    steps = states.shape[0] - 1
    s, v = 0.0, speed
    found, other = -1, -1
    for step in range(steps + 1):
        d = shifted(s, shift)
        x, y, yaw = on_route(s, d, path)
        slope = (shifted(s + 0.5, shift) - d) / 0.5
        yaw += math.atan(slope)
        states[step, 0], states[step, 1], states[step, 2], states[step, 3], states[step, 4] = x, y, yaw, v, s
        if found < 0:
            for j in range(agents.shape[0]):
                if sizes[j, 4] == 0.0 and hits(x, y, yaw, v, half, agents[j], sizes[j], step, style):
                    found, other = step, j
                    break
        place = min(max(int(s - path[0, 3]), 0), planned.shape[0] - 1)
        ahead = min(place + 1, planned.shape[0] - 1)
        wanted = max(pace.share * min(planned[place], planned[ahead]), 0.1)
        a = style.acceleration * (1.0 - (v / wanted) ** 4)
        a = max(a, -max(style.comfort_brake, FELT_BRAKE_PER_S * v))
        for j in range(agents.shape[0]):
            if sizes[j, 4] != 0.0:
                continue
            s1, d1, turn, v1 = agents[j, step, 4], agents[j, step, 5], agents[j, step, 6], agents[j, step, 3]
            if s1 <= s or s1 > s + 60.0:
                continue
            across = abs(math.sin(turn))
            if across > 0.6 and v1 > 0.5:
                continue  # it crosses: that is for the collision check
            reach = sizes[j, 0] * across + sizes[j, 1] * abs(math.cos(turn))
            if abs(d1 - shifted(s1, shift)) > half[1] + reach + style.corridor_side:
                continue
            gap = s1 - sizes[j, 0] * abs(math.cos(turn)) - sizes[j, 1] * across - s - half[0]
            leader = max(v1 * math.cos(turn), 0.0)
            brake = 2.0 * math.sqrt(style.acceleration * style.comfort_brake)
            desired = sizes[j, 3] + max(v * style.headway + v * (v - leader) / brake, 0.0)
            a = min(a, style.acceleration * (1.0 - (v / wanted) ** 4 - (desired / max(gap, 0.1)) ** 2))
        room = pace.stop_at - s
        if room < 80.0:
            allowed = math.sqrt(2.0 * style.comfort_brake * max(room - 0.5 * v * style.dt, 0.0))
            if v > allowed:
                a = min(a, max((allowed - v) / style.dt, -0.5 * v * v / max(room, 0.3)))
            else:
                a = min(a, (allowed - v) / style.dt)
        if pace.forced > 0.0:
            a = -pace.forced
        a = min(max(a, -style.hard_brake), style.acceleration)
        v1 = max(v + a * style.dt, 0.0)
        s += 0.5 * (v + v1) * style.dt
        v = v1
    return found, other


@njit(cache=True)
def entry(path, half, speed, shift, s_hit, step_hit, agent, size, style):
    """Where along the route the vehicle enters the way that the other takes around the time of a collision.

    Args:
        path, half, speed, shift: As in `drive`.
        s_hit: Where the vehicle would be hit [m].
        step_hit: When.
        agent, size: The other's rows.
        style: Style.

    Returns:
        s of the vehicle's centre just before it [m].
    """
    s = s_hit
    last = min(step_hit + 8, agent.shape[0] - 1)
    while s > -1.0:
        d = shifted(s, shift)
        x, y, yaw = on_route(s, d, path)
        yaw += math.atan((shifted(s + 0.5, shift) - d) / 0.5)
        touched = False
        for step in range(max(step_hit - 8, 0), last + 1):
            if hits(x, y, yaw, speed, half, agent, size, step, style):
                touched = True
                break
        if not touched:
            break
        s -= 0.5
    return s


@njit(cache=True)
def frenet_forecast(agents, path):
    """Fill s, d and relative yaw of a forecast [A, steps + 1, 7] whose x, y, yaw are known."""
    for j in range(agents.shape[0]):
        for step in range(agents.shape[1]):
            s, d, yaw = along_route(agents[j, step, 0], agents[j, step, 1], path)
            agents[j, step, 4], agents[j, step, 5], agents[j, step, 6] = s, d, agents[j, step, 2] - yaw
