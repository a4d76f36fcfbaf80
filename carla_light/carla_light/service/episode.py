"""Calls about the server, the map and the episode; tick_cue is answered by the connection, for it takes time."""

from carla_light.blueprints.library import BLUEPRINTS
from carla_light.errors import MapError, RpcError
from carla_light.opendrive.check import parse_checked
from carla_light.sensors.scene import actor_record
from carla_light.session import OPENDRIVE_MAP, Session
from carla_light.version import CARLA_VERSION
from carla_light.wire.streams import WORLD_STREAM

_MAP_FOLDER = "Carla/Maps/"


class EpisodeService:
    """Version, settings, maps."""

    def __init__(self, session: Session) -> None:
        """Serves a session."""
        self._session = session

    def version(self) -> str:
        """The release whose protocol is spoken."""
        return CARLA_VERSION

    def get_available_maps(self) -> list[str]:
        """Maps as CARLA names them."""
        return ["/Game/" + _MAP_FOLDER + name for name in self._session.map_names]

    def get_episode_info(self) -> list:
        """[episode id, [token of the world stream]]."""
        return [self._session.world.episode, [self._session.hub.token(WORLD_STREAM)]]

    def get_episode_settings(self) -> list:
        """The settings as they were set."""
        return self._session.settings

    def set_episode_settings(self, settings: list) -> int:
        """Replaces the settings; returns the frame."""
        self._session.settings = settings
        return self._session.world.frame

    def get_map_info(self) -> list:
        """[name, spawn points]."""
        points = [
            [
                [p.location.x, p.location.y, p.location.z],
                [p.rotation.pitch, p.rotation.yaw, p.rotation.roll],
            ]
            for p in self._session.world.town.spawn_points
        ]
        return [_MAP_FOLDER + self._session.world.town.name, points]

    def get_map_data(self) -> str:
        """The OpenDRIVE text."""
        return self._session.world.town.opendrive

    def load_new_episode(self, name: str, reset_settings: bool, layers: int) -> None:
        """Loads a map; layers mean nothing without scenery."""
        self._session.load(name, reset_settings)

    def copy_opendrive_to_file(self, opendrive: str, parameters: list) -> None:
        """Takes a client's own map, to be loaded next; the parameters shape a mesh that does not exist here."""
        try:
            parse_checked(OPENDRIVE_MAP, opendrive)
        except MapError as error:
            raise RpcError(str(error)) from None
        self._session.client_map = opendrive

    def get_required_files(self, folder: str = "") -> list[str]:
        """None: there is no navigation mesh, so the client's crowd stays empty."""
        return []

    def request_file(self, name: str) -> bytes:
        """Refused: nothing is ever required."""
        raise RpcError(f"carla_light has no file '{name}'")

    def get_navigation_mesh(self) -> bytes:
        """Empty: there is none."""
        return b""

    def get_actor_definitions(self) -> list:
        """All blueprints."""
        return [blueprint.rpc(uid) for uid, blueprint in enumerate(BLUEPRINTS.values(), start=1)]

    def get_spectator(self) -> list:
        """The spectator."""
        return actor_record(self._session.world.spectator)

    def get_sensor_token(self, stream: int) -> list:
        """[token of a stream]."""
        return [self._session.hub.token(stream)]

    def get_weather_parameters(self) -> list[float]:
        """The weather as it was set; it changes nothing here."""
        return self._session.weather

    def set_weather_parameters(self, weather: list[float]) -> None:
        """Keeps the weather."""
        self._session.weather = weather
