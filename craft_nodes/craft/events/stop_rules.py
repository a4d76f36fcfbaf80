"""Red lights and stop signs: crossings that count, and the zones before and on a stop line."""

from dataclasses import dataclass

import numpy as np

from craft.events.kinds import EventConfig, EventKind
from craft.scene.observation import AgentField, EgoField, LightState, Observation, RouteField, StopField
from craft.scene.road_map import StopKind
from craft.scene.timing import elapsed_s


@dataclass
class _Line:
    """What is remembered of one stop line while it is in view."""

    ahead: bool = False  # the front bumper has been seen before the line
    front_violation: bool = False  # the front bumper crossed it although stopping was required
    tail_counted: bool = False
    go_since_s: float | None = None
    last_x_m: float = np.inf  # the line's place in the ego frame in the last frame


@dataclass(frozen=True)
class StopFinding:
    """One finding at a stop line in one frame.

    Attributes:
        kind: RED_LIGHT or STOP_SIGN.
        stop_id: Light or sign.
        infraction: Counts for the driving score; otherwise it costs reward only.
        detail: One sentence.
    """

    kind: EventKind
    stop_id: int
    infraction: bool
    detail: str


class StopRules:
    """Judges one vehicle at the stop lines of its route.

    The zones of CRAFT and what they cost (each sets the reward's red_light or stop_sign term of the decision):

    - Stop-required: the front bumper crossed the line while the light was red, or crossed a stop line at which the
      vehicle had not stood. From then until the tail is over the line, moving faster than v_stop is penalised.
    - Go-required: the light is green or the stop sign has been stood at, the front bumper is at most go_zone_m before
      the line, and the path ahead has been clear for go_grace_s. Moving slower than v_go is penalised. This is never an
      infraction.
    - Uncontrolled: everything else; nothing is penalised.

    The score's infractions follow the leaderboard instead: a red light counts when the TAIL (from 0.8 half lengths
    behind the centre to 1 m behind the rear bumper) passes the line while it is red; a stop sign when the vehicle's
    centre leaves it behind without having stood at it. Yellow is ignored.

    Args:
        config: Thresholds.
    """

    def __init__(self, config: EventConfig):
        self._config = config
        self._lines: dict[int, _Line] = {}

    def observe(self, observation: Observation) -> list[StopFinding]:
        """Findings of the next frame."""
        findings = []
        seen = set()
        for row, stop_id in zip(
            observation.stop_lines[observation.stop_valid], observation.stop_id[observation.stop_valid], strict=True
        ):
            stop_id = int(stop_id)
            seen.add(stop_id)
            line = self._lines.setdefault(stop_id, _Line())
            findings += self._judge(observation, row, stop_id, line)
        self._lines = {stop_id: line for stop_id, line in self._lines.items() if stop_id in seen}
        return findings

    def _judge(self, observation, row, stop_id, line):
        config, ego = self._config, observation.ego
        half_length = float(ego[EgoField.HALF_LENGTH])
        speed = float(ego[EgoField.SPEED])
        kind = StopKind(int(row[StopField.KIND]))
        if kind == StopKind.YIELD:
            return []
        red = kind == StopKind.LIGHT and row[StopField.STATE] == LightState.RED
        cleared = kind == StopKind.STOP and row[StopField.CLEARED] > 0.0
        required = red or (kind == StopKind.STOP and not cleared)
        event = EventKind.RED_LIGHT if kind == StopKind.LIGHT else EventKind.STOP_SIGN
        # Signed distance of the vehicle's centre to the line across its direction, and how far to the side it passes.
        cos, sin = np.cos(row[StopField.YAW]), np.sin(row[StopField.YAW])
        gap = float(cos * row[StopField.X] + sin * row[StopField.Y])  # positive: centre before the line
        side = abs(float(cos * row[StopField.Y] - sin * row[StopField.X]))
        agrees = cos > 0.5  # heading within 60 deg of the direction across
        on_line = agrees and side <= config.line_margin * float(row[StopField.HALF_WIDTH])
        findings = []

        front_before = gap > half_length
        if line.ahead and not front_before and on_line and required:
            line.front_violation = True
        line.ahead = front_before
        tail_over = gap < -(half_length + config.tail_rear_m)
        if line.front_violation and not tail_over and speed > config.v_stop_mps:
            where = "a red light" if red or kind == StopKind.LIGHT else "a stop sign"
            findings.append(StopFinding(event, stop_id, False, f"drove on over the line of {where} at {speed:.1f} m/s"))
        if tail_over:
            line.front_violation = False

        findings += self._crossed(line, kind, event, stop_id, gap, half_length, on_line, red, cleared)

        waiting = front_before and gap - half_length <= config.go_zone_m and on_line
        may_go = cleared or (kind == StopKind.LIGHT and row[StopField.STATE] == LightState.GREEN)
        if waiting and may_go and speed < config.v_go_mps and self._path_clear(observation):
            line.go_since_s = observation.stamp_s if line.go_since_s is None else line.go_since_s
            if elapsed_s(line.go_since_s, observation.stamp_s) > config.go_grace_s:
                what = "a green light" if kind == StopKind.LIGHT else "a stop sign already obeyed"
                findings.append(StopFinding(event, stop_id, False, f"held up at {what} with a clear path"))
        else:
            line.go_since_s = None
        return findings

    def _crossed(self, line, kind, event, stop_id, gap, half_length, on_line, red, cleared):
        last, line.last_x_m = line.last_x_m, gap
        if line.tail_counted or not np.isfinite(last) or not on_line:
            return []
        if kind == StopKind.LIGHT:
            # The tail segment spans the line in this frame (the leaderboard's intersection test).
            spans = -(half_length + self._config.tail_rear_m) <= gap <= -self._config.tail_front * half_length
            if red and spans:
                line.tail_counted = True
                return [StopFinding(event, stop_id, True, "ran a red light")]
        elif last > 0.0 >= gap and not cleared:
            line.tail_counted = True
            return [StopFinding(event, stop_id, True, "passed a stop sign without having stood at it")]
        return []

    def _path_clear(self, observation) -> bool:
        """Whether nobody is on the route just ahead, nor will be soon if all others move on as they do."""
        agents = observation.agents[observation.agent_valid]
        if len(agents) == 0:
            return True
        config = self._config
        first = int(np.argmin(np.abs(observation.route[:, RouteField.X]) + 1e3 * ~observation.route_valid))
        last = first + round(config.clear_ahead_m)
        ahead = observation.route[first:last][observation.route_valid[first:last]]
        if len(ahead) == 0:
            return True
        times = np.arange(0.0, config.clear_time_s + 0.25, 0.5)
        places = (
            agents[:, None, AgentField.X : AgentField.Y + 1]
            + times[:, None] * agents[:, None, AgentField.VX : AgentField.VY + 1]
        )
        route = ahead[:, RouteField.X : RouteField.Y + 1]
        distance = np.linalg.norm(places[:, :, None, :] - route, axis=-1).min(axis=2)
        reach = float(ahead[0, RouteField.HALF_WIDTH]) + config.clear_side_m
        # Those behind the vehicle follow it and do not block it.
        in_front = places[..., 0] > -float(observation.ego[EgoField.HALF_LENGTH])
        return not bool(((distance < reach) & in_front).any())
