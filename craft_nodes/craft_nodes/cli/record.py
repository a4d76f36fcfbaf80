"""`craft record`: writes what running nodes publish into a recording (rosbag2, MCAP), byte for byte."""

import argparse
import signal
import sys
import threading
import time
from pathlib import Path

import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

from craft_nodes.cli.message_types import UnknownTypeError, jazzy, message_class, register

_SEARCH_S = 0.5  # how often new topics are looked for
_DEPTH = 1000  # messages of one topic that may wait
_FOREVER = QosTime(2147483647, 0)


class Recorder:
    """Subscribes to topics as they appear and writes their messages with the time of their arrival.

    Args:
        node: The node that listens.
        writer: An open recording.
        topics: Topics to record; all of them where empty.
    """

    def __init__(self, node, writer: Writer, topics: list[str]):
        self._node, self._writer, self._topics = node, writer, topics
        self._types = jazzy()
        self._known: set[str] = set()
        self.count = 0  # messages written

    def search(self) -> None:
        """Subscribe to what somebody publishes and nobody records yet."""
        for topic, types in self._node.get_topic_names_and_types():
            if topic in self._known or (self._topics and topic not in self._topics):
                continue
            publishers = self._node.get_publishers_info_by_topic(topic)
            if not publishers:
                continue
            self._known.add(topic)
            try:
                self._record(topic, types[0], publishers)
            except UnknownTypeError as error:
                self._node.get_logger().warning(f"{topic} is not recorded: {error}")

    @property
    def missing(self) -> list[str]:
        """Topics that were asked for and that nobody published."""
        return sorted(set(self._topics) - self._known)

    def _record(self, topic: str, kind: str, publishers) -> None:
        register(self._types, kind)
        profiles = [publisher.qos_profile for publisher in publishers]
        latched = all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in profiles)
        reliable = all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in profiles)
        connection = self._writer.add_connection(
            topic, kind, typestore=self._types, offered_qos_profiles=[_offered(latched, reliable)]
        )

        def write(data: bytes) -> None:
            self._writer.write(connection, time.time_ns(), data)
            self.count += 1

        wanted = QoSProfile(
            depth=_DEPTH,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        )
        self._node.create_subscription(message_class(kind), topic, write, wanted, raw=True)


def _offered(latched: bool, reliable: bool) -> Qos:
    """The quality of service that a replay shall offer."""
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=_DEPTH,
        reliability=QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        durability=QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        deadline=_FOREVER,
        lifespan=_FOREVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_FOREVER,
        avoid_ros_namespace_conventions=False,
    )


def record(recorder: Recorder, node, ended: threading.Event) -> None:
    """Record until `ended` is set."""
    executor = rclpy.executors.SingleThreadedExecutor()
    executor.add_node(node)
    searched_s = 0.0
    while not ended.is_set():
        if time.monotonic() - searched_s > _SEARCH_S:
            recorder.search()
            searched_s = time.monotonic()
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()


def main(arguments: list[str]) -> int:
    """Entry point of `craft record`."""
    parser = argparse.ArgumentParser(
        prog="craft record",
        description="Writes the topics of running nodes into a rosbag2 recording (MCAP) until Ctrl-C. "
        "ROS_DOMAIN_ID must be the nodes' own.",
    )
    parser.add_argument("output", type=Path, help="folder of the recording; must not exist")
    parser.add_argument("--topics", nargs="+", default=[], help="topics to record (default: all)")
    options = parser.parse_args(arguments)
    try:
        writer = Writer(options.output, version=9, storage_plugin=StoragePlugin.MCAP)
    except (WriterError, OSError) as error:
        print(f"craft record: {options.output} cannot be written: {error}; give another folder", file=sys.stderr)
        return 2
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)  # the recording is closed before DDS is taken down
    node = rclpy.create_node("record")
    recorder = Recorder(node, writer, options.topics)
    with writer:
        print(f"recording into {options.output}; Ctrl-C ends it", flush=True)
        record(recorder, node, ended)
    node.destroy_node()
    rclpy.try_shutdown()
    print(f"{recorder.count} messages recorded into {options.output}")
    if recorder.missing:
        print(f"craft record: nobody published {', '.join(recorder.missing)}", file=sys.stderr)
        return 1
    return 0
