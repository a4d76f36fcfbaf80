import math
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import carla
import numpy as np
import pytest

from craft.scene import AgentKind
from craft.world.connection import connect, load_town
from craft.world.routes import load_suite
from craft.world.simulation import Simulation, WorldConfig
from route_follower import RouteFollower

HERE = Path(__file__).parent
SPEC = next(spec for spec in load_suite("training") if spec.scenario == "HardBreakRoute")


def test_two_processes_on_two_servers_see_the_same_frames():
    # fresh servers and processes, 10 Traffic Manager cars, episodes that are cut short and started anew
    path = os.pathsep.join(entry for entry in sys.path if entry)
    command = [sys.executable, HERE / "digest_of_episodes.py", "10"]
    runs = [
        subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    digests = [[line for line in run.stdout.splitlines() if line[0].isdigit()] for run in runs]
    assert len(digests[0]) == 4 and digests[0] == digests[1]


def test_frame_holds_what_the_server_says(light_server):
    """Each value against the client's own answer, with the axes turned by hand: y and yaw change their signs."""
    simulation = Simulation(WorldConfig(port=light_server.port, background_vehicles=3))
    try:
        route, frame = simulation.begin(SPEC, 1, 5)
        follower = RouteFollower(route)
        for _ in range(60):
            control = follower.control(frame, 6.0)
            frame = simulation.tick(*control)
        world = connect("127.0.0.1", light_server.port, 10.0).get_world()
        # A new client knows the actors only when its first snapshot has come over its own stream.
        deadline = time.monotonic() + 10.0
        while not world.get_actors().filter("vehicle.*") and time.monotonic() < deadline:
            time.sleep(0.02)
        actors = {a.id: a for a in world.get_actors() if a.type_id.split(".")[0] in ("vehicle", "walker")}
        snapshot = world.get_snapshot()
        ego_id = next(i for i, a in actors.items() if a.attributes["role_name"] == "hero")
        assert list(frame.objects.ids) == sorted(set(actors) - {ego_id})
        for row, i in enumerate(frame.objects.ids):
            state, box = snapshot.find(int(i)), actors[int(i)].bounding_box
            centre = state.get_transform().transform(box.location)
            yaw = -math.radians(state.get_transform().rotation.yaw)
            assert frame.objects.poses[row, :2] == pytest.approx([centre.x, -centre.y], abs=1e-3)
            assert math.cos(frame.objects.poses[row, 2] - yaw) == pytest.approx(1.0)
            velocity = state.get_velocity()
            assert frame.objects.velocities[row] == pytest.approx([velocity.x, -velocity.y], abs=0.2)
            assert tuple(frame.objects.half_sizes[row]) == (box.extent.x, box.extent.y)
            assert frame.objects.kinds[row] == AgentKind.VEHICLE
        assert (frame.status.throttle, frame.status.steer, frame.status.brake) == control
        ego = snapshot.find(ego_id).get_transform()
        assert (frame.odometry.x, frame.odometry.y) == pytest.approx((ego.location.x, -ego.location.y), abs=1e-3)
        lights = world.get_actors().filter("traffic.traffic_light*")
        assert frame.lights == {light.id: int(light.state) for light in lights}
    finally:
        simulation.close()


def test_stamps_are_ticks_and_motion_agrees_with_itself(simulation):
    route, frame = simulation.begin(SPEC, 1, 1)
    follower, frames = RouteFollower(route), [frame]
    for _ in range(80):
        frames.append(simulation.tick(*follower.control(frames[-1], 7.0)))
    stamps = np.array([f.stamp_s for f in frames])
    assert np.diff(stamps) == pytest.approx(0.05)
    xy = np.array([(f.odometry.x, f.odometry.y) for f in frames])
    speed = np.array([f.odometry.vx for f in frames])
    # as published, the bicycle moves with the speed before the tick
    assert np.hypot(*np.diff(xy, axis=0).T) == pytest.approx(speed[:-1] * 0.05, abs=1e-3)
    acceleration = np.array([f.status.acceleration for f in frames])
    assert acceleration[1:] == pytest.approx(np.diff(speed) / 0.05, abs=0.05)
    simulation.end()


def test_collision_is_reported_in_its_own_frame(simulation):
    """The frame whose boxes overlap first is the frame of the event: an oracle that knows only the poses."""
    import shapely

    def box(x, y, yaw, half_length, half_width):
        c, s = math.cos(yaw), math.sin(yaw)
        corners = [(half_length, half_width), (-half_length, half_width), (-half_length, -half_width)]
        corners.append((half_length, -half_width))
        return shapely.Polygon([(x + c * a - s * b, y + s * a + c * b) for a, b in corners])

    spec = next(spec for spec in load_suite("training") if spec.scenario == "ParkedObstacle")
    route, frame = simulation.begin(spec, 1, 1)
    follower = RouteFollower(route)
    while simulation.outcome is None:
        frame = simulation.tick(*follower.control(frame, 9.0))
        o, objects = frame.odometry, frame.objects
        ego = box(o.x, o.y, o.yaw, *simulation.ego_half_size)
        touched = {
            int(i)
            for i, pose, half in zip(objects.ids, objects.poses, objects.half_sizes, strict=True)
            if ego.intersects(box(*pose, *half))
        }
        assert {contact.other_id for contact in frame.collisions} == touched
    assert simulation.outcome.status == "Failed" and frame.collisions[0].impulse > 1000.0
    simulation.end()


def test_actors_of_others_are_cleared_and_the_server_is_left_as_found(light_server):
    client = carla.Client("127.0.0.1", light_server.port)
    client.set_timeout(10.0)
    simulation = Simulation(WorldConfig(port=light_server.port, background_vehicles=2))
    world = client.get_world()
    place = world.get_map().get_spawn_points()[3]
    stranger = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.tt"), place)
    _, frame = simulation.begin(SPEC, 1, 1)
    assert stranger.id not in frame.objects.ids and len(frame.objects.ids) == 3  # the leader and two cars
    simulation.end()
    assert simulation.truncate().truncated
    simulation.close()
    simulation.close()


def test_no_server_is_one_clear_error():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ConnectionError, match=rf"no CARLA server at 127\.0\.0\.1:{port} .*start one"):
        Simulation(WorldConfig(port=port))


def test_server_that_is_something_else_is_one_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        accept = threading.Thread(target=lambda: [other.accept() for _ in range(2)], daemon=True)
        accept.start()
        with pytest.raises(ConnectionError, match=rf"127\.0\.0\.1:{port} does not answer as a CARLA server"):
            connect("127.0.0.1", port, 1.0)


def test_unknown_town_and_broken_file_are_refused(light_server, tmp_path):
    client = connect("127.0.0.1", light_server.port, 10.0)
    with pytest.raises(ValueError, match="does not offer the town 'Nowhere', only .*craft_town"):
        load_town(client, "Nowhere")
    with pytest.raises(ValueError, match="cannot read the OpenDRIVE file"):
        load_town(client, str(tmp_path / "missing.xodr"))
    broken = tmp_path / "broken.xodr"
    broken.write_text("<OpenDRIVE><road>")
    with pytest.raises(ValueError, match="broken.xodr is not well-formed"):
        load_town(client, str(broken))
    broken.write_text("<OpenDRIVE/>")
    with pytest.raises(ValueError, match="holds no OpenDRIVE roads"):
        load_town(client, str(broken))


LOST = """
import os, signal, sys
import carla_light
from craft.world.connection import WorldError
from craft.world.routes import load_suite
from craft.world.simulation import Simulation, WorldConfig
server = carla_light.Server().start()
simulation = Simulation(WorldConfig(port=server.port, background_vehicles=4))
simulation.begin(load_suite("training")[0], 3, 1)
simulation.tick(0.0, 0.0, 1.0)
os.kill(server.pid, signal.SIGKILL)
os.waitpid(server.pid, 0)
try:
    simulation.tick(0.0, 0.0, 1.0)
except WorldError as error:
    print(error, flush=True)
simulation.close()
os._exit(0)  # the client's own threads cannot be ended without their server
"""


def test_lost_server_names_address_episode_and_cure():
    path = os.pathsep.join(entry for entry in sys.path if entry)
    run = subprocess.run(
        [sys.executable, "-c", LOST], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    last = run.stdout.strip().splitlines()[-1]
    assert "stopped answering during episode 3 on route" in last and "resume the run" in last
