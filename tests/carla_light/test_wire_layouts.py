"""Every binary layout, pinned by what the official client decodes; a state set on one side is read on the other."""

import math

import carla
import pytest

from carla_light.wire import layouts

DT_S = 0.05


def test_sizes_that_the_wheel_expects():
    assert layouts.SENSOR_HEADER.size == 48
    assert layouts.EPISODE_HEADER.size == 36
    for actor in (layouts.VEHICLE, layouts.TRAFFIC_LIGHT, layouts.WALKER, layouts.PLAIN_ACTOR):
        assert actor.size == 119
    assert layouts.STREAM_TOKEN.size == 24


def test_frames_count_and_time_advances_by_the_fixed_step(world):
    before = world.get_snapshot()
    frames = [world.tick() for _ in range(5)]
    after = world.get_snapshot()
    assert frames == [before.frame + k for k in range(1, 6)]
    assert after.frame == frames[-1]
    assert after.timestamp.elapsed_seconds - before.timestamp.elapsed_seconds == pytest.approx(5 * DT_S)
    assert after.timestamp.delta_seconds == pytest.approx(DT_S)


def test_transform_velocity_and_acceleration(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    car.set_simulate_physics(False)
    wanted = carla.Transform(carla.Location(12.5, -3.25, 1.5), carla.Rotation(pitch=3.0, yaw=-120.0, roll=2.0))
    car.set_transform(wanted)
    world.tick()
    read = world.get_snapshot().find(car.id).get_transform()
    for name in ("x", "y", "z"):
        assert getattr(read.location, name) == pytest.approx(getattr(wanted.location, name))
    for name in ("pitch", "yaw", "roll"):
        assert getattr(read.rotation, name) == pytest.approx(getattr(wanted.rotation, name))


def test_target_velocity_moves_the_car_and_is_its_velocity(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    before, forward = car.get_location(), car.get_transform().get_forward_vector()
    car.set_target_velocity(10.0 * forward)
    world.tick()
    # 10 m/s for one tick, then coasting: 10 - 0.49 * 0.05.
    assert car.get_location().distance_2d(before) == pytest.approx(10.0 * DT_S, abs=1e-4)
    assert car.get_velocity().length() == pytest.approx(10.0 - 0.49 * DT_S, abs=1e-4)
    assert car.get_acceleration().length() == pytest.approx((10.0 - 0.49 * DT_S) / DT_S, rel=1e-4)


def test_vehicle_control(world, spawn):
    car = spawn("vehicle.tesla.model3")
    sent = carla.VehicleControl(0.25, -0.5, 0.125, hand_brake=True, reverse=True, manual_gear_shift=True, gear=3)
    car.apply_control(sent)
    world.tick()
    assert car.get_control() == sent


def test_controls_that_are_no_numbers_or_out_of_range_are_made_sane(world, spawn):
    car = spawn("vehicle.tesla.model3")
    car.apply_control(carla.VehicleControl(throttle=math.nan, steer=7.0, brake=math.nan))
    world.tick()
    read = car.get_control()
    assert (read.throttle, read.steer, read.brake) == (0.0, 1.0, 0.0)


def test_walker_control(world, spawn):
    walker = spawn("walker.pedestrian.0001")
    before = walker.get_location()
    walker.apply_control(carla.WalkerControl(carla.Vector3D(0.0, -1.0, 0.0), 1.5, True))
    world.tick()
    control = walker.get_control()
    assert (control.direction.x, control.direction.y, control.speed, control.jump) == (0.0, -1.0, 1.5, True)
    assert walker.get_location().y - before.y == pytest.approx(-1.5 * DT_S, abs=1e-5)
    assert walker.get_transform().rotation.yaw == pytest.approx(-90.0)
    assert walker.get_location().z == pytest.approx(0.93)


def test_traffic_light_fields(world):
    light = world.get_actors().filter("traffic.traffic_light")[0]
    light.set_green_time(7.5)
    light.set_yellow_time(2.5)
    light.set_red_time(1.25)
    light.set_state(carla.TrafficLightState.Yellow)
    light.freeze(True)
    world.tick()
    assert (light.get_green_time(), light.get_yellow_time(), light.get_red_time()) == (7.5, 2.5, 1.25)
    assert light.state == carla.TrafficLightState.Yellow
    assert light.is_frozen()
    assert light.get_opendrive_id() in {mark.id for mark in world.get_map().get_all_landmarks_of_type("1000001")}
    assert light.get_pole_index() in (0, 1)


def test_settings_weather_and_vehicle_lights(world, spawn):
    settings = world.get_settings()
    assert settings.synchronous_mode and settings.fixed_delta_seconds == pytest.approx(DT_S)
    weather = carla.WeatherParameters(cloudiness=12.5, sun_altitude_angle=-7.0)
    world.set_weather(weather)
    assert world.get_weather() == weather
    car = spawn("vehicle.audi.tt")
    car.set_light_state(carla.VehicleLightState(carla.VehicleLightState.Brake | carla.VehicleLightState.LowBeam))
    world.tick()
    assert car.get_light_state() == carla.VehicleLightState.Brake | carla.VehicleLightState.LowBeam
    assert world.get_vehicles_light_states()[car.id] == car.get_light_state()


def test_physics_control_reads_back_as_it_was_set(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    physics = car.get_physics_control()
    assert len(physics.wheels) == 4 and physics.wheels[0].max_steer_angle == 70.0
    physics.mass = 1234.5
    car.apply_physics_control(physics)
    world.tick()
    assert car.get_physics_control().mass == 1234.5


# Half extents as Scenic measured them in CARLA (driving_facts) [m].
@pytest.mark.parametrize(
    ("name", "extent", "offset_x"),
    [
        ("vehicle.lincoln.mkz_2020", (2.446, 0.918, 0.745), 0.0),
        ("vehicle.tesla.model3", (2.396, 1.082, 0.744), 0.0),
        ("vehicle.carlamotors.firetruck", (4.234, 1.446, 1.914), -0.253),
        ("vehicle.bh.crossbike", (0.755, 0.433, 0.806), 0.0),
        ("walker.pedestrian.0001", (0.188, 0.188, 0.93), 0.0),
    ],
)
def test_bounding_boxes(spawn, name, extent, offset_x):
    box = spawn(name).bounding_box
    assert (box.extent.x, box.extent.y, box.extent.z) == pytest.approx(extent)
    assert box.location.x == pytest.approx(offset_x)


def test_attributes_travel_both_ways(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020", role_name="hero")
    seen = world.get_actors([car.id])[0]
    assert seen.attributes["role_name"] == "hero"
    assert seen.attributes["number_of_wheels"] == "4"
    assert [int(tag) for tag in seen.semantic_tags] == [14]
