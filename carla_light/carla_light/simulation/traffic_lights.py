"""Traffic lights and the cycle of a junction: one phase after another gets green, yellow, and a moment of red."""

from enum import IntEnum

from carla_light.simulation.actors import Actor, Transform


class LightState(IntEnum):
    """carla.TrafficLightState."""

    RED = 0
    YELLOW = 1
    GREEN = 2
    OFF = 3
    UNKNOWN = 4


GREEN_S, YELLOW_S, RED_S = 10.0, 3.0, 2.0  # CARLA's default durations [s]
_TAG_TRAFFIC_LIGHT = 7


class TrafficLight(Actor):
    """A light. Its box is the trigger volume across the lanes that it governs."""

    __slots__ = ("signal", "state", "green_s", "yellow_s", "red_s", "group", "pole_index")

    def __init__(self, actor_id: int, signal: str, transform: Transform) -> None:
        """A red light."""
        super().__init__(actor_id, "traffic.traffic_light", [], transform)
        self.tag = _TAG_TRAFFIC_LIGHT
        self.signal = signal
        self.state = LightState.RED
        self.green_s, self.yellow_s, self.red_s = GREEN_S, YELLOW_S, RED_S
        self.group: LightGroup | None = None
        self.pole_index = 0


class LightGroup:
    """The lights of one junction. `phases` take turns; lights of one phase are green together.

    A state set from outside lasts until the group's next change.
    """

    def __init__(self, phases: list[list[TrafficLight]]) -> None:
        """The first phase starts green."""
        self.phases = phases
        self.frozen = False
        self.elapsed_s = 0.0
        for index, phase in enumerate(phases):
            for light in phase:
                light.group, light.pole_index = self, index
        self.reset()

    @property
    def lights(self) -> list[TrafficLight]:
        """All lights, in the order of their phases."""
        return [light for phase in self.phases for light in phase]

    def reset(self) -> None:
        """Starts the cycle again."""
        self._active = 0
        self._show(LightState.GREEN)

    def step(self, dt_s: float) -> None:
        """Lets time pass."""
        if self.frozen:
            return
        self.elapsed_s += dt_s
        lead = self.phases[self._active][0]
        # Half a microsecond: a sum of many steps of 0.05 must reach 10 s in the step that it names.
        if self.elapsed_s + 5e-7 < (lead.red_s, lead.yellow_s, lead.green_s)[self._stage]:
            return
        if self._stage == LightState.GREEN:
            self._show(LightState.YELLOW)
        elif self._stage == LightState.YELLOW:
            self._show(LightState.RED)
        else:
            self._active = (self._active + 1) % len(self.phases)
            self._show(LightState.GREEN)

    def _show(self, stage: LightState) -> None:
        self._stage, self.elapsed_s = stage, 0.0
        for index, phase in enumerate(self.phases):
            for light in phase:
                light.state = stage if index == self._active else LightState.RED
