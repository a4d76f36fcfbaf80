"""`craft replay` publishes a recording byte for byte, over real DDS."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from craft_nodes.cli.environment import dds_environment

ROOT = Path(__file__).parents[2]
# Hears what is replayed, and prints it; ends after the expected number of messages.
LISTEN = """
import sys
import rclpy
from craft_msgs.msg import PhaseStatus
from rclpy.qos import DurabilityPolicy, QoSProfile
heard = []
rclpy.init()
node = rclpy.create_node("listener")
latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
node.create_subscription(PhaseStatus, "/craft/phase_status", lambda raw: heard.append(raw), latched, raw=True)
print("ready", flush=True)
while len(heard) < 2:
    rclpy.spin_once(node, timeout_sec=0.1)
print(" ".join(bytes(raw).hex() for raw in heard), flush=True)
rclpy.shutdown()
"""


@pytest.fixture
def recording(tmp_path):
    """A recording of two messages of our own type; returns its folder and the bytes."""
    store = get_typestore(Stores.ROS2_JAZZY)
    text = (ROOT / "ros_ws/src/craft_msgs/msg/PhaseStatus.msg").read_text()
    store.register(get_types_from_msg(text, "craft_msgs/msg/PhaseStatus"))
    types = store.types
    time_of = types["builtin_interfaces/msg/Time"]
    header = types["std_msgs/msg/Header"](stamp=time_of(sec=3, nanosec=5), frame_id="map")
    contents = []
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        forever = QosTime(2147483647, 0)
        latched = Qos(
            history=QosHistory.KEEP_LAST,
            depth=1,
            reliability=QosReliability.RELIABLE,
            durability=QosDurability.TRANSIENT_LOCAL,
            deadline=forever,
            lifespan=forever,
            liveliness=QosLiveliness.AUTOMATIC,
            liveliness_lease_duration=forever,
            avoid_ros_namespace_conventions=False,
        )
        connection = writer.add_connection(
            "/craft/phase_status", "craft_msgs/msg/PhaseStatus", typestore=store, offered_qos_profiles=[latched]
        )
        for number in (1, 2):
            message = types["craft_msgs/msg/PhaseStatus"](
                header=header,
                worker=0,
                phase=number,
                mode=1,
                complete=False,
                decisions=10 * number,
                episodes=1,
                episodes_planned=4,
                frames=50,
                control_timeouts=0,
                control_dropped=0,
                wall_time=1.5,
                error="",
            )
            contents.append(bytes(store.serialize_cdr(message, "craft_msgs/msg/PhaseStatus")))
            writer.write(connection, number * 10**8, contents[-1])
    return tmp_path / "bag", contents


def replay(*arguments, env=None):
    command = [sys.executable, "-m", "craft_nodes.cli", "replay", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_recorded_messages_arrive_byte_for_byte(recording):
    folder, contents = recording
    env = {**os.environ, **dds_environment(os.environ, ROOT / "config/fastdds_loopback.xml")}
    listener = subprocess.Popen([sys.executable, "-c", LISTEN], env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert listener.stdout.readline() == "ready\n"
        played = replay(folder, "--rate", "0", env=env)
        assert (played.returncode, played.stdout) == (0, "2 messages played\n"), played.stderr
        heard = [bytes.fromhex(text) for text in listener.stdout.readline().split()]
    finally:
        listener.kill()
        listener.wait()
        listener.stdout.close()
    for received, recorded in zip(heard, contents, strict=True):
        # DDS pads a message to a multiple of four bytes.
        assert received == recorded.ljust(len(recorded) + -len(recorded) % 4, b"\0")


@pytest.mark.parametrize("content", [None, b"no recording"])
def test_what_is_no_recording_is_refused_with_its_name(tmp_path, content):
    path = tmp_path / "broken.mcap"
    if content is not None:
        path.write_bytes(content)
    result = replay(path)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "broken.mcap" in result.stderr and "rosbag2" in result.stderr


def test_a_topic_that_was_not_recorded_is_named_with_those_that_were(recording):
    result = replay(recording[0], "--topics", "/carla/nothing")
    assert result.returncode == 2
    assert "/carla/nothing" in result.stderr and "/craft/phase_status" in result.stderr
