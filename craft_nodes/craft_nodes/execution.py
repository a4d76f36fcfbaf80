"""The executor of every node: callbacks run one at a time, in the order in which their messages were sent."""

from collections.abc import Callable
from operator import itemgetter

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.subscription import Subscription


class OrderedExecutor(SingleThreadedExecutor):
    """Hands messages over in the order of sending, across topics.

    The base class asks the subscriptions one after the other whether something is there, and hands over in the order
    of subscribing: an episode's first frame comes before the episode's start when both arrive while it asks, and the
    lights of the next frame before this frame's odometry when both are there. The lockstep and equal weights for equal
    seeds rest on more: what was sent before arrives before. So everything that has arrived is taken at once, until
    nothing more is there, and sorted by the time of sending (of the sender's clock; on one machine they have one).
    """

    def _take_subscription(self, sub: Subscription) -> Callable | None:
        """Take all messages of all subscriptions, not only of the one that woke us; the others then find nothing."""
        arrived = []
        while True:
            taken = [
                (info["source_timestamp"], other.callback, message)
                for node in self.get_nodes()
                for other in node.subscriptions
                for message, info in _take_all(other)
            ]
            if not taken:
                break
            # What was sent before any of these has arrived by now: ask once more.
            arrived += taken
        if not arrived:
            return None
        arrived.sort(key=itemgetter(0))

        async def hand_over():
            for _, callback, message in arrived:
                callback(message)

        return hand_over


def _take_all(subscription: Subscription):
    with subscription.handle:
        while (taken := subscription.handle.take_message(subscription.msg_type, subscription.raw)) is not None:
            yield taken


def make_executor(node: Node) -> OrderedExecutor:
    """An executor with this node."""
    executor = OrderedExecutor()
    executor.add_node(node)
    return executor
