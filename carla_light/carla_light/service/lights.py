"""Calls about traffic lights."""

from carla_light.session import Session
from carla_light.simulation.traffic_lights import LightState, TrafficLight


class LightService:
    """States, times, freezing, groups."""

    def __init__(self, session: Session) -> None:
        """Serves a session."""
        self._session = session

    def _light(self, actor_id: int) -> TrafficLight:
        return self._session.actor(actor_id, TrafficLight)

    def set_traffic_light_state(self, actor_id: int, state: int) -> None:
        """Shows a state until the junction's next change."""
        self._light(actor_id).state = LightState(state)

    def set_traffic_light_green_time(self, actor_id: int, seconds: float) -> None:
        """How long green lasts [s]."""
        self._light(actor_id).green_s = seconds

    def set_traffic_light_yellow_time(self, actor_id: int, seconds: float) -> None:
        """How long yellow lasts [s]."""
        self._light(actor_id).yellow_s = seconds

    def set_traffic_light_red_time(self, actor_id: int, seconds: float) -> None:
        """How long all stay red before the next phase [s]."""
        self._light(actor_id).red_s = seconds

    def freeze_traffic_light(self, actor_id: int, freeze: bool) -> None:
        """Stops or resumes the cycle of the light's junction."""
        self._light(actor_id).group.frozen = freeze

    def freeze_all_traffic_lights(self, freeze: bool) -> None:
        """Stops or resumes all cycles."""
        for group in self._session.world.light_groups:
            group.frozen = freeze

    def reset_traffic_light_group(self, actor_id: int) -> None:
        """Starts the cycle of the light's junction again."""
        self._light(actor_id).group.reset()

    def reset_all_traffic_lights(self) -> None:
        """Starts all cycles again."""
        for group in self._session.world.light_groups:
            group.reset()

    def get_group_traffic_lights(self, actor_id: int) -> list[int]:
        """Ids of the lights of the same junction."""
        return [light.id for light in self._light(actor_id).group.lights]

    def get_light_boxes(self, actor_id: int) -> list:
        """Boxes of the lamps: none, there are no lamps."""
        self._light(actor_id)
        return []
