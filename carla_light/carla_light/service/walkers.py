"""Calls about walkers."""

from carla_light.session import Session
from carla_light.simulation.walker import Walker


class WalkerService:
    """Walker control."""

    def __init__(self, session: Session) -> None:
        """Serves a session."""
        self._session = session

    def apply_control_to_walker(self, actor_id: int, control: list) -> None:
        """[direction, speed m/s, jump]."""
        direction, speed, jump = control
        self._session.actor(actor_id, Walker).walk(tuple(direction), speed, jump)
