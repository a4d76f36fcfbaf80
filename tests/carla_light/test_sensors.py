"""Sensors through the official client, against values computed by hand."""

import math
import queue

import carla
import numpy as np
import pytest

HALF_MODEL3 = 2.396
DT_S = 0.05


@pytest.fixture
def measure(world, spawn, listen):
    """Attaches a sensor and returns its measurement of the next frame."""

    def _measure(name, mount=None, parent=None, prepare=None, **attributes):
        sensor = spawn(name, mount or carla.Transform(), parent=parent, **attributes)
        data = listen(sensor)
        if prepare is not None:
            prepare()
        frame = world.tick()
        while (item := data.get(timeout=5.0)).frame < frame:
            pass
        return item

    return _measure


@pytest.fixture
def car(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    for _ in range(3):
        world.tick()
    return car


def ahead(actor, distance):
    place = actor.get_transform()
    return carla.Transform(place.transform(carla.Location(distance, 0.0, 0.0)), place.rotation)


def test_imu(car, measure):
    def push():
        car.set_target_velocity(10.0 * car.get_transform().get_forward_vector())
        car.apply_control(carla.VehicleControl(throttle=1.0, steer=0.2))

    reading = measure("sensor.other.imu", parent=car, prepare=push)
    rate = 10.0 * 0.056  # speed times the published curvature at steer 0.2 [rad/s]
    assert reading.gyroscope.z == pytest.approx(rate, rel=0.01)
    speed = car.get_velocity().length()
    # From rest to `speed` in one tick, seen in the turned frame: the motion is off the heading by the slip angle.
    slip = math.atan(1.4178275 / (1.4178275 - 0.090769015) * math.tan(0.2 * 0.36848336))
    assert reading.accelerometer.x == pytest.approx(speed * math.cos(slip) / DT_S, rel=1e-3)
    assert reading.accelerometer.y == pytest.approx(speed * math.sin(slip) / DT_S, rel=1e-3)
    assert reading.accelerometer.z == pytest.approx(9.81)
    yaw = math.radians(car.get_transform().rotation.yaw)
    assert math.cos(reading.compass - (yaw + math.pi / 2.0)) == pytest.approx(1.0, abs=1e-6)


def test_gnss(world, car, measure):
    reading = measure("sensor.other.gnss", carla.Transform(carla.Location(x=1.0, z=2.0)), parent=car)
    at = car.get_transform().transform(carla.Location(x=1.0, z=2.0))
    reference = world.get_map().transform_to_geolocation(carla.Location())
    # A metre is 1 / 111,195 degrees of latitude on the sphere of 6,371 km, within 1 % of any ellipsoid. carla.Map
    # 0.9.16 counts latitude along +y of a transverse Mercator map, and the sensor must agree with carla.Map.
    assert reading.latitude - reference.latitude == pytest.approx(at.y / 111195.0, rel=0.01)
    east = at.x / (111195.0 * math.cos(math.radians(reference.latitude)))
    assert reading.longitude - reference.longitude == pytest.approx(east, rel=0.01)
    assert reading.altitude == pytest.approx(2.0, abs=1e-3)


def test_camera(car, measure):
    mount = carla.Transform(carla.Location(x=1.5, z=2.4))
    image = measure("sensor.camera.rgb", mount, parent=car, image_size_x=64, image_size_y=32, fov=100)
    assert (image.width, image.height, image.fov) == (64, 32, 100.0)
    assert len(image.raw_data) == 64 * 32 * 4
    seen = image.transform.location
    wanted = car.get_transform().transform(mount.location)
    assert (seen.x, seen.y, seen.z) == pytest.approx((wanted.x, wanted.y, wanted.z), abs=1e-3)
    pixels = np.frombuffer(image.raw_data, np.uint8).reshape(32, 64, 4)
    assert len(np.unique(pixels[0], axis=0)) == 1 and (pixels[0, 0] != pixels[-1, 0]).any()


LIDAR = {
    "channels": 2,
    "range": 50,
    "points_per_second": 7200,
    "rotation_frequency": 20,
    "upper_fov": 0,
    "lower_fov": -45,
}


def test_lidar_sees_the_ground_where_it_must(car, measure):
    scan = measure("sensor.lidar.ray_cast", carla.Transform(carla.Location(z=2.0)), parent=car, **LIDAR)
    # 7200 / 20 Hz / 2 channels = 180 columns in a full turn; the level channel meets nothing.
    assert scan.channels == 2
    assert [scan.get_point_count(k) for k in range(2)] == [0, 180]
    points = np.frombuffer(scan.raw_data, np.float32).reshape(-1, 4)
    assert points[:, 2] == pytest.approx(-2.0, abs=1e-4)
    assert np.hypot(points[:, 0], points[:, 1]) == pytest.approx(2.0, abs=1e-4)  # 45 degrees down
    # CARLA's intensity: exp(-attenuation * distance)
    assert points[:, 3] == pytest.approx(math.exp(-0.004 * math.hypot(2.0, 2.0)), abs=1e-5)


def test_semantic_lidar_names_the_car_ahead(spawn, car, measure):
    other = spawn("vehicle.tesla.model3", ahead(car, 12.0))
    scan = measure("sensor.lidar.ray_cast_semantic", carla.Transform(carla.Location(z=1.0)), parent=car, **LIDAR)
    hits = [point for point in scan if point.object_idx == other.id]
    assert hits
    assert {int(point.object_tag) for point in hits} == {14}
    nearest = min(hits, key=lambda point: abs(point.point.y))
    assert nearest.point.x == pytest.approx(12.0 - HALF_MODEL3, abs=1e-2)
    assert {int(point.object_tag) for point in scan if point.object_idx == 0} == {1}


def test_radar_measures_distance_and_relative_speed(spawn, car, measure):
    other = spawn("vehicle.tesla.model3", ahead(car, 20.0))

    def leave():
        other.enable_constant_velocity(carla.Vector3D(5.0, 0.0, 0.0))

    reading = measure("sensor.other.radar", carla.Transform(carla.Location(z=0.8)), parent=car, prepare=leave)
    assert len(reading) > 0
    for detection in reading:
        # The rear face is 20 + 5 * 0.05 - half length ahead.
        face = 20.25 - HALF_MODEL3
        assert detection.depth * math.cos(detection.altitude) * math.cos(detection.azimuth) == pytest.approx(
            face, abs=1e-3
        )
        assert detection.velocity == pytest.approx(
            5.0 * math.cos(detection.azimuth) * math.cos(detection.altitude), abs=1e-3
        )


def test_obstacle_sensor(spawn, car, measure):
    other = spawn("vehicle.tesla.model3", ahead(car, 8.0))
    reading = measure("sensor.other.obstacle", carla.Transform(carla.Location(z=0.8)), parent=car, distance=10)
    assert reading.other_actor.id == other.id
    assert reading.distance == pytest.approx(8.0 - HALF_MODEL3 - 0.5, abs=1e-3)  # a ball of 0.5 m


def test_lane_invasion_is_computed_by_the_client(world, car):
    blueprint = world.get_blueprint_library().find("sensor.other.lane_invasion")
    sensor = world.spawn_actor(blueprint, carla.Transform(), attach_to=car)
    events = queue.Queue()
    sensor.listen(events.put)
    car.enable_constant_velocity(carla.Vector3D(0.0, -4.0, 0.0))
    for _ in range(40):
        world.tick()
    assert events.get(timeout=5.0).crossed_lane_markings
    sensor.stop()


def test_sensor_tick_sets_the_rate(world, spawn, car, listen):
    sensor = spawn("sensor.other.imu", carla.Transform(), parent=car, sensor_tick=0.1)
    every = spawn("sensor.other.gnss", carla.Transform(), parent=car)
    slow, fast = listen(sensor), listen(every)
    last = [world.tick() for _ in range(20)][-1]
    while fast.get(timeout=5.0).frame < last:
        pass
    frames = []
    while not slow.empty():
        frames.append(slow.get().frame)
    assert len(frames) >= 8
    assert {later - earlier for earlier, later in zip(frames, frames[1:], strict=False)} == {2}
