"""Parked vehicles are objects that stand still for perception, and the layout for whoever drives into one."""

from dataclasses import replace

import numpy as np
import pytest

from craft.scene import AgentKind
from craft.scene.observation import PARKED_FROM_ID
from craft.world.episode import PlacementError
from craft.world.parked_vehicles import REPORTED_M, ParkedVehicles
from craft.world.routes import load_suite


def parked_street_route():
    """A walker crosses on a training route along the street with parking lanes."""
    spec = next(spec for spec in load_suite("training") if spec.id == "training-InvadingTurn-3")
    return replace(spec, scenario="DynamicObjectCrossing")


def test_those_near_the_ego_are_reported_and_stand_still(simulation):
    spec = parked_street_route()
    _, frame = simulation.begin(spec, 1, spec.seed)
    objects = frame.objects
    parked = objects.ids >= PARKED_FROM_ID
    assert parked.sum() >= 5 and (np.diff(objects.ids) > 0).all()
    place = np.array([frame.odometry.x, frame.odometry.y])
    distance = np.linalg.norm(objects.poses[parked, :2] - place, axis=1)
    everyone = simulation._parked
    assert (distance <= REPORTED_M).all() and parked.sum() == len(everyone.near(*place))
    assert not objects.velocities[parked].any() and not objects.accelerations[parked].any()
    assert (objects.kinds[parked] == AgentKind.VEHICLE).all() and (objects.half_sizes[parked] > 0.7).all()
    poses = {int(i): tuple(pose) for i, pose in zip(objects.ids[parked], objects.poses[parked], strict=True)}
    for _ in range(20):
        later = simulation.tick(0.6, 0.0, 0.0).objects
        for i, pose in zip(later.ids, later.poses, strict=True):
            assert poses.get(int(i), tuple(pose)) == tuple(pose)
    simulation.end()


def test_driving_into_one_is_a_collision_with_the_layout(simulation):
    spec = parked_street_route()
    _, frame = simulation.begin(spec, 1, spec.seed)
    for tick in range(400):
        steer = 0.25 if 40 < tick < 60 else 0.0  # to the right, into the row
        frame = simulation.tick(0.5, steer, 0.0)
        if frame.collisions:
            break
    assert [collision.other_id for collision in frame.collisions] == [0]
    nearest = np.linalg.norm(frame.objects.poses[:, :2] - (frame.odometry.x, frame.odometry.y), axis=1).argmin()
    assert frame.objects.ids[nearest] >= PARKED_FROM_ID
    simulation.end()


def test_the_walker_crosses_where_no_car_is_parked(simulation):
    for seed in range(8):
        spec = replace(parked_street_route(), seed=seed)
        simulation.begin(spec, 1, seed)
        stage, scenario = simulation._stage, simulation._scenario
        for row in range(len(simulation._parked.kinds)):
            s, left_m = stage.line.project(*simulation._parked.poses[row, :2])
            if abs(left_m) < 15.0:
                assert abs(s - scenario._at_m) > simulation._parked.half_sizes[row, 0] + 0.5
    simulation.end()


def test_a_gap_is_searched_nearest_first_and_a_full_row_is_named(simulation):
    spec = parked_street_route()
    simulation.begin(spec, 1, spec.seed)
    stage = simulation._stage
    wanted_m = 50.0

    def row_of_cars(*at_m):
        poses = np.array([stage.line.pose(s, -3.0) for s in at_m])
        stage._parked = ParkedVehicles(np.zeros(len(at_m), np.uint8), poses, np.full((len(at_m), 2), (2.0, 0.9)))

    row_of_cars(wanted_m + 20.0)
    assert stage.gap_between_parked(wanted_m, 1.0, 5.0) == wanted_m
    row_of_cars(wanted_m + 1.0)
    assert stage.gap_between_parked(wanted_m, 1.0, 5.0) == pytest.approx(wanted_m - 2.0, abs=0.3)
    row_of_cars(*np.arange(wanted_m - 20.0, wanted_m + 20.0, 5.0))
    with pytest.raises(PlacementError, match="no gap between the parked vehicles within 5 m of 50 m"):
        stage.gap_between_parked(wanted_m, 1.0, 5.0)
    simulation.end()
