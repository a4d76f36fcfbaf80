"""Parked vehicles are environment objects of the map: where it has them, solid, visible, and hidden on request."""

import math

import carla
import pytest

from carla_light.blueprints.library import BLUEPRINTS
from carla_light.errors import MapError
from carla_light.opendrive.check import parse_checked
from carla_light.opendrive.parked_vehicles import ParkedVehicle, find_parked_vehicles
from carla_light.simulation.fixtures import LONGEST_REACH_M, Fixtures
from carla_light.simulation.vehicle import Vehicle
from carla_light.towns import DEFAULT_TOWN, load

CAR, ANY = carla.CityObjectLabel.Car, carla.CityObjectLabel.Any
HALF_MKZ = 2.446


@pytest.fixture
def parked(world):
    """One that looks along its road, so that its lane can be driven on behind it."""
    return next(item for item in world.get_environment_objects(CAR))


def behind(item, distance_m, height_m=0.1):
    """The transform `distance_m` behind the middle of an environment object, looking at it."""
    place = item.transform.transform(carla.Location(x=-distance_m, z=height_m))
    return carla.Transform(place, item.transform.rotation)


def test_they_stand_in_the_middle_of_parking_lanes_and_face_as_traffic_does(world):
    found = world.get_environment_objects(CAR)
    assert len(found) >= 40 and {item.type for item in world.get_environment_objects(ANY)} == {CAR}
    for item in found:
        lane = world.get_map().get_waypoint(item.transform.location, True, carla.LaneType.Any)
        assert lane.lane_type == carla.LaneType.Parking
        assert lane.transform.location.distance(item.transform.location) < 0.05
        turn = math.radians(lane.transform.rotation.yaw - item.transform.rotation.yaw)
        assert math.cos(turn) > 0.999
        box = item.bounding_box
        assert box.location.distance(item.transform.location) == pytest.approx(box.extent.z, abs=1e-5)
        assert lane.lane_width > 2.0 * box.extent.y > 1.5 and 2.0 * box.extent.x > 3.5
    assert len({item.id for item in found}) == len(found)
    assert len(world.get_level_bbs(CAR)) == len(found)
    assert not world.get_environment_objects(carla.CityObjectLabel.Truck)


def test_no_vehicle_spawns_into_one_until_it_is_hidden(world, parked, spawn):
    with pytest.raises(RuntimeError, match="collision at spawn position"):
        spawn("vehicle.lincoln.mkz_2020", behind(parked, 2.0))
    world.enable_environment_objects({parked.id}, False)
    spawn("vehicle.lincoln.mkz_2020", behind(parked, 2.0)).destroy()
    world.enable_environment_objects({parked.id}, True)
    with pytest.raises(RuntimeError, match="collision at spawn position"):
        spawn("vehicle.lincoln.mkz_2020", behind(parked, 2.0))


def test_a_car_that_hits_one_stops_dead_and_hears_of_a_static_thing(world, parked, spawn, listen):
    gap_m = 1.5
    car = spawn("vehicle.lincoln.mkz_2020", behind(parked, parked.bounding_box.extent.x + HALF_MKZ + gap_m))
    frames = listen(spawn("sensor.other.imu", carla.Transform(), parent=car))
    sensor, events = spawn("sensor.other.collision", carla.Transform(), parent=car), []
    sensor.listen(events.append)
    car.apply_control(carla.VehicleControl(throttle=0.5))
    speeds = []
    for _ in range(80):
        frame = world.tick()
        while frames.get(timeout=5.0).frame < frame:
            pass
        speeds.append(car.get_velocity().length())
    sensor.stop()
    travelled = car.get_location().distance(behind(parked, 0.0).location)
    assert max(speeds) > 1.0 and speeds[-1] < 0.2
    assert travelled == pytest.approx(parked.bounding_box.extent.x + HALF_MKZ, abs=0.3)
    assert {(event.other_actor.id, event.other_actor.type_id) for event in events} == {(0, "static.car")}


def test_rays_meet_one(world, parked):
    start = behind(parked, 10.0, 0.7).location
    hits = world.cast_ray(start, parked.bounding_box.location)
    assert hits[0].label == CAR
    assert start.distance(hits[0].location) == pytest.approx(10.0 - parked.bounding_box.extent.x, abs=0.01)
    world.enable_environment_objects({parked.id}, False)
    assert not world.cast_ray(start, parked.bounding_box.location)
    world.enable_environment_objects({parked.id}, True)


def parked_on(t, offset="", heading=0.0, lanes=("-1", "1")):
    """The one parked vehicle of a straight road along x with lanes of 4 m."""
    rows = "".join(
        f'<{side}><lane id="{lane}" type="driving" level="false"><width sOffset="0" a="4" b="0" c="0" d="0"/>'
        f"</lane></{side}>"
        for side, lane in (("left", "1"), ("right", "-1"))
        if lane in lanes
    )
    left, right = ("", rows) if rows.startswith("<right>") else (rows.partition("<right>")[0], "")
    right = right or "".join(rows.partition("<right>")[1:])
    text = (
        '<OpenDRIVE><header revMajor="1" revMinor="4"/><road name="a" length="50.3" id="7" junction="-1"><planView>'
        '<geometry s="0" x="10" y="20" hdg="0" length="50.3"><line/></geometry></planView>'
        f'<lanes>{offset}<laneSection s="0">{left}<center><lane id="0" type="none" level="false"/></center>'
        f'{right}</laneSection></lanes><objects><object id="3" name="mine" type="van" s="12" t="{t}" zOffset="0.2" '
        f'hdg="{heading}" length="5" width="2" height="2.2"/><object id="4" type="pole" s="1" t="1"/></objects>'
        "</road></OpenDRIVE>"
    )
    (found,) = find_parked_vehicles(carla.Map("road", text), parse_checked("road", text))
    return found


@pytest.mark.parametrize("lanes", [("-1", "1"), ("-1",), ("1",)])
@pytest.mark.parametrize("offset_m", [0.0, 1.5])
def test_s_and_t_are_measured_from_the_reference_line(lanes, offset_m):
    offset = f'<laneOffset s="0" a="{offset_m}" b="0" c="0" d="0"/>'
    found = parked_on(-6.0, offset, heading=math.pi / 2, lanes=lanes)
    assert (found.x, found.y, found.z) == pytest.approx((22.0, -(20.0 - 6.0), 0.2), abs=1e-3)
    assert math.cos(math.radians(found.yaw + 90.0)) == pytest.approx(1.0)  # to the left, in CARLA's left-handed axes
    assert (found.kind, found.name, found.half_extents) == ("van", "mine", (2.5, 1.0, 1.1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('length="4.19"', 'length="0"', "has no positive length, width and height"),
        (
            't="-4.6" zOffset="0" hdg="0"',
            't="-4.6" zOffset="0" hdg="north"',
            "has a zOffset or hdg that is no finite number",
        ),
        ('name="ParkedCar" type="car" s="', 'name="ParkedCar" type="car" s="9', "its s or t is wrong"),
    ],
)
def test_malformed_ones_are_named(old, new, message):
    with pytest.raises(MapError, match=f"the parked car '[0-9]+' on road '[0-9]+' .*{message}"):
        parse_checked(DEFAULT_TOWN, load().replace(old, new, 1))


@pytest.mark.parametrize("half_length", [2.0, 8.0, 30.0])
def test_a_long_one_is_found_by_whoever_touches_its_end(half_length):
    parked = ParkedVehicle("bus", "long", 3.0, 5.0, 0.0, 0.0, (half_length, 1.2, 1.5))
    bus = BLUEPRINTS["vehicle.mitsubishi.fusorosa"]
    for sign in (-1.0, 1.0):
        body = Vehicle(1, bus, [], ((3.0 + sign * (half_length + 5.1), 5.0, 0.0), (0.0, 0.0, 0.0)), 0)
        assert [fixture.name for fixture in Fixtures([parked]).near([body])] == ["long"]
    far = Vehicle(1, bus, [], ((3.0 + half_length + 80.0, 5.0, 0.0), (0.0, 0.0, 0.0)), 0)
    assert Fixtures([parked]).near([far]) == []


def test_no_vehicle_reaches_farther_than_the_grid_allows_for():
    names = [name for name in BLUEPRINTS if name.startswith("vehicle.")]
    reach_m = [Vehicle(1, BLUEPRINTS[name], [], ((0.0,) * 3, (0.0,) * 3), 0).reach for name in names]
    assert len(reach_m) > 30 and max(reach_m) <= LONGEST_REACH_M
