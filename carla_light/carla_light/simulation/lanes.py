"""Where vehicles are on the lanes, and what holds there: the traffic light in force and the speed limit."""

import math
from typing import TYPE_CHECKING, NamedTuple

import carla

from carla_light.opendrive.town import Town
from carla_light.simulation.traffic_lights import TrafficLight

if TYPE_CHECKING:
    from carla_light.simulation.vehicle import Vehicle

REFRESH_M = 2.0  # a vehicle's lane is looked up again after it moved this far; a look-up takes about 20 us
ZONE_M = 60.0  # a light may be in force this far before its line
_ZONE_STEP_M = 2.0

# A light is in force from where a car must brake for it: REACH_M + speed 0.1 s + speed^2 / 15 m/s2, close to the
# stopping distances of the brake map (11.3 m from 50 km/h, 52 m from 100 km/h), until its front is PASSED_M behind the
# line.
REACH_M = 2.0
PASSED_M = 1.0


class LanePosition(NamedTuple):
    """A looked-up place on a lane, and the light ahead on it."""

    x: float
    y: float
    road: int
    forward_x: float  # driving direction
    forward_y: float
    light: TrafficLight | None
    to_line: float  # from here to the light's line along the lane [m]


class _Zone(NamedTuple):
    """A lane that leads to a light: the line lies `beyond` m after `s` in driving direction."""

    light: TrafficLight
    s: float
    beyond: float


class LaneWatch:
    """Follows vehicles on the lanes of a town."""

    def __init__(self, town: Town, lights: dict[str, TrafficLight]) -> None:
        """`lights` by signal id."""
        self._map = town.road_map
        self._limits = town.limits
        self._zones: dict[tuple[int, int, int], _Zone] = {}
        for approach in town.lights:
            for stop in approach.stops:
                self._add_zone(stop, lights[approach.signal])

    def _add_zone(self, stop: carla.Waypoint, light: TrafficLight) -> None:
        pending = [(stop, 0.0)]
        while pending:
            waypoint, walked = pending.pop()
            key = (waypoint.road_id, waypoint.section_id, waypoint.lane_id)
            self._zones.setdefault(key, _Zone(light, waypoint.s, walked))
            if walked < ZONE_M:
                pending += [
                    (before, walked + _ZONE_STEP_M)
                    for before in waypoint.previous(_ZONE_STEP_M)
                    if not before.is_junction
                ]

    def ground_z(self, x: float, y: float, z: float) -> float:
        """Height of the road near a place [m]."""
        waypoint = self._lane_at(x, y, z)
        return waypoint.transform.location.z if waypoint is not None else 0.0

    def _lane_at(self, x: float, y: float, z: float) -> carla.Waypoint | None:
        try:
            return self._map.get_waypoint(carla.Location(x, y, z))
        except RuntimeError:  # carla.Map throws for some points beyond the end of an arc
            return None

    def place(self, vehicle: "Vehicle") -> None:
        """Sets what holds where a vehicle was put."""
        self._look_up(vehicle, new=True)
        self.update(vehicle)

    def update(self, vehicle: "Vehicle") -> None:
        """Sets the light in force after a vehicle moved."""
        lane = vehicle.lane
        if lane is None:
            self._look_up(vehicle, new=False)
        else:
            dx, dy = vehicle.x - lane.x, vehicle.y - lane.y
            if dx * dx + dy * dy > REFRESH_M * REFRESH_M:
                self._look_up(vehicle, new=False)
        vehicle.traffic_light = self._light_in_force(vehicle)

    def _light_in_force(self, vehicle: "Vehicle") -> TrafficLight | None:
        lane = vehicle.lane
        if lane is None or lane.light is None:
            return None
        yaw = math.radians(vehicle.yaw)
        if math.cos(yaw) * lane.forward_x + math.sin(yaw) * lane.forward_y <= 0.0:  # drives the other way
            return None
        moved = (vehicle.x - lane.x) * lane.forward_x + (vehicle.y - lane.y) * lane.forward_y
        to_line = lane.to_line - moved - vehicle.half_extents[0] - vehicle.box_centre[0]
        speed = abs(vehicle.speed)
        return lane.light if -PASSED_M <= to_line <= REACH_M + 0.1 * speed + speed * speed / 15.0 else None

    def _look_up(self, vehicle: "Vehicle", new: bool) -> None:
        waypoint = self._lane_at(vehicle.x, vehicle.y, vehicle.z)
        if waypoint is None:
            vehicle.lane = None
            return
        lane_id, s = waypoint.lane_id, waypoint.s
        road, direction = waypoint.road_id, 1 if lane_id < 0 else -1
        transform = waypoint.transform
        zone = None if waypoint.is_junction else self._zones.get((road, waypoint.section_id, lane_id))
        yaw = math.radians(transform.rotation.yaw)
        vehicle.lane = LanePosition(
            vehicle.x,
            vehicle.y,
            road,
            math.cos(yaw),
            math.sin(yaw),
            zone.light if zone else None,
            (zone.s - s) * direction + zone.beyond if zone else 0.0,
        )
        vehicle.ground_z = transform.location.z
        limit = self._limits.passed(road, direction, s)
        if limit is not None:
            vehicle.speed_limit = limit
        elif new:
            vehicle.speed_limit = self._limits.of_road(road)
