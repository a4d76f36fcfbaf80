"""The world of the closed loop: episodes on a CARLA server, one synchronous tick at a time."""

import logging
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import carla
import numpy as np

from craft.perception.inputs import WorldFrame
from craft.scene.light_box import LightBox
from craft.scene.route import Route
from craft.scene.timing import FRAME_DT_S
from craft.world.carla_frames import SPAWN_HEIGHT_M, carla_transform
from craft.world.collisions import CollisionLog
from craft.world.connection import WorldError, connect, load_town, town_name
from craft.world.episode import PlacementError, Stage
from craft.world.frame_reader import FrameReader
from craft.world.light_boxes import read_light_boxes
from craft.world.parked_vehicles import read_parked_vehicles
from craft.world.route_line import RouteLine
from craft.world.routes import RouteSpec, trace_route
from craft.world.scenarios import Scenario, make_scenario
from craft.world.step_guard import LATE_S, StepGuard
from craft.world.termination import FAILED, EpisodeOutcome, Termination, TerminationConfig
from craft.world.traffic import Traffic, TrafficConfig

_LOG = logging.getLogger(__name__)

EGO_BLUEPRINT = "vehicle.lincoln.mkz_2020"
EGO_ROLE = "hero"
STAGED_BEFORE_M, STAGED_AFTER_M = 60.0, 120.0  # part of the route around the trigger kept free of traffic [m]
BLOCKER_S = 10.0  # an ego that stands longer is checked for blocking background cars [s]; half the blocked limit
BLOCKER_AHEAD_M, BLOCKER_ASIDE_M = 15.0, 2.0  # where on the route they stand then [m]


@dataclass(frozen=True)
class WorldConfig:
    """Where the world is, and its limits."""

    host: str = "127.0.0.1"
    port: int = 2000
    town: str = "craft_town"  # name of a map of the server, or path of an OpenDRIVE file
    timeout_s: float = 20.0  # longest wait for one answer of the server [s]
    tm_port: int = 0  # of the Traffic Manager in this process; 0 takes a free one
    background_vehicles: int = 10
    termination: TerminationConfig = field(default_factory=TerminationConfig)


class Simulation:
    """Drives episodes. One instance owns the server's clock, its vehicles and its walkers.

    Args:
        config: Where the server is, and the limits of an episode.

    Raises:
        ConnectionError: No server, or one of another version.
        ValueError: The server does not offer the town.
    """

    def __init__(self, config: WorldConfig):
        self._config = config
        self._address = f"{config.host}:{config.port}"
        self._client = connect(config.host, config.port, config.timeout_s)
        self._line_to_server = socket.create_connection((config.host, config.port), timeout=config.timeout_s)
        self._line_to_server.setblocking(False)
        self._guard = StepGuard()
        self._traffic: Traffic | None = None
        self._sensor: carla.Sensor | None = None
        self._ego: carla.Vehicle | None = None
        self._doing = "loading the town"
        self._stamp_ticks = 0
        self._lost = False
        with self._reporting():
            self._load(config.town)

    # ---- the town ----------------------------------------------------------------------------------------------------

    @property
    def town(self) -> str:
        """Name of the town that is loaded."""
        return town_name(self._map)

    @property
    def opendrive(self) -> str:
        """The town's OpenDRIVE text."""
        return self._map.to_opendrive()

    @property
    def carla_map(self) -> carla.Map:
        """The town's map."""
        return self._map

    @property
    def light_boxes(self) -> list[LightBox]:
        """Trigger volumes of all traffic lights, by id."""
        return read_light_boxes(self._world)

    def _load(self, town: str) -> None:
        self._world = load_town(self._client, town)
        # A town made from a file goes by the file's name in routes; servers call every such map OpenDriveMap.
        self._loaded = Path(town).stem if town.endswith(".xodr") else town
        self._map = self._world.get_map()
        self._parked = read_parked_vehicles(self._world)
        settings = self._world.get_settings()
        self._settings_found = self._world.get_settings()
        settings.synchronous_mode = True
        settings.fixed_delta_seconds = FRAME_DT_S
        self._world.apply_settings(settings)
        self._tick_world()
        self._clear()
        self._tick_world()
        self.ego_half_size = self._measure_ego()  # half length, half width [m]

    def _measure_ego(self) -> tuple[float, float]:
        """Half length and half width of the ego's box [m]: only an actor knows them."""
        place = self._map.get_spawn_points()[0]
        actor = self._world.spawn_actor(self._world.get_blueprint_library().find(EGO_BLUEPRINT), place)
        extent = actor.bounding_box.extent
        self._tick_world()  # a client may take an actor that it has not seen in a tick for dead, and not destroy it
        actor.destroy()
        self._tick_world()
        return extent.x, extent.y

    # ---- one episode -------------------------------------------------------------------------------------------------

    @property
    def outcome(self) -> EpisodeOutcome | None:
        """How the episode ended; None while it goes on."""
        return self._termination.outcome

    @property
    def background_ids(self) -> list[int]:
        """Actor ids of the background cars on the road; none between episodes."""
        return self._traffic.ids if self._traffic is not None else []

    def begin(self, spec: RouteSpec, episode: int, seed: int) -> tuple[Route, WorldFrame]:
        """Clear the road, put everyone in place, and make the first tick.

        Args:
            spec: The route and its scenario.
            episode: Number of the episode, for messages.
            seed: Of the traffic and the scenario. One route and one seed make one episode.

        Returns:
            The route and frame 0.

        Raises:
            PlacementError: The route has no room for the ego or the scenario.
            WorldError: The server stopped answering.
        """
        self.end()
        self._doing = f"the start of episode {episode} on route {spec.id}"
        with self._reporting():
            if spec.town != self.town and spec.town != self._loaded:
                self._load(spec.town)
            self._tick_world()  # brings actors into view that others have spawned since the last tick
            self._clear()
            self._tick_world()
            self._world.freeze_all_traffic_lights(False)  # a scenario that was cut short may have left some frozen
            self._world.reset_all_traffic_lights()
            route = trace_route(self._map, spec)
            self._line = RouteLine(route.points)
            where = f"route {spec.id} ({spec.scenario} in {spec.town})"
            generator = np.random.default_rng([seed, 0])
            self._stage = Stage(
                self._client, self._world, self._line, spec.trigger, dict(spec.params), generator, where, self._parked
            )
            self._spawn_ego(where)
            self._scenario: Scenario = make_scenario(spec.scenario)
            self._scenario.setup(self._stage)
            if self._config.background_vehicles:
                self._traffic = Traffic(self._client, self._config.tm_port, seed)
                self._traffic.spawn(
                    self._world,
                    TrafficConfig(vehicles=self._config.background_vehicles),
                    self._line,
                    (spec.trigger - STAGED_BEFORE_M, spec.trigger + STAGED_AFTER_M),
                )
            self._termination = Termination(self._line, self._config.termination)
            self._stage.flush()
            self._tick_world()
            frame = self._read(0.0, 0.0, 0.0)
        self._doing = f"episode {episode} on route {spec.id}"
        return route, frame

    def tick(self, throttle: float, steer: float, brake: float) -> WorldFrame:
        """Apply a control, let the others act, and make one tick.

        Args:
            throttle, brake: 0..1.
            steer: -1..1, CARLA's sign: right positive.

        Raises:
            WorldError: The server stopped answering.
        """
        with self._reporting():
            if self._traffic is not None and self._termination.standing_s > BLOCKER_S:
                self._remove_blockers()
            self._stage.drive(self._ego.id, throttle, steer, brake)
            self._scenario.tick()
            self._stage.flush()
            self._tick_world()
            return self._read(throttle, steer, brake)

    def truncate(self) -> EpisodeOutcome:
        """End the episode from outside, before its own end; keeps and returns the outcome."""
        if self._termination.outcome is None:
            self._termination.outcome = replace(self._termination.summary(FAILED), truncated=True)
        return self._termination.outcome

    def end(self) -> None:
        """Take everyone of the episode off the road. Does nothing between episodes."""
        if self._ego is None:
            return
        self._doing = "the end of an episode"
        with self._reporting():
            self._sensor.stop()
            self._sensor.destroy()
            if self._traffic is not None:
                with self._guard.step(self._help):
                    self._traffic.close()
                self._traffic = None
            ids = [self._ego.id, *self._stage.actor_ids]
            self._client.apply_batch_sync([carla.command.DestroyActor(i) for i in ids], False)
            self._ego = None

    def close(self) -> None:
        """Leave the server as it was found. Does nothing to a server that was lost."""
        self._guard.close()
        if self._lost:
            if self._sensor is not None:
                self._sensor.stop()
            return
        self.end()
        self._world.apply_settings(self._settings_found)
        self._line_to_server.close()
        self._lost = True

    # ---- parts -------------------------------------------------------------------------------------------------------

    def _spawn_ego(self, where: str) -> None:
        x, y, yaw = self._line.pose(0.0)
        blueprint = self._world.get_blueprint_library().find(EGO_BLUEPRINT)
        blueprint.set_attribute("role_name", EGO_ROLE)
        z = self._map.get_waypoint(carla.Location(x=x, y=-y)).transform.location.z + SPAWN_HEIGHT_M
        ego = self._world.try_spawn_actor(blueprint, carla_transform(x, y, yaw, z))
        if ego is None:
            raise PlacementError(f"{where}: the ego does not fit at the route's start ({x:.1f}, {y:.1f})")
        sensor = self._world.get_blueprint_library().find("sensor.other.collision")
        self._ego = ego
        self._sensor = self._world.spawn_actor(sensor, carla.Transform(), attach_to=ego)
        collisions = CollisionLog()
        collisions.listen(self._sensor)
        self._reader = FrameReader(self._world, ego, collisions, self._parked)

    def _clear(self) -> None:
        """Remove road users and sensors that were there before: of an earlier run, or of another client."""
        gone = [a.id for a in self._world.get_actors() if a.type_id.split(".")[0] in ("vehicle", "walker", "sensor")]
        self._client.apply_batch_sync([carla.command.DestroyActor(i) for i in sorted(gone)], False)

    def _tick_world(self) -> None:
        self._check_line()
        with self._guard.step(self._help):
            self._world.tick(self._config.timeout_s)
        self._stamp_ticks += 1

    def _read(self, throttle: float, steer: float, brake: float) -> WorldFrame:
        frame = self._reader.read(self._stamp_ticks * FRAME_DT_S, throttle, steer, brake)
        self._termination.update(frame)
        self._stage.update(frame, self._termination.position_m)
        return frame

    def _help(self) -> None:
        """A step takes long: say so, for a lost server may end this process, and wake the Traffic Manager."""
        _LOG.warning(
            "the CARLA server at %s has not answered for %.0f s during %s; if it does not come back, restart it and "
            "resume the run from its folder",
            self._address,
            LATE_S,
            self._doing,
        )
        if self._traffic is not None:
            self._traffic.wake()

    def _remove_blockers(self) -> None:
        """Take background cars away that block the ego for no reason: gridlock, not a red light (Bench2Drive*)."""
        stage = self._stage
        blockers = []
        for i in self._traffic.ids:
            if i not in stage or stage.speed_mps(i) > self._config.termination.standing_mps:
                continue
            x, y, _ = stage.pose(i)
            _, left_m = self._line.project(x, y, stage.ego_m, stage.ego_m + BLOCKER_AHEAD_M)
            if abs(left_m) < BLOCKER_ASIDE_M and not self._world.get_actor(i).is_at_traffic_light():
                blockers.append(i)
        if blockers:
            self._traffic.remove(blockers)

    def _check_line(self) -> None:
        """Notice a dead server before the Traffic Manager does: its thread would end this process."""
        try:
            if self._line_to_server.recv(1) == b"":
                raise RuntimeError("it closed the connection")
        except BlockingIOError:
            pass
        except OSError as error:
            raise RuntimeError(str(error)) from None

    @contextmanager
    def _reporting(self):
        """Turn the client's errors into one message that says what to do."""
        try:
            yield
        except RuntimeError as error:
            self._lost = True
            raise WorldError(
                f"the CARLA server at {self._address} stopped answering during {self._doing} ({error}); "
                f"restart it and resume the run from its folder"
            ) from error
