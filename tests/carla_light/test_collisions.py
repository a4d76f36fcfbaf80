"""Collision events: exactly while boxes overlap, in every tick, with the other actor; vehicles lose speed."""

import queue

import carla
import pytest

HALF_MKZ, HALF_MODEL3 = 2.446, 2.396


def ahead(actor, distance, height=0.0):
    """The transform `distance` in front of an actor."""
    place = actor.get_transform()
    return carla.Transform(place.transform(carla.Location(distance, 0.0, height)), place.rotation)


def events_of(events):
    """The events that came, oldest first; waits for the first, and for more until none came for a while."""
    found = [events.get(timeout=5.0)]
    while True:
        try:
            found.append(events.get(timeout=0.3))
        except queue.Empty:
            return found


@pytest.fixture
def hit_car(world, spawn, listen):
    """A car with a collision sensor, and the queue of its events."""
    car = spawn("vehicle.lincoln.mkz_2020")
    events = queue.Queue()
    sensor = spawn("sensor.other.collision", carla.Transform(), parent=car)
    sensor.listen(events.put)
    frames = listen(spawn("sensor.other.imu", carla.Transform(), parent=car))
    # The collision sensor has subscribed as soon as a contact is heard.
    wall = spawn("static.prop.container", ahead(car, HALF_MKZ + 2.9))
    for _ in range(200):
        world.tick()
        try:
            events.put(events.get(timeout=0.05))
            break
        except queue.Empty:
            continue
    wall.destroy()

    def tick(count=1):
        for _ in range(count):
            wanted = world.tick()
            while frames.get(timeout=5.0).frame < wanted:
                pass

    tick(3)
    events_of(events)
    yield car, events, tick
    sensor.stop()


def test_no_event_a_centimetre_apart_and_one_a_tick_in_contact(world, spawn, hit_car):
    car, events, tick = hit_car
    other = spawn("vehicle.tesla.model3", ahead(car, 20.0))
    for actor in (car, other):
        actor.set_simulate_physics(False)
    other.set_transform(ahead(car, HALF_MKZ + HALF_MODEL3 + 0.01))
    tick(5)
    assert events.empty()
    other.set_transform(ahead(car, HALF_MKZ + HALF_MODEL3 - 0.01))
    tick(5)
    found = events_of(events)
    assert len({event.frame for event in found}) == len(found) == 5
    assert {event.other_actor.id for event in found} == {other.id}
    assert {event.actor.id for event in found} == {car.id}


def test_an_inelastic_impact_keeps_the_momentum(world, spawn, hit_car):
    car, events, tick = hit_car
    other = spawn("vehicle.tesla.model3", ahead(car, HALF_MKZ + HALF_MODEL3 + 0.2))
    speed = 10.0
    car.set_target_velocity(speed * car.get_transform().get_forward_vector())
    tick()
    # Equal masses (1800 kg): both go on with half the speed of 10 - 0.49 * 0.05 m/s.
    common = (speed - 0.49 * 0.05) / 2.0
    assert car.get_velocity().length() == pytest.approx(common, abs=1e-3)
    assert other.get_velocity().length() == pytest.approx(common, abs=1e-3)
    (event,) = events_of(events)
    assert event.normal_impulse.length() == pytest.approx(1800.0 * common, rel=1e-3)
    backwards = event.normal_impulse.dot(car.get_transform().get_forward_vector())
    assert backwards < 0.0


def test_a_wall_stops_and_a_cone_does_not(world, spawn, hit_car):
    car, events, tick = hit_car
    container = spawn("static.prop.container", ahead(car, HALF_MKZ + 3.1))
    car.set_target_velocity(10.0 * car.get_transform().get_forward_vector())
    tick(10)
    assert car.get_velocity().length() < 1.0
    assert events_of(events)[0].other_actor.id == container.id
    container.destroy()
    cone = spawn("static.prop.trafficcone01", ahead(car, HALF_MKZ + 0.4))
    car.set_target_velocity(10.0 * car.get_transform().get_forward_vector())
    tick(5)
    assert car.get_velocity().length() > 8.0
    assert cone.id in {event.other_actor.id for event in events_of(events)}


def test_a_walker_is_hit(world, spawn, hit_car):
    car, events, tick = hit_car
    walker = spawn("walker.pedestrian.0002", ahead(car, HALF_MKZ + 0.4, 1.0))
    car.set_target_velocity(8.0 * car.get_transform().get_forward_vector())
    tick(3)
    assert {event.other_actor.id for event in events_of(events)} == {walker.id}


def test_nothing_is_spawned_into_a_car(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    with pytest.raises(RuntimeError, match="Spawn failed because of collision at spawn position"):
        world.spawn_actor(blueprint, ahead(car, 4.0))
    assert world.try_spawn_actor(blueprint, ahead(car, 4.0)) is None
    assert world.try_spawn_actor(blueprint, ahead(car, 5.0)) is not None
