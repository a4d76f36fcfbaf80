"""Colours of the bird's-eye pictures, BGR. Good and bad are cyan and magenta: red and green belong to the lights."""

import numpy as np

from craft.scene import AgentKind, LaneKind, LightState

GROUND = (38, 32, 28)
SURFACE = {
    LaneKind.SIDEWALK: (88, 94, 96),
    LaneKind.SHOULDER: (58, 72, 84),
    LaneKind.PARKING: (98, 74, 62),
    LaneKind.DRIVING: (70, 66, 64),
}
JUNCTION = (92, 86, 82)
LANE_EDGE = (128, 128, 128)
LEFT_EDGE = (70, 165, 195)  # of a carriageway: what lies beyond it runs the other way
CROSSWALK = (178, 182, 184)  # its stripes
OTHER_STOP_LINE = (190, 190, 190)  # not on the route, so its light is not observed

ROUTE = (172, 100, 52)
GOAL = (240, 190, 130)
LIGHT = {
    LightState.RED: (40, 40, 255),
    LightState.YELLOW: (0, 215, 255),
    LightState.GREEN: (60, 225, 40),
    LightState.OFF: (160, 160, 160),
    LightState.UNKNOWN: (160, 160, 160),
}
SIGN = (0, 120, 255)
SIGN_CLEARED = (170, 200, 170)

AGENT = {
    AgentKind.VEHICLE: (90, 175, 245),
    AgentKind.BICYCLE: (120, 240, 250),
    AgentKind.WALKER: (120, 255, 255),
}
PARKED = (176, 164, 150)  # part of the town: it never moves
EGO = (250, 250, 250)
TEXT = (240, 240, 240)
PANEL = (20, 20, 20)
ALERT = (40, 40, 200)

UNJUDGED = (200, 200, 200)
_BAD, _MEDIUM, _GOOD = np.array([[200, 40, 240], [150, 150, 150], [255, 230, 30]], float)


def advantage_color(advantage: float, bound: float) -> tuple[int, int, int]:
    """From magenta (-bound or worse) by grey (the group's mean) to cyan (bound or better)."""
    share = float(np.clip(advantage / bound, -1.0, 1.0))
    color = _MEDIUM + abs(share) * ((_GOOD if share > 0.0 else _BAD) - _MEDIUM)
    return tuple(int(round(value)) for value in color)


def css(color: tuple[int, int, int]) -> str:
    """A colour for a web page, #rrggbb."""
    return "#{2:02x}{1:02x}{0:02x}".format(*color)
