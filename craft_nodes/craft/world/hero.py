"""The leaderboard's world as the policy is to see it: frames of the hero, through a client of one's own.

The leaderboard ticks; this only reads. It needs nothing of the leaderboard but the address of its server.
"""

import time
from functools import lru_cache

import carla

from craft.perception import WorldFrame
from craft.scene.road_map import RoadMap
from craft.world.connection import town_name
from craft.world.frame_reader import FrameReader
from craft.world.light_boxes import read_light_boxes
from craft.world.opendrive import road_map_from_opendrive
from craft.world.parked_vehicles import read_parked_vehicles

HERO_ROLE = "hero"  # role name of the agent's vehicle; leaderboard
ANSWER_S = 60.0  # longest wait for one answer of the server [s]
ARRIVAL_S = 10.0  # longest wait for a frame that was ticked, and for the hero [s]
_POLL_S = 0.002


class _NoCollisions:
    """The leaderboard has its own collision sensor; the policy is not told of contacts."""

    def during(self, frame: int, gaps_m: dict[int, float]) -> list[tuple[int, float]]:
        """See CollisionLog."""
        return []


class Hero:
    """The vehicle that the leaderboard lets an agent drive.

    Args:
        host, port: Of the CARLA server.

    Attributes:
        actor: The vehicle, once it was found.
        road: The town's road map, from then on.
    """

    def __init__(self, host: str, port: int):
        client = carla.Client(host, port)
        client.set_timeout(ANSWER_S)
        self._world = client.get_world()
        self._last = 0

    def find(self) -> None:
        """Find the vehicle, and read the town; a tick must have been made since this client connected.

        Raises:
            TimeoutError: No vehicle has the role name hero.
        """
        self.actor = self._find()
        carla_map = self._world.get_map()
        boxes = tuple(read_light_boxes(self._world))
        self.road = _road_map(town_name(carla_map), carla_map.to_opendrive(), boxes)
        parked = read_parked_vehicles(self._world)
        self._reader = FrameReader(self._world, self.actor, _NoCollisions(), parked)

    @property
    def half_size(self) -> tuple[float, float]:
        """Half length and half width [m]."""
        extent = self.actor.bounding_box.extent
        return extent.x, extent.y

    def frame(self, stamp_s: float, number: int | None, throttle: float, steer: float, brake: float) -> WorldFrame:
        """The present frame.

        Args:
            stamp_s: Its time [s].
            number: CARLA's number of it; None takes the next one that was not taken yet.
            throttle, steer, brake: The control that was in force.

        Raises:
            TimeoutError: The frame did not come.
        """
        wanted = self._last + 1 if number is None else number
        deadline = time.monotonic() + ARRIVAL_S
        while (found := self._world.get_snapshot().frame) < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"frame {wanted} did not come within {ARRIVAL_S:.0f} s; the latest is {found}")
            time.sleep(_POLL_S)
        self._last = found
        return self._reader.read(stamp_s, throttle, steer, brake)

    def motion(self) -> dict[str, list[float]]:
        """The present frame's entry of a metric_info.json, in CARLA's frame."""
        transform, rotation = self.actor.get_transform(), self.actor.get_transform().rotation
        vectors = {
            "acceleration": self.actor.get_acceleration(),
            "angular_velocity": self.actor.get_angular_velocity(),  # [deg/s]
            "forward_vector": transform.get_forward_vector(),
            "right_vector": transform.get_right_vector(),
            "location": transform.location,
        }
        entry = {name: [vector.x, vector.y, vector.z] for name, vector in vectors.items()}
        return entry | {"rotation": [rotation.roll, rotation.pitch, rotation.yaw]}

    def _find(self) -> carla.Vehicle:
        deadline = time.monotonic() + ARRIVAL_S
        while time.monotonic() < deadline:
            # A new client knows the actors only when its first snapshot has come.
            for actor in self._world.get_actors().filter("vehicle.*"):
                if actor.attributes.get("role_name") == HERO_ROLE:
                    return actor
            time.sleep(_POLL_S)
        raise TimeoutError(f"no vehicle with the role name {HERO_ROLE} came within {ARRIVAL_S:.0f} s")


@lru_cache(maxsize=1)
def _road_map(town: str, opendrive: str, light_boxes: tuple) -> RoadMap:
    """Kept from one route to the next of the same town: a large one takes a while."""
    return road_map_from_opendrive(town, opendrive, light_boxes)
