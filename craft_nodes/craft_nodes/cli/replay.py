"""`craft replay`: publishes a recording (rosbag2: sqlite3 or MCAP) byte for byte, so that nodes can be fed again."""

import argparse
import sys
import time
from pathlib import Path

import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Qos, QosDurability

from craft_nodes.cli.message_types import UnknownTypeError, jazzy, message_class

_MATCH_S = 2.0  # what is sent before others have found the publishers is lost


class ReplayError(ValueError):
    """A recording that cannot be played; the message names it and says what would do."""


def quality(offered: list[Qos]) -> QoSProfile:
    """Reliable, and latched where the recorded publisher was."""
    latched = any(profile.durability == QosDurability.TRANSIENT_LOCAL for profile in offered)
    return QoSProfile(
        depth=100,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def play(recording: Path, topics: list[str], rate: float, node) -> int:
    """Publishes the recorded messages at their recorded distances in time.

    Args:
        recording: Folder (or .mcap file) of the recording.
        topics: Topics to play; all of them where empty.
        rate: Times as fast as recorded; 0 means without waiting.
        node: The node that publishes.

    Returns:
        The number of messages.

    Raises:
        ReplayError: It cannot be read, or a topic is not in it.
    """
    try:
        with AnyReader([recording], default_typestore=jazzy()) as reader:
            missing = sorted(set(topics) - set(reader.topics))
            if missing:
                raise ReplayError(
                    f"{recording} has no topic {', '.join(missing)}; it has {', '.join(sorted(reader.topics))}"
                )
            connections = [c for c in reader.connections if not topics or c.topic in topics]
            publishers = {
                c.topic: node.create_publisher(message_class(c.msgtype), c.topic, quality(c.ext.offered_qos_profiles))
                for c in connections
            }
            time.sleep(_MATCH_S)
            begin, count = time.monotonic(), 0
            for connection, stamp_ns, data in reader.messages(connections):
                due = (stamp_ns - reader.start_time) * 1e-9 / rate if rate else 0.0
                time.sleep(max(0.0, begin + due - time.monotonic()))
                publishers[connection.topic].publish(bytes(data))
                count += 1
            return count
    except UnknownTypeError as error:
        raise ReplayError(f"{recording} holds a type that cannot be played: {error}") from error
    except (AnyReaderError, OSError) as error:
        raise ReplayError(f"{recording} cannot be read as a rosbag2 recording: {error}") from error


def main(arguments: list[str]) -> int:
    """Entry point of `craft replay`."""
    parser = argparse.ArgumentParser(
        prog="craft replay", description="Plays a rosbag2 recording (sqlite3 or MCAP) into running nodes."
    )
    parser.add_argument("recording", type=Path, help="folder of the recording, or an .mcap file")
    parser.add_argument("--topics", nargs="+", default=[], help="topics to play (default: all)")
    parser.add_argument(
        "--rate", type=float, default=1.0, help="times as fast as recorded; 0: without waiting (default: 1)"
    )
    options = parser.parse_args(arguments)
    if options.rate < 0:
        parser.error("--rate must not be negative")
    rclpy.init()
    node = rclpy.create_node("replay")
    try:
        count = play(options.recording, options.topics, options.rate, node)
    except ReplayError as error:
        print(f"craft replay: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    print(f"{count} messages played")
    return 0
