"""Calls about scenery, which is a flat ground and parked vehicles, and about rays."""

from collections.abc import Iterable

import numpy as np

from carla_light.session import Session
from carla_light.simulation.actors import Fixture
from carla_light.simulation.rays import GROUND, cast

_LABEL_ROAD, _LABEL_NONE = 1, 0  # carla::rpc::CityObjectLabel
_LABEL_ANY = 255
_GROUND_Z = 0.0


class SceneryService:
    """Objects of the level, street lamps, ray casts."""

    def __init__(self, session: Session) -> None:
        """Serves a session."""
        self._session = session

    def get_environment_objects(self, label: int) -> list:
        """carla::rpc::EnvironmentObject: [transform, box in the world, id, name, label], of one label or of any."""
        return [
            [[list(part) for part in fixture.transform()], _world_box(fixture), number, fixture.name, fixture.tag]
            for number, fixture in self._fixtures()
            if label in (fixture.tag, _LABEL_ANY)
        ]

    def enable_environment_objects(self, ids: list[int], enable: bool) -> None:
        """Hides objects or shows them again; a hidden one can neither be seen nor hit."""
        for number, fixture in self._fixtures():
            if number in ids:
                fixture.solid = enable

    def get_all_level_BBs(self, label: int) -> list:  # noqa: N802  (the wire's name)
        """Boxes of the environment objects, in the world."""
        return [_world_box(fixture) for _, fixture in self._fixtures() if label in (fixture.tag, _LABEL_ANY)]

    def get_names_of_all_objects(self) -> list[str]:
        """Names of the environment objects."""
        return [fixture.name for _, fixture in self._fixtures()]

    def _fixtures(self) -> Iterable[tuple[int, Fixture]]:
        return enumerate(self._session.world.fixtures.all, start=1)

    def query_lights_state(self, client: str) -> list:
        """States of street lamps: none."""
        return []

    def update_day_night_cycle(self, client: str, active: bool) -> None:
        """Nothing to switch: there are no street lamps."""

    def draw_debug_shape(self, shape: list) -> None:
        """Nothing is shown: the server has no window, like CARLA started with -RenderOffScreen."""

    def project_point(self, origin: list[float], direction: list[float], distance: float) -> list:
        """[hit, [point, label]]: the first thing within `distance` along a direction."""
        hits = self._hits(origin, direction, distance)
        return [True, hits[0]] if hits else [False, [[0.0, 0.0, 0.0], _LABEL_NONE]]

    def cast_ray(self, start: list[float], end: list[float]) -> list:
        """[[point, label]] of the first thing between two points."""
        difference = np.subtract(end, start)
        return self._hits(start, difference, float(np.linalg.norm(difference)))

    def _hits(self, origin: list[float], direction: list[float], reach: float) -> list:
        length = float(np.linalg.norm(direction))
        if length == 0.0:
            return []
        ray = np.asarray(direction, float)[None] / length
        world = self._session.world
        bodies = [*world.bodies, *world.fixtures.shown]
        distance, hit = cast(tuple(origin), ray, [body.box() for body in bodies], _GROUND_Z)
        if not distance[0] <= reach:
            return []
        label = _LABEL_ROAD if hit[0] == GROUND else bodies[hit[0]].tag or _LABEL_NONE
        return [[(np.asarray(origin) + distance[0] * ray[0]).tolist(), label]]


def _world_box(fixture: Fixture) -> list:
    """carla::geom::BoundingBox of something that is no actor: [centre and half extents, rotation, actor id 0]."""
    centre = [fixture.x, fixture.y, fixture.z + fixture.box_centre[2]]
    return [centre, list(fixture.half_extents), [fixture.pitch, fixture.yaw, fixture.roll], 0]
