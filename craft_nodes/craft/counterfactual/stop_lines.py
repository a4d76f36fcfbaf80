"""Stop lines that must not be crossed."""

import math

import numpy as np

from craft.scene.observation import LightState, StopField
from craft.scene.road_map import StopKind
from craft.vehicle.compiled import inner

MAX_LINES = 64  # in one state: for which of them the vehicle has stood is kept in the bits of one number
LINE_COLUMNS = 6  # middle x, y [m], direction across it x, y, half width [m], 1 for a light and 0 for a stop sign

_X, _Y, _YAW, _HALF_WIDTH = int(StopField.X), int(StopField.Y), int(StopField.YAW), int(StopField.HALF_WIDTH)
_KIND, _STATE, _CLEARED = int(StopField.KIND), int(StopField.STATE), int(StopField.CLEARED)
_LIGHT, _STOP, _RED = int(StopKind.LIGHT), int(StopKind.STOP), int(LightState.RED)


@inner
def fill_lines(stop_lines, stop_valid, lines):
    """The valid lines that forbid crossing: lights that are red (yellow is free, as on the leaderboard), and stop
    signs for which the vehicle has not stood yet.

    Args:
        stop_lines: [S, 8], StopField.
        stop_valid: bool [S].
        lines: float64 [S, LINE_COLUMNS], written.

    Returns:
        Number of lines.
    """
    count = 0
    for i in range(stop_lines.shape[0]):
        if not stop_valid[i]:
            continue
        kind = int(stop_lines[i, _KIND])
        light = kind == _LIGHT and int(stop_lines[i, _STATE]) == _RED
        sign = kind == _STOP and stop_lines[i, _CLEARED] < 0.5
        if light or sign:
            yaw = stop_lines[i, _YAW]
            lines[count, 0], lines[count, 1] = stop_lines[i, _X], stop_lines[i, _Y]
            lines[count, 2], lines[count, 3] = math.cos(yaw), math.sin(yaw)
            lines[count, 4] = stop_lines[i, _HALF_WIDTH]
            lines[count, 5] = 1.0 if light else 0.0
            count += 1
    return count


@inner
def crosses(line, x0, y0, x1, y1):
    """Whether a point that goes straight from (x0, y0) to (x1, y1) crosses a line in its direction."""
    before = (x0 - line[0]) * line[2] + (y0 - line[1]) * line[3]
    after = (x1 - line[0]) * line[2] + (y1 - line[1]) * line[3]
    if before > 0.0 or after <= 0.0:
        return False
    part = before / (before - after)
    x, y = x0 + part * (x1 - x0), y0 + part * (y1 - y0)
    return abs((y - line[1]) * line[2] - (x - line[0]) * line[3]) <= line[4]


@inner
def in_stop_zone(line, x, y, cos, sin, half_length, zone_m):
    """Whether a vehicle there, if it stood, would have stood for the line: its front at most zone_m before the line,
    its rear not past it.
    """
    centre = (x - line[0]) * line[2] + (y - line[1]) * line[3]
    reach = half_length * (cos * line[2] + sin * line[3])
    return centre + reach >= -zone_m and centre - reach <= 0.0


@inner
def stood_for(lines, count, x, y, cos, sin, half_length, zone_m):
    """The lines in whose zone a vehicle there is, as bits of a uint64."""
    stood = np.uint64(0)
    for i in range(count):
        if in_stop_zone(lines[i], x, y, cos, sin, half_length, zone_m):
            stood |= np.uint64(1) << np.uint64(i)
    return stood


@inner
def crossed(lines, count, stood, last_x, last_y, last_cos, last_sin, x, y, cos, sin, half_length, heading_cos):
    """What a vehicle crosses with its front or its rear between two poses.

    Args:
        lines, count: Of fill_lines.
        stood: Bits of the lines for which it has stood.
        last_x, last_y, last_cos, last_sin: Pose before.
        x, y, cos, sin: Pose now.
        half_length: [m].
        heading_cos: A line counts when the cosine between heading and its direction is above.

    Returns:
        (red_light, stop_sign)
    """
    red_light, stop_sign = False, False
    for i in range(count):
        if lines[i, 2] * cos + lines[i, 3] * sin <= heading_cos:
            continue
        for end in (half_length, -half_length):
            if crosses(lines[i], last_x + end * last_cos, last_y + end * last_sin, x + end * cos, y + end * sin):
                if lines[i, 5] > 0.5:
                    red_light = True
                elif not (stood >> np.uint64(i)) & np.uint64(1):
                    stop_sign = True
    return red_light, stop_sign
