"""Traffic lights: their cycle, their groups, and that code written for CARLA finds the lanes that they govern."""

import carla
import numpy as np
import pytest

RED, YELLOW, GREEN = carla.TrafficLightState.Red, carla.TrafficLightState.Yellow, carla.TrafficLightState.Green
DT_S = 0.05


@pytest.fixture
def lights(world):
    lights = sorted(world.get_actors().filter("traffic.traffic_light"), key=lambda light: light.id)
    world.reset_all_traffic_lights()
    assert lights
    return lights


def groups(lights):
    return {frozenset(other.id for other in light.get_group_traffic_lights()) for light in lights}


def test_groups_share_out_the_lights(lights):
    members = [member for group in groups(lights) for member in group]
    assert sorted(members) == [light.id for light in lights]


def test_one_phase_after_another(world, lights):
    # 10 s green, 3 s yellow, 2 s red for each phase (CARLA's defaults), counted in ticks of 0.05 s.
    group = lights[0].get_group_traffic_lights()
    phases = sorted({light.get_pole_index() for light in group})
    assert len(phases) >= 2
    for active in [*phases, phases[0]]:
        for state, seconds in ((GREEN, 10.0), (YELLOW, 3.0), (RED, 2.0)):
            for tick in range(round(seconds / DT_S)):
                shown = {light.get_pole_index(): light.state for light in group}
                assert shown == {k: state if k == active else RED for k in phases}, (active, tick)
                world.tick()


def test_a_state_set_from_outside_lasts_until_the_next_change(world, lights):
    red = next(light for light in lights if light.state == RED)
    red.set_state(GREEN)
    world.tick()
    assert red.state == GREEN
    for _ in range(199):  # 10 s after the reset the phase changes
        world.tick()
    assert red.state == RED


def test_freezing_stops_every_light_and_reset_starts_the_cycle_again(world, lights):
    start = [light.state for light in lights]
    world.freeze_all_traffic_lights(True)
    for _ in range(250):
        world.tick()
    assert [light.state for light in lights] == start
    world.freeze_all_traffic_lights(False)
    for _ in range(250):
        world.tick()
    assert [light.state for light in lights] != start
    world.reset_all_traffic_lights()
    world.tick()
    assert [light.state for light in lights] == start
    assert all(light.get_elapsed_time() == pytest.approx(DT_S) for light in lights)


def governed_lanes(road_map, light):
    """As the public leaderboard does it: points across the trigger volume, projected onto lanes."""
    base, volume = light.get_transform(), light.trigger_volume
    centre = base.transform(volume.location)
    right = base.get_forward_vector()
    lanes = []
    for x in np.arange(-0.9 * volume.extent.x, 0.9 * volume.extent.x, 1.0):
        waypoint = road_map.get_waypoint(carla.Location(centre.x + x * right.x, centre.y + x * right.y, centre.z))
        if (waypoint.road_id, waypoint.lane_id) not in lanes:
            lanes.append((waypoint.road_id, waypoint.lane_id))
    return set(lanes)


def test_trigger_volumes_lie_on_the_lanes_that_the_map_names(world, lights):
    road_map = world.get_map()
    marks = {mark.id: mark for mark in road_map.get_all_landmarks_of_type("1000001")}
    for light in lights:
        mark = marks[light.get_opendrive_id()]
        low, high = mark.get_lane_validities()[0]
        named = {(mark.road_id, lane) for lane in range(low, high + 1) if lane}
        assert governed_lanes(road_map, light) == named
        assert {(w.road_id, w.lane_id) for w in light.get_stop_waypoints()} == named
        centre = light.get_transform().transform(light.trigger_volume.location)
        line = road_map.get_waypoint_xodr(mark.road_id, next(iter(named))[1], mark.s).transform
        behind = (line.location - centre).dot(line.get_forward_vector())
        assert behind == pytest.approx(light.trigger_volume.extent.y, abs=0.05)  # it ends at the line


def test_a_car_obeys_the_light_of_its_own_approach_only(world, spawn, lights):
    light = lights[0]
    stop = light.get_stop_waypoints()[0]
    car = spawn("vehicle.lincoln.mkz_2020")
    # Front 1 m before the line: the line is 1.5 m ahead of the waypoint in the middle of the trigger volume.
    place = stop.previous(1.0 + 2.446 - 1.5)[0].transform
    car.set_transform(place)
    world.tick()
    assert car.is_at_traffic_light()
    assert car.get_traffic_light().id == light.id
    assert car.get_traffic_light_state() == light.state
    car.set_transform(carla.Transform(place.location, carla.Rotation(yaw=place.rotation.yaw + 180.0)))
    world.tick()
    assert not car.is_at_traffic_light()
    car.set_transform(stop.previous(15.0)[0].transform)
    world.tick()
    assert not car.is_at_traffic_light()  # at rest, 15 m before it
    car.set_target_velocity(14.0 * car.get_transform().get_forward_vector())
    world.tick()
    assert car.is_at_traffic_light()  # at 50 km/h a car must brake here


def test_stop_signs_lie_on_the_lanes_that_the_map_names(world):
    road_map = world.get_map()
    signs = world.get_actors().filter("traffic.stop")
    marks = road_map.get_all_landmarks_of_type("206")
    assert len(signs) == len({mark.id for mark in marks})
    named = {(mark.road_id, lane) for mark in marks for pair in mark.get_lane_validities() for lane in pair}
    for sign in signs:
        waypoint = road_map.get_waypoint(sign.get_transform().transform(sign.trigger_volume.location))
        assert (waypoint.road_id, waypoint.lane_id) in named
