"""Parked cars: which slots of a road's parking lanes are taken, and by what."""

import random

from carla_light.towns.road import LaneType, ParkedCar, Road, width

_SLOT_M = 6.5  # length of a parking slot
_TAKEN_SHARE = 0.55  # of the slots
_CLEAR_OF_ENDS_M = 15.0  # no car is parked nearer to a junction: it would hide who comes
_CLEAR_OF_CROSSWALK_M = 10.0  # nor nearer to the middle of a crosswalk
_CARS = ((4.19, 1.82, 1.47), (4.51, 1.90, 1.52), (4.63, 1.84, 1.86), (3.99, 1.85, 1.62))  # length, width, height [m]


def park_cars(road: Road) -> None:
    """Fill the parking lanes of a road that is laid out; the same road always gets the same cars."""
    draw = random.Random(road.id)
    for sign in (-1, 1):
        side = road.side(sign)
        for k, lane in enumerate(side):
            if lane.kind is LaneType.PARKING:
                middle = width(side[:k]) + 0.5 * lane.width
                _fill(road, sign, sign * middle, draw)


def _fill(road: Road, sign: int, t: float, draw: random.Random) -> None:
    free = road.length - 2.0 * _CLEAR_OF_ENDS_M
    for slot in range(int(free / _SLOT_M)):
        s = _CLEAR_OF_ENDS_M + (slot + 0.5) * _SLOT_M
        taken, car = draw.random() < _TAKEN_SHARE, draw.choice(_CARS)
        if taken and all(abs(s - crosswalk.s) > _CLEAR_OF_CROSSWALK_M for crosswalk in road.crosswalks):
            road.parked.append(ParkedCar(s, t, sign < 0, *car))
