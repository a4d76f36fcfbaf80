"""Lane lookups against shapely, which knows nothing of grids."""

import numpy as np
import pytest
import shapely

from craft.scene import LaneKind
from craft.scene.lane_grid import LaneGrid
from synthetic_roads import LANE_M, RoadWriter, crossing, straight_road


def _slanted_roads():
    road = RoadWriter()
    rng = np.random.default_rng(3)
    for _ in range(40):
        start = rng.uniform(-100.0, 100.0, 2)
        road.lane(start, start + rng.uniform(-60.0, 60.0, 2), junction=bool(rng.integers(2)), kind=rng.integers(1, 5))
    return road.road_map("slanted")


@pytest.fixture(scope="module")
def slanted():
    return _slanted_roads()


def test_containing_quads_are_those_of_shapely(slanted):
    grid = LaneGrid(slanted)
    points = np.random.default_rng(0).uniform(-130.0, 130.0, (1500, 2))
    quads, inside = grid.containing(points)
    polygons = shapely.polygons(slanted.quads.astype(float))
    distance = shapely.distance(polygons[None, :], shapely.points(points)[:, None])
    depth = shapely.distance(shapely.boundary(polygons)[None, :], shapely.points(points)[:, None])
    clear = depth.min(axis=1) > 0.01  # points on an edge may fall either way
    for point in np.nonzero(clear)[0]:
        assert set(quads[point][inside[point]]) == set(np.nonzero(distance[point] == 0.0)[0])
    assert inside.any()


def test_margin_grows_the_surface(slanted):
    grid = LaneGrid(slanted)
    points = np.random.default_rng(1).uniform(-130.0, 130.0, (1500, 2))
    kinds = [LaneKind.DRIVING, LaneKind.SHOULDER]
    chosen = shapely.polygons(slanted.quads[np.isin(slanted.quad_kind, kinds)].astype(float))
    distance = shapely.distance(shapely.union_all(chosen), shapely.points(points))
    covered = grid.covered(points, kinds, 0.5)
    # A quad grown edge by edge reaches at least as far as the round buffer, and farther only at its corners.
    assert covered[distance < 0.49].all()
    assert not covered[distance > 0.5 * np.sqrt(2.0) + 0.3].any()
    assert not grid.covered(points, kinds)[distance > 0.01].any()


def test_junction_only_between_the_arms():
    grid = LaneGrid(crossing())
    # The crossing's driving lanes lie in a junction from x = 52 to 68 on the east-bound lane.
    found = grid.in_junction(np.array([[51.0, 0.0], [53.0, 0.0], [67.0, 0.0], [69.0, 0.0], [60.0, 40.0], [1e6, 0.0]]))
    assert found.tolist() == [False, True, True, False, False, False]


def test_driving_lane_prefers_the_agreeing_direction():
    road = crossing()
    grid = LaneGrid(road)
    # (61.75, 0) lies on the east-bound and on the north-bound lane.
    quad, gap = grid.driving_lane(
        np.array([[61.75, 0.0]] * 3 + [[0.0, 30.0]]), np.array([0.1, np.pi / 2 - 0.2, np.pi, 0.0])
    )
    assert road.quad_yaw[quad[:2]] == pytest.approx([0.0, np.pi / 2], abs=1e-6)
    assert gap[:2] == pytest.approx([0.1, 0.2], abs=1e-6)
    assert gap[2] == pytest.approx(np.pi / 2, abs=1e-6)  # north-bound, the nearest to west
    assert quad[3] == -1 and gap[3] == np.pi


def test_half_width_is_half_the_lane():
    grid = LaneGrid(straight_road())
    assert grid.half_width == pytest.approx(LANE_M / 2.0, abs=1e-5)


def test_a_map_without_quads_is_refused():
    road = straight_road()
    empty = {name: getattr(road, name)[:0] for name in road.__dataclass_fields__ if name.startswith("quad")}
    from dataclasses import replace

    with pytest.raises(ValueError, match="by_hand.*no quads"):
        LaneGrid(replace(road, **empty))
