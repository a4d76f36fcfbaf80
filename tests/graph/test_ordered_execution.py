"""Messages of several topics are handed over in the order of sending, whatever the order of subscribing."""

import time

import pytest
import rclpy
from rclpy.node import Node
from std_msgs.msg import UInt32

from craft_nodes import qos
from craft_nodes.cli.environment import free_domain
from craft_nodes.execution import OrderedExecutor, make_executor

TOPICS = ("first", "second", "third")


@pytest.fixture
def context():
    made = rclpy.Context()
    rclpy.init(context=made, domain_id=free_domain())
    yield made
    rclpy.shutdown(context=made)


def test_messages_that_wait_are_handed_over_in_the_order_of_sending(context):
    reader, writer = (Node(name, context=context, enable_rosout=False) for name in ("reader", "writer"))
    got = []
    for topic in TOPICS:
        reader.create_subscription(UInt32, topic, lambda m, topic=topic: got.append((topic, m.data)), qos.RECORD)
    writers = {topic: writer.create_publisher(UInt32, topic, qos.RECORD) for topic in TOPICS}
    until = time.monotonic() + 20.0
    while any(w.get_subscription_count() < 1 for w in writers.values()):
        assert time.monotonic() < until, "the readers were not found"
        time.sleep(0.02)
    time.sleep(0.3)  # the reader learns of the writers a little later
    # Backwards through the topics, again and again: all of it waits before anything is handed over.
    sent = [(topic, number) for number in range(5) for topic in reversed(TOPICS)]
    for topic, number in sent:
        writers[topic].publish(UInt32(data=number))
    time.sleep(0.3)
    executor = OrderedExecutor(context=context)
    executor.add_node(reader)
    while len(got) < len(sent):
        assert time.monotonic() < until + 20.0, got
        executor.spin_once(timeout_sec=1.0)
    assert got == sent
    executor.shutdown()


def test_nodes_use_it():
    rclpy.init(domain_id=free_domain())
    try:
        node = Node("alone")
        executor = make_executor(node)
        assert isinstance(executor, OrderedExecutor)
        assert executor.get_nodes() == [node]
        executor.shutdown()
    finally:
        rclpy.shutdown()
