"""What a node says about itself in /diagnostics, once a second: rates, ages, latency, and what was dropped and why."""

import time
from collections import Counter, deque

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from craft_nodes import topics

_WINDOW = 500  # latencies kept for the percentiles


class Health:
    """Counts what a node takes in, drops and how long it takes; publishes it every second of wall time."""

    def __init__(self, node: Node):
        self._node = node
        self._inputs: Counter[str] = Counter()
        self._since: Counter[str] = Counter()
        self._last: dict[str, float] = {}
        self._drops: Counter[str] = Counter()
        self._latency: deque[float] = deque(maxlen=_WINDOW)
        self._values: dict[str, str] = {}
        self._error = ""
        self._published = time.monotonic()
        self._publisher = node.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, 10)
        self._timer = node.create_timer(1.0, self.publish)

    def received(self, name: str) -> None:
        """An input arrived."""
        self._inputs[name] += 1
        self._last[name] = time.monotonic()

    def dropped(self, reason: str, count: int = 1) -> None:
        """Something was not used; says why."""
        self._drops[reason] += count

    def took(self, seconds: float) -> None:
        """One unit of the node's work took this long (wall time)."""
        self._latency.append(seconds)

    def set(self, key: str, value) -> None:
        """A value worth knowing, such as the policy version."""
        self._values[key] = str(value)

    def error(self, text: str) -> None:
        """The node cannot do its work; logged once per new text and shown as ERROR."""
        if text != self._error:
            self._node.get_logger().error(text)
        self._error = text

    @property
    def drops(self) -> dict[str, int]:
        """Everything dropped so far, by reason."""
        return dict(self._drops)

    def publish(self) -> None:
        """Publish the current status."""
        now = time.monotonic()
        span, self._published = max(now - self._published, 1e-6), now
        pairs = dict(self._values)
        for name, count in self._inputs.items():
            pairs[f"{name} rate [1/s]"] = f"{(count - self._since[name]) / span:.1f}"
            pairs[f"{name} age [s]"] = f"{now - self._last[name]:.3f}"
        self._since = self._inputs.copy()
        if self._latency:
            p50, p99 = np.percentile(np.fromiter(self._latency, float), (50, 99)) * 1e3
            pairs["latency p50 [ms]"], pairs["latency p99 [ms]"] = f"{p50:.2f}", f"{p99:.2f}"
        pairs.update({f"dropped: {reason}": str(count) for reason, count in self._drops.items()})
        level = DiagnosticStatus.ERROR if self._error else DiagnosticStatus.WARN if self._drops else DiagnosticStatus.OK
        message = self._error or (f"{sum(self._drops.values())} dropped" if self._drops else "ok")
        status = DiagnosticStatus(level=level, name=self._node.get_fully_qualified_name(), message=message)
        status.values = [KeyValue(key=k, value=v) for k, v in pairs.items()]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
