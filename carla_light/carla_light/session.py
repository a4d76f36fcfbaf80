"""What all connections share: the episode, its settings, and the tick."""

from pathlib import Path

from carla_light import towns
from carla_light.errors import MapError, RpcError
from carla_light.opendrive.town import Town, build_town, read_map
from carla_light.sensors.emission import measurements
from carla_light.simulation.actors import Actor
from carla_light.simulation.world import World
from carla_light.wire.streams import WORLD_STREAM, StreamHub

VARIABLE_STEP_S = 0.05  # the step of synchronous mode without fixed_delta_seconds [s]
OPENDRIVE_MAP = "OpenDriveMap"  # the name under which CARLA loads a client's own map

# synchronous, no rendering, fixed delta (optional), substepping, substep [s], substeps, culling [m], deterministic
# ragdolls, tile stream distance [m], actor active distance [m], spectator as ego: CARLA's defaults
_DEFAULT_SETTINGS = [False, False, [False], True, 0.01, 10, 0.0, True, 3000.0, 2000.0, True]


class Session:
    """A running server, apart from its sockets."""

    def __init__(self, source: str | Path | None) -> None:
        """Loads a map file or a town of ours by name (None: the default town).

        Raises:
            MapError: The map cannot be loaded.
        """
        name, opendrive = read_map(source)
        self._towns: dict[str, Town] = {name: build_town(name, opendrive)}
        self.client_map: str | None = None
        self.settings = list(_DEFAULT_SETTINGS)
        self.weather = [0.0] * 14
        self._newest: bytes | None = None
        self.hub = StreamHub(lambda: self._newest)
        self.world = World(self._towns[name], episode=1)
        self._newest = self.world.snapshot()

    @property
    def synchronous(self) -> bool:
        """Whether time passes only when a client ticks."""
        return self.settings[0]

    @property
    def fixed_step_s(self) -> float | None:
        """The fixed step [s], None for a variable one."""
        fixed = self.settings[2]
        return fixed[1] if fixed[0] and fixed[1] > 0.0 else None

    @property
    def map_names(self) -> list[str]:
        """The maps that can be loaded."""
        return list(dict.fromkeys((*self._towns, *towns.NAMES)))

    def load(self, name: str, reset_settings: bool) -> None:
        """Starts a new episode in a map.

        Raises:
            RpcError: There is no such map, or it is malformed.
        """
        name = name.rsplit("/", 1)[-1]
        try:
            if name == OPENDRIVE_MAP and self.client_map is not None:
                self._towns[name] = build_town(name, self.client_map)
            elif name not in self._towns:
                self._towns[name] = build_town(*read_map(name))
        except MapError as error:
            raise RpcError(str(error)) from None
        if reset_settings:
            self.settings = list(_DEFAULT_SETTINGS)
        for sensor in list(self.world.sensors.values()):
            self.destroy(sensor)
        self.world = World(self._towns[name], self.world.episode + 1, self.world.frame + 1)
        self._newest = self.world.snapshot()

    def actor(self, actor_id: int, kind: type = Actor) -> Actor:
        """An actor of a kind.

        Raises:
            RpcError: There is none.
        """
        actor = self.world.actors.get(actor_id)
        if actor is None:
            raise RpcError(f"there is no actor {actor_id}")
        if not isinstance(actor, kind):
            raise RpcError(f"actor {actor_id} is a {actor.type_id} and no {kind.__name__.lower()}")
        return actor

    def destroy(self, actor: Actor) -> None:
        """Takes an actor and its stream out of the world."""
        self.world.destroy(actor)
        if actor.stream:
            self.hub.close(actor.stream)

    def step(self, dt_s: float | None = None) -> list[tuple[int, bytes]]:
        """Advances the world by a frame; returns the messages of that frame, the snapshot last."""
        step_s = self.fixed_step_s or dt_s or VARIABLE_STEP_S
        self.world.step(step_s)
        messages = list(measurements(self.world, self.hub, step_s))
        self._newest = self.world.snapshot()
        messages.append((WORLD_STREAM, self._newest))
        return messages

    def publish(self, messages: list[tuple[int, bytes]]) -> int:
        """Sends a frame's messages and returns the frame number."""
        for stream, message in messages:
            self.hub.send(stream, message)
        return self.world.frame
