"""Driving through the official client: closed forms of motion, reverse, hand brake, constant velocity, physics off."""

import math

import carla
import pytest

from carla_light.simulation.response import speed_after_tick

DT_S = 0.05
KMH = 3.6


def drive(world, car, ticks, **control):
    car.apply_control(carla.VehicleControl(**control))
    for _ in range(ticks):
        world.tick()
    return car.get_velocity().length()


def push(world, car, speed_kmh):
    """Starts a car at a speed: one tick passes, coasting."""
    car.set_target_velocity(speed_kmh / KMH * car.get_transform().get_forward_vector())


def test_full_throttle_follows_the_map_tick_for_tick(world, spawn):
    car, expected = spawn("vehicle.lincoln.mkz_2020"), 0.0
    car.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(60):
        world.tick()
        expected = speed_after_tick(expected, 1.0, 0.0)
        assert car.get_velocity().length() == pytest.approx(expected, abs=1e-4)


# Stopping distances of driving_facts [m].
@pytest.mark.parametrize(("speed_kmh", "expected_m"), [(30.0, 2.7), (50.0, 11.3), (100.0, 52.0)])
def test_stopping_distance_and_standstill(world, spawn, speed_kmh, expected_m):
    car = spawn("vehicle.lincoln.mkz_2020")
    start = car.get_location()
    push(world, car, speed_kmh)
    speed = drive(world, car, 120, brake=1.0)
    stopped_at = car.get_location()
    assert speed == 0.0
    assert stopped_at.distance_2d(start) == pytest.approx(expected_m, rel=0.02)
    drive(world, car, 20, brake=1.0)
    assert car.get_location() == stopped_at  # a braked car does not creep


@pytest.mark.parametrize(("steer", "curvature"), [(0.1, 0.028), (0.5, 0.138), (-1.0, -0.269)])
def test_turning_radius(world, spawn, steer, curvature):
    car = spawn("vehicle.lincoln.mkz_2020")
    before = car.get_transform().rotation.yaw
    push(world, car, 18.0)
    car.apply_control(carla.VehicleControl(steer=steer))
    distance = 0.0
    for _ in range(10):
        distance += car.get_velocity().length() * DT_S if distance else 5.0 * DT_S
        world.tick()
    turned = math.remainder(math.radians(car.get_transform().rotation.yaw - before), 2.0 * math.pi)
    assert turned / distance == pytest.approx(curvature, abs=1e-3)  # right positive
    rate = math.radians(car.get_angular_velocity().z)
    assert rate == pytest.approx(curvature * car.get_velocity().length(), rel=0.02)


def test_reverse_goes_backwards_and_braking_against_it_stops(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    start, forward = car.get_location(), car.get_transform().get_forward_vector()
    drive(world, car, 20, throttle=0.6, reverse=True)
    moved = car.get_location() - start
    assert moved.x * forward.x + moved.y * forward.y < -1.0
    assert drive(world, car, 40, brake=1.0, reverse=True) == 0.0


def test_hand_brake_stops(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    push(world, car, 50.0)
    assert drive(world, car, 60, hand_brake=True) == 0.0


def test_constant_velocity_is_in_the_cars_frame_and_ends(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    start, forward = car.get_location(), car.get_transform().get_forward_vector()
    car.enable_constant_velocity(carla.Vector3D(4.0, 0.0, 0.0))
    assert drive(world, car, 10, brake=1.0) == pytest.approx(4.0)
    moved = car.get_location() - start
    assert moved.x * forward.x + moved.y * forward.y == pytest.approx(2.0, abs=1e-4)
    car.disable_constant_velocity()
    assert drive(world, car, 20, brake=1.0) == 0.0


def test_without_physics_a_car_stays_where_it_is_put(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    car.set_simulate_physics(False)
    place = car.get_transform()
    place.location.z = -50.0
    car.set_transform(place)
    assert drive(world, car, 5, throttle=1.0) == 0.0
    assert car.get_location().z == pytest.approx(-50.0)


def test_a_car_spawned_above_the_road_comes_down(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    drive(world, car, 5)
    assert car.get_location().z == 0.0


def test_speed_limit_signs_set_the_limit(world, spawn):
    road_map = world.get_map()
    sign = next(s for s in road_map.get_all_landmarks_of_type("274") if s.get_lane_validities()[0][0] < 0)
    lane = sign.get_lane_validities()[0][1]
    car = spawn("vehicle.lincoln.mkz_2020")
    place = road_map.get_waypoint_xodr(sign.road_id, lane, sign.s + 3.0).transform
    place.location.z += 0.1
    car.set_transform(place)
    world.tick()
    assert car.get_speed_limit() == pytest.approx(sign.value)
