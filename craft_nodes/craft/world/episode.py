"""The stage of one episode: who plays, where, and how actors are put there and taken away."""

import math
from collections.abc import Mapping

import carla
import numpy as np

from craft.perception.inputs import WorldFrame
from craft.scene.timing import elapsed_s
from craft.world.carla_frames import SPAWN_HEIGHT_M, carla_transform, carla_vector
from craft.world.parked_vehicles import ParkedVehicles
from craft.world.route_line import RouteLine

CROSSED_M = 20.0  # half the length of a strip across a road; parked vehicles farther from the route stand elsewhere [m]
GAP_STEP_M = 0.25  # steps in which a gap between parked vehicles is searched [m]
SAME_DIRECTION_RAD = math.radians(60.0)  # a lane that runs within this angle of the route runs along it [rad]


class PlacementError(ValueError):
    """A scenario or vehicle cannot be put where the route wants it. The message names where and why."""


class Stage:
    """What a scenario sees of its episode, and how it acts on it.

    Args:
        client: A connected client.
        world: The town.
        line: The ego's route; arc lengths `s` below are measured along it.
        trigger_m: Arc length at which the scenario begins [m].
        params: The scenario's parameters as the route gives them.
        generator: The episode's randomness.
        where: Names the route in error messages.
        parked: The town's parked vehicles.
    """

    def __init__(
        self,
        client: carla.Client,
        world: carla.World,
        line: RouteLine,
        trigger_m: float,
        params: Mapping[str, float],
        generator: np.random.Generator,
        where: str,
        parked: ParkedVehicles,
    ):
        self.world = world
        self.map = world.get_map()
        self.line = line
        self.trigger_m = trigger_m
        self.params = params
        self.generator = generator
        self.where = where
        self._parked = parked
        self.frame: WorldFrame | None = None
        self._begin_s = 0.0
        self.ego_m = 0.0  # arc length of the ego now [m]
        self._client = client
        self._library = world.get_blueprint_library()
        self._commands: list = []
        self._row: dict[int, int] = {}
        self.actor_ids: list[int] = []

    # ---- what is there -----------------------------------------------------------------------------------------------

    @property
    def time_s(self) -> float:
        """Time since frame 0 [s]."""
        return elapsed_s(self._begin_s, self.frame.stamp_s)

    @property
    def ego_speed_mps(self) -> float:
        """Speed of the ego now [m/s]."""
        return math.hypot(self.frame.odometry.vx, self.frame.odometry.vy)

    def update(self, frame: WorldFrame, ego_m: float) -> None:
        """Take in the frame that scenarios act on next."""
        if self.frame is None:
            self._begin_s = frame.stamp_s
        self.frame, self.ego_m = frame, ego_m
        self._row = {int(i): row for row, i in enumerate(frame.objects.ids)}

    def __contains__(self, actor_id: int) -> bool:
        """Whether an actor is on the road in the latest frame."""
        return actor_id in self._row

    def pose(self, actor_id: int) -> tuple[float, float, float]:
        """X [m], y [m], yaw [rad] of an actor now."""
        return tuple(self.frame.objects.poses[self._row[actor_id]].tolist())

    def speed_mps(self, actor_id: int) -> float:
        """Speed of an actor now [m/s]."""
        return math.hypot(*self.frame.objects.velocities[self._row[actor_id]].tolist())

    def waypoint(self, s: float) -> carla.Waypoint:
        """The driving lane under the route at arc length s, outside junctions.

        Raises:
            PlacementError: No driving lane runs along the route there.
        """
        x, y, yaw = self.line.pose(s)
        waypoint = self.map.get_waypoint(carla.Location(x=x, y=-y), True, carla.LaneType.Driving)
        if waypoint is None or abs(_turn(waypoint, yaw)) > SAME_DIRECTION_RAD:
            raise PlacementError(f"{self.where}: no driving lane runs along the route at {s:.0f} m")
        return waypoint

    def lanes_beside(self, s: float) -> list[float]:
        """Driving lanes next to the route that run along it: signed distances of their middles, left positive [m]."""
        here = self.waypoint(s)
        return [
            self._aside(s, lane)
            for lane in (here.get_left_lane(), here.get_right_lane())
            if _is_kind(lane, carla.LaneType.Driving) and lane.lane_id * here.lane_id > 0
        ]

    def parking_beside(self, s: float) -> list[float]:
        """Parking lanes next to the route, as `lanes_beside`."""
        here = self.waypoint(s)
        lanes = (here.get_left_lane(), here.get_right_lane())
        return [self._aside(s, lane) for lane in lanes if _is_kind(lane, carla.LaneType.Parking)]

    def gap_between_parked(self, s: float, half_width_m: float, within_m: float) -> float:
        """The arc length nearest to s at which a strip across the road is free of parked vehicles.

        Args:
            s: Where it is wanted [m].
            half_width_m: Half the strip's width, along the route [m].
            within_m: How far from s it may be [m].

        Raises:
            PlacementError: There is none.
        """
        x, y, _ = self.line.pose(s)
        taken = []
        for row in self._parked.near(x, y, within_m + CROSSED_M):
            at, _ = self.line.project(*self._parked.poses[row, :2], s - within_m - CROSSED_M, s + within_m + CROSSED_M)
            taken.append((at, self._parked.half_sizes[row, 0] + half_width_m))
        for step in range(int(2 * within_m / GAP_STEP_M) + 1):
            at = s + GAP_STEP_M * (step + 1 >> 1) * (-1 if step % 2 else 1)
            if all(abs(at - middle) >= reach for middle, reach in taken):
                return at
        raise PlacementError(f"{self.where}: no gap between the parked vehicles within {within_m:g} m of {s:.0f} m")

    def oncoming_lane(self, s: float) -> float | None:
        """Signed distance of the middle of an oncoming lane that borders the route's lane [m]; None without one."""
        here = self.waypoint(s)
        lane = here.get_left_lane()
        if not _is_kind(lane, carla.LaneType.Driving) or lane.lane_id * here.lane_id > 0:
            return None
        return self._aside(s, lane)

    def _aside(self, s: float, lane: carla.Waypoint) -> float:
        location = lane.transform.location
        return self.line.project(location.x, -location.y, s - 5.0, s + 5.0)[1]

    def in_junction(self, s: float) -> bool:
        """Whether the route is inside a junction at arc length s."""
        x, y, _ = self.line.pose(s)
        return self.map.get_waypoint(carla.Location(x=x, y=-y), True, carla.LaneType.Driving).is_junction

    def next_junction(self, s: float) -> tuple[float, float]:
        """Where the route enters and leaves the first junction after arc length s [m].

        Raises:
            PlacementError: The route has no whole junction after s.
        """
        entry = None
        for at in np.arange(s, self.line.length_m, 0.5):
            inside = self.in_junction(float(at))
            if entry is None and inside:
                entry = float(at)
            elif entry is not None and not inside:
                return entry, float(at)
        raise PlacementError(f"{self.where}: the route passes no junction after {s:.0f} m; move the trigger")

    def straight_road(self, s_from: float, s_to: float) -> None:
        """Check that the route stays outside junctions between two arc lengths.

        Raises:
            PlacementError: It does not, or ends before.
        """
        if s_to > self.line.length_m:
            raise PlacementError(
                f"{self.where}: needs the route up to {s_to:.0f} m, but it ends at {self.line.length_m:.0f} m"
            )
        for at in np.arange(s_from, s_to, 2.0):
            if self.in_junction(float(at)):
                raise PlacementError(
                    f"{self.where}: needs a road without junction from {s_from:.0f} m to {s_to:.0f} m, "
                    f"but there is one at {at:.0f} m; move the trigger"
                )

    # ---- what scenarios do -------------------------------------------------------------------------------------------

    def spawn_vehicle(self, blueprint: str, x: float, y: float, yaw: float, speed_mps: float = 0.0) -> carla.Vehicle:
        """Put a vehicle on the road, in the map frame.

        Raises:
            PlacementError: The place is taken, or the server has no such blueprint.
        """
        actor = self._spawn(blueprint, x, y, yaw)
        if speed_mps:
            self.set_velocity(actor, yaw, speed_mps)
        return actor

    def spawn_walker(self, blueprint: str, x: float, y: float, yaw: float) -> carla.Walker:
        """Put a walker into the map frame; raises as `spawn_vehicle`."""
        return self._spawn(blueprint, x, y, yaw)

    def set_velocity(self, actor: carla.Actor, yaw: float, speed_mps: float) -> None:
        """Give an actor a speed at once, along yaw [rad]."""
        actor.set_target_velocity(carla_vector(speed_mps * math.cos(yaw), speed_mps * math.sin(yaw)))

    def drive(self, actor_id: int, throttle: float, steer: float, brake: float) -> None:
        """Control of a vehicle for the coming tick."""
        control = carla.VehicleControl(throttle=throttle, steer=steer, brake=brake)
        self._commands.append(carla.command.ApplyVehicleControl(actor_id, control))

    def walk(self, actor_id: int, yaw: float, speed_mps: float) -> None:
        """Control of a walker from the coming tick on; yaw in the map frame [rad]."""
        control = carla.WalkerControl(carla_vector(math.cos(yaw), math.sin(yaw)), speed_mps, False)
        self._commands.append(carla.command.ApplyWalkerControl(actor_id, control))

    def remove(self, actor_id: int) -> None:
        """Take an actor away before the coming tick."""
        self._commands.append(carla.command.DestroyActor(actor_id))
        self.actor_ids.remove(actor_id)

    def flush(self) -> None:
        """Send everything that was ordered since the last tick, in order."""
        if self._commands:
            self._client.apply_batch(self._commands)
            self._commands = []

    def _spawn(self, blueprint: str, x: float, y: float, yaw: float) -> carla.Actor:
        try:
            description = self._library.find(blueprint)
        except IndexError:
            raise PlacementError(f"{self.where}: the CARLA server has no blueprint {blueprint!r}") from None
        if description.has_attribute("role_name"):
            description.set_attribute("role_name", "scenario")
        ground = self.map.get_waypoint(carla.Location(x=x, y=-y), True, carla.LaneType.Any)
        height_m = ground.transform.location.z + SPAWN_HEIGHT_M
        if blueprint.startswith("walker."):
            height_m += 1.0  # a walker's origin is the middle of its body
        actor = self.world.try_spawn_actor(description, carla_transform(x, y, yaw, height_m))
        if actor is None:
            s, left_m = self.line.project(x, y)
            raise PlacementError(
                f"{self.where}: {blueprint} does not fit at {s:.0f} m of the route, {left_m:.1f} m to its left; "
                f"something stands there"
            )
        self.actor_ids.append(actor.id)
        return actor


def _is_kind(lane: carla.Waypoint | None, kind: carla.LaneType) -> bool:
    return lane is not None and lane.lane_type == kind


def _turn(waypoint: carla.Waypoint, yaw: float) -> float:
    """Angle from yaw to a lane's direction of travel [rad], in [-pi, pi)."""
    return (-math.radians(waypoint.transform.rotation.yaw) - yaw + math.pi) % (2.0 * math.pi) - math.pi
