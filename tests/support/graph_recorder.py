"""Listens to topics of a graph on a DDS domain of its own, from a thread of the test process."""

import threading
import time
from collections import defaultdict
from contextlib import suppress

import rclpy
from craft_msgs.msg import (
    CandidateReturns,
    CandidateSet,
    Decision,
    EpisodeEnd,
    EpisodeRecord,
    EpisodeStart,
    GroundedReward,
    InteractionEvent,
    Observation,
    Phase,
    PhaseStatus,
    PolicyStatus,
    RoadMap,
)
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from craft_nodes import qos, topics

CRAFT_TOPICS = {
    topics.ROAD_MAP: (RoadMap, qos.LATCHED),
    topics.OBSERVATION: (Observation, qos.RECORD),
    topics.VOCABULARY: (CandidateSet, qos.LATCHED),
    topics.DECISION: (Decision, qos.RECORD),
    topics.CANDIDATE_RETURNS: (CandidateReturns, qos.RECORD),
    topics.EVENT: (InteractionEvent, qos.RECORD),
    topics.GROUNDED_REWARD: (GroundedReward, qos.RECORD),
    topics.EPISODE_START: (EpisodeStart, qos.LATCHED),
    topics.EPISODE_END: (EpisodeEnd, qos.RECORD),
    topics.EPISODE_RECORD: (EpisodeRecord, qos.RECORD),
    topics.PHASE: (Phase, qos.LATCHED),
    topics.PHASE_STATUS: (PhaseStatus, qos.LATCHED),
    topics.POLICY_STATUS: (PolicyStatus, qos.LATCHED),
    topics.DIAGNOSTICS: (DiagnosticArray, qos.SENSOR),
}


class Peer:
    """A node of the test: records what it hears, publishes what the test says.

    Args:
        domain: ROS_DOMAIN_ID.
        heard: Topics to listen to: name -> (type, QoS).
        namespace: Of the topics with relative names.
    """

    def __init__(self, domain: int, heard: dict, namespace: str = ""):
        self.domain = domain
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = Node("test_peer", context=self._context, namespace=namespace, enable_rosout=False)
        self.messages: dict[str, list] = defaultdict(list)
        self._publishers = {}
        for topic, (kind, profile) in heard.items():
            self.node.create_subscription(kind, topic, self.messages[topic].append, profile)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self):
        with suppress(ExternalShutdownException):
            self._executor.spin()

    def connect(self, topic: str, kind: type, profile=qos.SENSOR) -> None:
        """Offer a topic, and wait until somebody listens to it."""
        self._publishers[topic] = self.node.create_publisher(kind, topic, profile)
        own = topic in self.messages  # this node's own reader
        self.wait(lambda: self.node.count_subscribers(topic) > own, f"a reader of {topic}")
        time.sleep(0.3)  # the reader learns of this writer a little later than this node of the reader

    def publish(self, topic: str, message, profile=qos.SENSOR) -> None:
        """Publish; the first time on a topic, connect."""
        if topic not in self._publishers:
            self.connect(topic, type(message), profile)
        self._publishers[topic].publish(message)

    def wait(self, ready, what: str, timeout_s: float = 60.0):
        """Wait until `ready()` is true and return what it returned.

        Raises:
            TimeoutError: It was not true in time; names `what`.
        """
        until = time.monotonic() + timeout_s
        while not (answer := ready()):
            if time.monotonic() > until:
                raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
            time.sleep(0.02)
        return answer

    def topic_names(self) -> list[str]:
        """Full names of all topics that anybody in the domain knows."""
        return [name for name, _ in self.node.get_topic_names_and_types()]

    def diagnostics(self, node: str) -> dict[str, str]:
        """Key -> value of the latest status of the node with this full name; empty if there is none yet."""
        for array in reversed(self.messages[topics.DIAGNOSTICS]):
            for status in array.status:
                if status.name == node:
                    return {pair.key: pair.value for pair in status.values} | {"": status.message}
        return {}

    def wait_for_diagnostics(self, node: str, key: str, value: str | None = None) -> str:
        """Wait until a node reports this key (with this value) in /diagnostics; returns the value."""

        def reported():
            known = self.diagnostics(node)
            return key in known and (value is None or known[key] == value)

        try:
            self.wait(reported, f"{key!r} = {value!r} in /diagnostics of {node}", 20.0)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it reports {self.diagnostics(node)}") from None
        return self.diagnostics(node)[key]

    def close(self) -> None:
        """End the thread and leave the domain."""
        self._executor.shutdown()
        self._thread.join(timeout=10.0)
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)
