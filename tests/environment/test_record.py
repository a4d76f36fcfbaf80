"""`craft record` keeps what nodes publish: their bytes, their types and which topics are latched."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability
from rosbags.typesys import get_types_from_msg

from craft_nodes.cli.environment import dds_environment
from craft_nodes.cli.message_types import UnknownTypeError, definition, jazzy, register

ROOT = Path(__file__).parents[2]
# Publishes a latched map once and a status again and again.
TALK = """
import time
import rclpy
from craft_msgs.msg import PhaseStatus
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
rclpy.init()
node = rclpy.create_node("talker")
latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
node.create_publisher(String, "/carla/map", latched).publish(String(data="the town"))
status = node.create_publisher(PhaseStatus, "/craft/phase_status", 10)
other = node.create_publisher(String, "/other", 10)
number = 0
while True:
    number += 1
    message = PhaseStatus(phase=number, frames=50, wall_time=1.5, error="none")
    message.header.frame_id = "map"
    status.publish(message)
    other.publish(String(data=str(number)))
    time.sleep(0.05)
"""


@pytest.fixture
def talker():
    """Environment of a talking node."""
    env = {**os.environ, **dds_environment(os.environ, ROOT / "config/fastdds_loopback.xml")}
    process = subprocess.Popen([sys.executable, "-c", TALK], env=env)
    yield env
    process.kill()
    process.wait()


def record_for(seconds, *arguments, env, end=signal.SIGINT):
    command = [sys.executable, "-m", "craft_nodes.cli", "record", *map(str, arguments)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if seconds:
            assert "recording into" in process.stdout.readline()
            time.sleep(seconds)
            process.send_signal(end)
        output, errors = process.communicate(timeout=60.0)
    finally:
        process.kill()
        process.wait()
    return process.returncode, output, errors


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_what_is_published_is_in_the_recording(talker, tmp_path, end):
    folder = tmp_path / "bag"
    code, output, errors = record_for(5.0, folder, env=talker, end=end)
    assert code == 0, errors
    with AnyReader([folder], default_typestore=jazzy()) as reader:
        latched = {
            c.topic: {q.durability for q in c.ext.offered_qos_profiles} == {QosDurability.TRANSIENT_LOCAL}
            for c in reader.connections
        }
        assert {"/carla/map": True, "/craft/phase_status": False, "/other": False}.items() <= latched.items()
        told = {
            c.topic: [reader.deserialize(d, c.msgtype) for _, _, d in reader.messages([c])] for c in reader.connections
        }
        assert output.startswith(f"{reader.message_count} messages recorded")
    assert [message.data for message in told["/carla/map"]] == ["the town"]
    phases = [message.phase for message in told["/craft/phase_status"]]
    assert len(phases) > 20 and phases == list(range(phases[0], phases[0] + len(phases)))  # none is lost
    status = told["/craft/phase_status"][0]
    assert (status.header.frame_id, status.frames, status.wall_time, status.error) == ("map", 50, 1.5, "none")


def test_only_the_topics_asked_for_and_the_missing_one_is_named(talker, tmp_path):
    folder = tmp_path / "bag"
    code, _, errors = record_for(4.0, folder, "--topics", "/other", "/nobody", env=talker)
    assert code == 1 and "nobody published /nobody" in errors
    with AnyReader([folder], default_typestore=jazzy()) as reader:
        assert set(reader.topics) == {"/other"} and reader.message_count > 10


def test_a_folder_that_exists_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine").write_text("keep")
    code, _, errors = record_for(0.0, tmp_path, env=dict(os.environ))
    assert code == 2 and str(tmp_path) in errors and "give another folder" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("package", ["craft_msgs", "carla_msgs", "derived_object_msgs"])
def test_types_read_off_the_classes_are_those_of_the_msg_files(package):
    sources = sorted((ROOT / f"ros_ws/src/{package}/msg").glob("*.msg"))
    assert sources
    from_files, from_classes = jazzy(), jazzy()
    texts = {}
    for path in sources:
        texts |= get_types_from_msg(path.read_text(), f"{package}/msg/{path.stem}")
    from_files.register(texts)
    for path in sources:
        name = f"{package}/msg/{path.stem}"
        register(from_classes, name)
        assert from_classes.hash_rihs01(name) == from_files.hash_rihs01(name), definition(name)


def test_a_type_that_is_not_installed_is_named():
    with pytest.raises(UnknownTypeError, match="nowhere_msgs/msg/Thing is not installed"):
        register(jazzy(), "nowhere_msgs/msg/Thing")
