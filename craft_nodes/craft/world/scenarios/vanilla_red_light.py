"""VanillaSignalizedTurnEncounterRedLight: the light turns red just before the ego would pass it."""

import math
from dataclasses import dataclass

import carla

from craft.world.carla_frames import ros_pose
from craft.world.episode import PlacementError, Stage
from craft.world.scenarios.parameters import draw, parameter

RED, YELLOW, GREEN = carla.TrafficLightState.Red, carla.TrafficLightState.Yellow, carla.TrafficLightState.Green
YELLOW_S = 3.0  # CARLA's default duration [s]
ALL_RED_S = 1.0  # between two phases [s]
GREEN_S = 8.0  # the ego's green after the red phase [s]
CROSSING_RAD = math.radians(45.0)  # approaches that differ by more than this cross the ego's [rad]


@dataclass(frozen=True)
class RedLightParameters:
    """What varies."""

    arrival: float = parameter((3.3, 4.2), (3.1, 10.0), "s")  # time to arrival of the ego when yellow begins
    red: float = parameter((5.0, 9.0), (1.0, 15.0), "s")  # duration of red


class VanillaSignalizedTurnEncounterRedLight:
    """Takes the junction's lights over when the ego comes near, and gives them back after one red phase.

    The ego's approach gets yellow, red, green; the crossing approaches get green in between.
    """

    def __init__(self):
        self._plan: list[tuple[float, carla.TrafficLightState, carla.TrafficLightState]] | None = None
        self._began_s = 0.0
        self.done = False

    def setup(self, stage: Stage) -> None:
        """Find the lights."""
        self._stage = stage
        self._parameters = draw(RedLightParameters, stage)
        self._entry_m, _ = stage.next_junction(stage.trigger_m)
        x, y, ego_yaw = stage.line.pose(self._entry_m + 1.0)
        junction = stage.map.get_waypoint(carla.Location(x=x, y=-y)).get_junction()
        lights = sorted(stage.world.get_traffic_lights_in_junction(junction.id), key=lambda light: light.id)
        ego_yaw = stage.line.pose(self._entry_m - 2.0)[2]
        self._along, self._across = [], []
        for light in lights:
            angle = _axis_angle(_approach_yaw(light) - ego_yaw)
            (self._across if angle > CROSSING_RAD else self._along).append(light)
        if not self._along:
            raise PlacementError(
                f"{stage.where}: the junction at {self._entry_m:.0f} m has no traffic light for the route; "
                f"choose a signalised junction"
            )

    def tick(self) -> None:
        """Follow the plan once it has begun."""
        stage, wanted = self._stage, self._parameters
        if self.done:
            return
        if self._plan is None:
            arrival_m = wanted.arrival * stage.ego_speed_mps
            if stage.ego_m >= stage.trigger_m and self._entry_m - stage.ego_m <= max(arrival_m, 12.0):
                self._begin()
            return
        while self._plan and stage.time_s - self._began_s >= self._plan[0][0]:
            _, along, across = self._plan.pop(0)
            self._show(along, across)
        if not self._plan:
            self._along[0].freeze(False)
            self.done = True

    def _begin(self) -> None:
        self._began_s = self._stage.time_s
        self._along[0].freeze(True)  # the whole junction
        red_from_s = YELLOW_S if self._along[0].state == GREEN else 0.0
        red_to_s = red_from_s + self._parameters.red
        self._show(YELLOW if red_from_s else RED, RED)
        self._plan = [
            (red_from_s, RED, RED),
            (red_from_s + ALL_RED_S, RED, GREEN),
            (max(red_to_s - YELLOW_S - ALL_RED_S, red_from_s + ALL_RED_S), RED, YELLOW),
            (red_to_s - ALL_RED_S, RED, RED),
            (red_to_s, GREEN, RED),
            (red_to_s + GREEN_S, YELLOW, RED),
            (red_to_s + GREEN_S + YELLOW_S, RED, RED),
        ]

    def _show(self, along: carla.TrafficLightState, across: carla.TrafficLightState) -> None:
        for light in self._along:
            light.set_state(along)
        for light in self._across:
            light.set_state(across)


def _approach_yaw(light: carla.TrafficLight) -> float:
    """Direction of travel of the lanes that a light governs [rad]."""
    return ros_pose(light.get_stop_waypoints()[0].transform)[2]


def _axis_angle(angle: float) -> float:
    """Angle between two lines, whichever way they run [rad], 0..pi/2."""
    folded = angle % math.pi
    return min(folded, math.pi - folded)
