"""Speed limits of a town: from its signs, carried on to where the next one stands."""

from bisect import bisect_right
from collections import defaultdict

import carla

from craft.world.opendrive_tables import OpenDriveTables

DEFAULT_LIMIT_KMH = 50.0  # where no sign and no road type says anything (the usual limit in towns)
SIGN_SPEED_LIMIT = "274"  # OpenDRIVE signal type; its value is in km/h, as the CARLA server reads it
_KMH_PER_MPS = 3.6

_Direction = tuple[int, int]  # (road id, sign of the lane ids: -1 along the road, 1 against it)


class SpeedLimits:
    """Speed limit at any place of a town.

    On a road with signs for a direction a sign holds until the next one, and the first one from the beginning on.
    Elsewhere the limit of the nearest sign upstream is carried on (the lowest if several are equally near), then the
    road type, then DEFAULT_LIMIT_KMH. Inside a junction the road type lowers what is carried on.
    """

    def __init__(self, carla_map: carla.Map, tables: OpenDriveTables):
        self._type_kmh = tables.type_kmh
        self._junction_roads = tables.junction_roads
        signs: dict[_Direction, list[tuple[float, float]]] = defaultdict(list)
        for landmark in carla_map.get_all_landmarks_of_type(SIGN_SPEED_LIMIT):
            for low, high in landmark.get_lane_validities():
                for sign in (-1, 1):
                    if min(low, high) * sign > 0 or max(low, high) * sign > 0:
                        signs[landmark.road_id, sign].append((-sign * landmark.s, float(landmark.value)))
        self._signs = {direction: sorted(set(found)) for direction, found in sorted(signs.items())}
        self._carried = self._carry_on(carla_map)

    def at(self, road: int, lane: int, s: float) -> float:
        """Limit for a lane of a road at the road coordinate s [m], in m/s."""
        direction = (road, 1 if lane > 0 else -1)
        signs = self._signs.get(direction)
        if signs:
            position = s if lane < 0 else -s
            kmh = signs[max(bisect_right(signs, (position, float("inf"))) - 1, 0)][1]
        else:
            given = self._type_kmh.get(road)
            kmh = self._carried.get(direction, given if given is not None else DEFAULT_LIMIT_KMH)
            if road in self._junction_roads and given is not None:
                kmh = min(kmh, given)
        return kmh / _KMH_PER_MPS

    def _carry_on(self, carla_map: carla.Map) -> dict[_Direction, float]:
        """Limits at the beginning of directions without signs, from the nearest signs upstream (breadth first)."""
        onward: dict[_Direction, set[_Direction]] = defaultdict(set)
        for here, there in carla_map.get_topology():
            a = (here.road_id, 1 if here.lane_id > 0 else -1)
            b = (there.road_id, 1 if there.lane_id > 0 else -1)
            if a != b:
                onward[a].add(b)
        carried: dict[_Direction, float] = {}
        front = [(direction, signs[-1][1]) for direction, signs in self._signs.items()]
        while front:
            reached: dict[_Direction, float] = {}
            for direction, kmh in front:
                for target in onward[direction]:
                    if target not in self._signs and target not in carried:
                        reached[target] = min(kmh, reached.get(target, kmh))
            carried |= reached
            front = sorted(reached.items())
        return carried
