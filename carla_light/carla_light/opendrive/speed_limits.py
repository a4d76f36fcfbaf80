"""Speed limits: signs of type 274, and the road's own <speed> for cars that start before any sign."""

from xml.etree import ElementTree

import carla

from carla_light.opendrive.approaches import SPEED_LIMIT

DEFAULT_KMH = 50.0  # where the map says nothing
_KMH_PER_UNIT = {"km/h": 1.0, "mph": 1.609344, "m/s": 3.6, "": 3.6}  # OpenDRIVE: m/s where no unit is given


class SpeedLimits:
    """The limits of a map."""

    def __init__(self, road_map: carla.Map, root: ElementTree.Element) -> None:
        """Reads signs through carla.Map and road types from the XML."""
        # By road and direction (1 = along s): (s times direction, limit), in driving order.
        self._signs: dict[tuple[int, int], list[tuple[float, float]]] = {}
        for sign in road_map.get_all_landmarks_of_type(SPEED_LIMIT):
            directions = {1 if lane < 0 else -1 for pair in sign.get_lane_validities() for lane in pair if lane}
            for direction in directions:
                self._signs.setdefault((sign.road_id, direction), []).append((sign.s * direction, sign.value))
        for signs in self._signs.values():
            signs.sort()
        self._roads = {}
        for road in root.findall("road"):
            speed = road.find("type/speed")
            try:
                self._roads[int(road.get("id", ""))] = float(speed.get("max")) * _KMH_PER_UNIT[speed.get("unit", "")]
            except (AttributeError, KeyError, TypeError, ValueError):
                continue  # no limit, "no limit", or a unit of its own: the default holds

    def passed(self, road: int, direction: int, s: float) -> float | None:
        """The limit [km/h] of the last sign passed on this road, None if none was."""
        limit = None
        for position, value in self._signs.get((road, direction), ()):
            if position > s * direction:
                break
            limit = value
        return limit

    def of_road(self, road: int) -> float:
        """The limit [km/h] of a road's type."""
        return self._roads.get(road, DEFAULT_KMH)
