"""Follows the trajectory of the latest decision: one control command for every frame."""

from collections.abc import Callable

import numpy as np
import rclpy.node
from carla_msgs.msg import CarlaEgoVehicleControl
from craft_msgs.msg import EpisodeStart
from nav_msgs.msg import Odometry

from craft.policies.controller import TrajectoryController
from craft.scene import Observation
from craft.scene.timing import FRAME_DT_S, FRAMES_PER_DECISION
from craft_nodes import messages, qos, topics


class PlanFollower:
    """The half of a driving node that comes after its decisions.

    Args:
        node: Publishes the commands.
        role: Role name of the vehicle.
    """

    def __init__(self, node: rclpy.node.Node, role: str):
        self._publisher = node.create_publisher(
            CarlaEgoVehicleControl, topics.ego(role, "vehicle_control_cmd"), qos.COMMAND
        )
        self._controller = TrajectoryController()
        self._plan: tuple[np.ndarray, tuple[float, float, float], float] | None = None  # trajectory, pose, stamp [s]

    def begin(self, start: EpisodeStart, steering: Callable[[float], float] = lambda steer: steer) -> None:
        """Forget the last episode.

        Args:
            start: The announcement of this one.
            steering: Has the last word on the steering.
        """
        self._start_s = messages.from_time(start.header.stamp)
        self._steering = steering
        self._plan = None
        self._controller.reset()

    def decided(self, stamp, observation: Observation, trajectory: np.ndarray) -> None:
        """Take a new plan, and send the control of its own frame.

        Args:
            stamp: The frame's, as it came.
            observation: What the plan was made from.
            trajectory: float32 [T, 3] in its ego frame.
        """
        pose = tuple(float(value) for value in observation.ego[:3])
        self._plan = trajectory, pose, observation.stamp_s
        self._follow(stamp, observation.stamp_s, pose, float(observation.ego[3]))

    def frame(self, msg: Odometry) -> None:
        """Send the control of a frame; of one on which a decision is due, `decided` sends it."""
        if self._plan is None:
            return
        odometry = messages.odometry_from_msg(msg)
        if round((odometry.stamp_s - self._start_s) / FRAME_DT_S) % FRAMES_PER_DECISION:
            pose = odometry.x, odometry.y, odometry.yaw
            self._follow(msg.header.stamp, odometry.stamp_s, pose, odometry.vx)

    def brake(self, stamp) -> None:
        """Stand still, in a frame that belongs to no plan."""
        self._publisher.publish(messages.control_to_msg(stamp, throttle=0.0, steer=0.0, brake=1.0))

    def _follow(self, stamp, stamp_s: float, pose: tuple[float, float, float], speed: float) -> None:
        trajectory, origin, decided_s = self._plan
        throttle, steer, brake = self._controller.follow(trajectory, origin, pose, stamp_s - decided_s, speed)
        self._publisher.publish(messages.control_to_msg(stamp, throttle, self._steering(steer), brake))
