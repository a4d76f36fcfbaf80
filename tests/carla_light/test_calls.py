"""Calls of the official client: batches, maps, rays, and clear refusals."""

import time

import carla
import pytest

from carla_light.towns import DEFAULT_TOWN, load


def test_server_version_and_maps(client, world):
    assert client.get_server_version() == "0.9.16" == client.get_client_version()
    assert any(name.endswith(DEFAULT_TOWN) for name in client.get_available_maps())
    assert world.get_map().to_opendrive() == load(DEFAULT_TOWN)
    assert len(world.get_map().get_spawn_points()) > 100


def test_a_batch_reports_each_command(client, world):
    library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
    model = library.find("vehicle.tesla.model3")
    command = carla.command
    spawn_and_push = command.SpawnActor(model, points[0]).then(
        command.ApplyTargetVelocity(command.FutureActor, carla.Vector3D(3.0, 0.0, 0.0))
    )
    responses = client.apply_batch_sync([spawn_and_push, command.SpawnActor(model, points[0])], False)
    assert not responses[0].error
    assert "collision at spawn position" in responses[1].error
    car = world.get_actors([responses[0].actor_id])[0]
    light = carla.VehicleLightState.Position  # 1, which this command of the 0.9.16 client sends for every state
    ok = client.apply_batch_sync(
        [
            command.ApplyVehicleControl(car, carla.VehicleControl(brake=0.5)),
            command.SetVehicleLightState(car, light),
            command.SetSimulatePhysics(car, False),
            command.ApplyTransform(car, points[5]),
        ],
        True,
    )
    assert not any(response.error for response in ok)
    world.tick()
    assert car.get_control().brake == 0.5
    assert car.get_light_state() == light
    assert car.get_location().distance(points[5].location) < 1e-3
    gone = client.apply_batch_sync([command.DestroyActor(car), command.DestroyActor(car)], False)
    assert not gone[0].error and f"no actor {car.id}" in gone[1].error


def test_unsupported_calls_are_refused_by_name(client, world, spawn):
    with pytest.raises(RuntimeError, match="does not support 'start_recorder'"):
        client.start_recorder("run.log")
    with pytest.raises(RuntimeError, match="does not support 'replay_file'"):
        client.replay_file("run.log", 0, 0, 0)
    with pytest.raises(RuntimeError, match="does not support 'get_bones_transform'"):
        spawn("walker.pedestrian.0001").get_bones()
    car = spawn("vehicle.lincoln.mkz_2020", world.get_map().get_spawn_points()[1])
    (response,) = client.apply_batch_sync([carla.command.ApplyImpulse(car, carla.Vector3D(1.0, 0.0, 0.0))])
    assert "does not support the batch command ApplyImpulse" in response.error


def test_unsupported_asynchronous_calls_are_named_in_the_servers_log(server, world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    car.open_door(carla.VehicleDoor.All)  # the client drops the replies to such calls
    world.tick()
    world.get_actors()
    assert "does not support 'open_vehicle_door'" in server.log()


def test_rays(world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    for _ in range(3):
        world.tick()
    above = car.get_location() + carla.Location(z=10.0)
    hit = world.project_point(above, carla.Vector3D(0.0, 0.0, -1.0), 20.0)
    assert hit.location.z == pytest.approx(2 * 0.745, abs=1e-4)  # the roof
    ground = world.ground_projection(car.get_location() + carla.Location(x=30.0, y=30.0, z=10.0), 20.0)
    assert ground.location.z == pytest.approx(0.0, abs=1e-4)
    assert world.project_point(above, carla.Vector3D(0.0, 0.0, 1.0), 20.0) is None
    assert world.cast_ray(above, car.get_location() - carla.Location(z=1.0))[0].location.z == pytest.approx(
        1.49, abs=1e-4
    )


def test_ai_walkers_do_no_harm(world, spawn):
    assert world.get_random_location_from_navigation() is None
    walker = spawn("walker.pedestrian.0003")
    controller = spawn("controller.ai.walker", carla.Transform(), parent=walker)
    controller.start()
    controller.go_to_location(carla.Location())
    controller.set_max_speed(1.4)
    for _ in range(5):
        world.tick()
    controller.stop()
    controller.destroy()
    assert walker.destroy()


def test_destroying_leaves_nothing(world, spawn):
    before = {actor.id for actor in world.get_actors()}
    car = spawn("vehicle.lincoln.mkz_2020")
    sensor = spawn("sensor.other.imu", carla.Transform(), parent=car)
    assert sensor.destroy() and car.destroy()
    world.tick()
    assert {actor.id for actor in world.get_actors()} == before
    spawn("vehicle.lincoln.mkz_2020")  # the place is free again


def test_a_clients_own_map_and_a_broken_one(client, world):
    broken = load(DEFAULT_TOWN).replace("<signals>", '<signals><signalReference id="nowhere" s="1" t="0"/>', 1)
    with pytest.raises(RuntimeError, match="signalReference to signal 'nowhere', which does not exist"):
        client.generate_opendrive_world(broken)
    assert world.get_map().name.endswith(DEFAULT_TOWN)
    own = client.generate_opendrive_world(load(DEFAULT_TOWN))
    assert own.get_map().name.endswith("OpenDriveMap")
    with pytest.raises(RuntimeError, match="Atlantis"):
        client.load_world("Atlantis")


def test_asynchronous_mode_advances_by_itself(client):
    world = client.load_world(DEFAULT_TOWN)
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = False, 0.01
    world.apply_settings(settings)
    first = world.wait_for_tick(5.0)
    later = [world.wait_for_tick(5.0) for _ in range(5)][-1]
    assert later.frame >= first.frame + 5
    elapsed = later.timestamp.elapsed_seconds - first.timestamp.elapsed_seconds
    assert elapsed == pytest.approx(0.01 * (later.frame - first.frame))


def test_two_clients_see_one_world(server, world, spawn):
    car = spawn("vehicle.lincoln.mkz_2020")
    second = carla.Client("127.0.0.1", server.port)
    second.set_timeout(10.0)
    other_view = second.get_world()  # nobody ticks now: the newest snapshot greets it
    assert other_view.get_settings().synchronous_mode
    deadline = time.monotonic() + 10.0
    while other_view.get_snapshot().find(car.id) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    seen = other_view.get_actor(car.id)
    assert seen.type_id == "vehicle.lincoln.mkz_2020"
    assert seen.get_transform() == car.get_transform()
