"""Background traffic: cars driven by CARLA's own Traffic Manager.

A new Traffic Manager for every episode. It keeps a random generator, buffers and an order of its vehicles, which none
of its calls reset; an episode driven on a used one would depend on the episodes before it.
"""

import math
import socket
from dataclasses import dataclass

import carla
import numpy as np

from craft.world.route_line import RouteLine

FOLLOWING_DISTANCE_M = 2.5  # kept to the car ahead when standing [m]; the leaderboard's setting
SLOWER_PERCENT = (-10.0, 30.0)  # how far below the speed limit each car drives [%]; the default is 30


@dataclass(frozen=True)
class TrafficConfig:
    """Where background cars start."""

    vehicles: int = 10
    nearest_m: float = 25.0  # to the ego's start [m]; outside its first braking distance
    farthest_m: float = 250.0  # from the route [m]; cars farther away hardly ever meet the ego
    spacing_m: float = 12.0  # between two of them [m]
    route_clearance_m: float = 3.0  # from the part of the route where the scenario is staged [m]


class Traffic:
    """The background cars of one episode.

    Args:
        client: A connected client; the world must be in synchronous mode.
        port: TCP port for the Traffic Manager in this process; 0 takes a free one.
        seed: Of everything random about the traffic.
    """

    def __init__(self, client: carla.Client, port: int, seed: int):
        self._client = client
        self._port = port or _free_port()
        self._manager = client.get_trafficmanager(self._port)
        self._manager.set_synchronous_mode(True)
        self._manager.set_random_device_seed(seed % 2**31)
        self._manager.set_global_distance_to_leading_vehicle(FOLLOWING_DISTANCE_M)
        self._generator = np.random.default_rng([seed, 1])
        self.ids: list[int] = []

    def spawn(
        self,
        world: carla.World,
        config: TrafficConfig,
        line: RouteLine,
        staged_m: tuple[float, float],
    ) -> None:
        """Place the cars by seed, in one batch so that the Traffic Manager always takes them up in one order.

        Args:
            world: The CARLA world.
            config: How many, and where.
            line: The ego's route.
            staged_m: Part of the route (from, to arc length [m]) that is kept free for the scenario.
        """
        places = self._places(world.get_map().get_spawn_points(), config, line, staged_m)
        library = world.get_blueprint_library().filter("vehicle.*")
        cars = sorted((b for b in library if _is_car(b)), key=lambda blueprint: blueprint.id)
        commands = []
        for transform in places:
            blueprint = cars[int(self._generator.integers(len(cars)))]
            blueprint.set_attribute("role_name", "background")
            spawn = carla.command.SpawnActor(blueprint, transform)
            commands.append(spawn.then(carla.command.SetAutopilot(carla.command.FutureActor, True, self._port)))
        replies = self._client.apply_batch_sync(commands, False)
        self.ids = [reply.actor_id for reply in replies if not reply.error]
        for actor in sorted(world.get_actors(self.ids), key=lambda actor: actor.id):
            slower = float(self._generator.uniform(*SLOWER_PERCENT))
            self._manager.vehicle_percentage_speed_difference(actor, slower)

    def remove(self, ids: list[int]) -> None:
        """Take cars off the road, while they are still registered.

        Unregistered first, they would be strangers to the Traffic Manager's next step, which would ask the server for
        the boxes of cars that are gone, and end the process over the error.
        """
        self._client.apply_batch_sync([carla.command.DestroyActor(i) for i in ids], False)
        self.ids = [i for i in self.ids if i not in ids]

    def close(self) -> None:
        """End the Traffic Manager, still in synchronous mode and with all cars there; then remove them."""
        self._manager.shut_down()
        self.remove(self.ids)

    def wake(self) -> None:
        """Send the signal that starts a step once more.

        The Traffic Manager's thread may miss it (it is sent without the lock) and then waits for ever. Leaving and
        entering synchronous mode sends it again, and the step goes on as if nothing had been.
        """
        self._manager.set_synchronous_mode(False)
        self._manager.set_synchronous_mode(True)

    def _places(self, spawn_points, config: TrafficConfig, line: RouteLine, staged_m) -> list[carla.Transform]:
        start_x, start_y, _ = line.pose(0.0)
        chosen: list[carla.Transform] = []
        for k in self._generator.permutation(len(spawn_points)):
            if len(chosen) == config.vehicles:
                break
            place = spawn_points[int(k)]
            x, y = place.location.x, -place.location.y
            if math.hypot(x - start_x, y - start_y) < config.nearest_m:
                continue
            s, offset_m = line.project(x, y)
            if abs(offset_m) > config.farthest_m:
                continue
            if abs(offset_m) < config.route_clearance_m and staged_m[0] <= s <= staged_m[1]:
                continue
            if all(place.location.distance(other.location) >= config.spacing_m for other in chosen):
                chosen.append(place)
        return chosen


def _is_car(blueprint: carla.ActorBlueprint) -> bool:
    return blueprint.has_attribute("base_type") and blueprint.get_attribute("base_type") == "car"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
