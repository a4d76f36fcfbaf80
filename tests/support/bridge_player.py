"""Plays the part of carla-ros-bridge and of the stack around it, on carla_light: the vehicle's topics and its route."""

import time
from collections.abc import Callable, Sequence

import rclpy
from carla_msgs.msg import (
    CarlaCollisionEvent,
    CarlaEgoVehicleControl,
    CarlaEgoVehicleStatus,
    CarlaTrafficLightInfoList,
    CarlaTrafficLightStatusList,
    CarlaWorldInfo,
)
from derived_object_msgs.msg import ObjectArray
from nav_msgs.msg import Odometry, Path
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from craft.perception.inputs import WorldFrame
from craft.scene import Route
from craft.world.routes import RouteSpec
from craft.world.simulation import Simulation, WorldConfig
from craft_nodes import messages, qos

ROLE = "hero"
CONTROL_PATIENCE_S = 2.0  # the bridge waits for a command for so long at most, then the vehicle brakes here [s]


class BridgePlayer:
    """Publishes under `/carla/...`, absolute and literal as the bridge does; knows no topic of CRAFT's own.

    Args:
        domain: ROS_DOMAIN_ID.
        port: Of the carla_light server.
        odometry: Topic of the odometry, which stacks like to publish elsewhere.
    """

    def __init__(self, domain: int, port: int, odometry: str = f"/carla/{ROLE}/odometry"):
        self._simulation = Simulation(WorldConfig(port=port, background_vehicles=0))
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = Node("carla_ros_bridge", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        pub, ego = self.node.create_publisher, f"/carla/{ROLE}/"
        self._odometry_topic = odometry
        self._clock = pub(Clock, "/clock", qos.SENSOR)
        self._lights = pub(CarlaTrafficLightStatusList, "/carla/traffic_lights/status", qos.LATCHED)
        self._objects = pub(ObjectArray, ego + "objects", qos.SENSOR)
        self._status = pub(CarlaEgoVehicleStatus, ego + "vehicle_status", qos.SENSOR)
        self._collision = pub(CarlaCollisionEvent, ego + "collision", qos.SENSOR)
        self._odometry = pub(Odometry, odometry, qos.SENSOR)
        self._route = pub(Path, ego + "waypoints", qos.LATCHED)
        info = pub(CarlaTrafficLightInfoList, "/carla/traffic_lights/info", qos.LATCHED)
        world = pub(CarlaWorldInfo, "/carla/world_info", qos.LATCHED)
        self.node.create_subscription(CarlaEgoVehicleControl, ego + "vehicle_control_cmd", self._on_control, 10)
        self._writer = messages.ObjectArrayWriter(ROLE)
        self._control: CarlaEgoVehicleControl | None = None
        self._stamp = None
        self.controls = 0  # commands that arrived for the frame they were made for
        world.publish(CarlaWorldInfo(map_name=self._simulation.town, opendrive=self._simulation.opendrive))
        info.publish(messages.light_boxes_to_msg(self._simulation.light_boxes))

    def wait_for_listeners(self, listening: int, timeout_s: float = 60.0) -> None:
        """Until so many nodes read the odometry."""
        until = time.monotonic() + timeout_s
        while self.node.count_subscribers(self._odometry_topic) < listening:
            if time.monotonic() > until:
                raise TimeoutError(f"nobody reads {self._odometry_topic} after {timeout_s:.0f} s")
            self._executor.spin_once(timeout_sec=0.1)
        time.sleep(1.0)  # the readers learn of this writer a little later

    def place(self, spec: RouteSpec, seed: int = 0) -> Route:
        """Put the vehicle at the start of a route and publish its first frame; the route is not published."""
        route, self._frame = self._simulation.begin(spec, 1, seed)
        self._publish(self._frame)
        return route

    def publish_route(self, route: Route) -> None:
        """What carla_waypoint_publisher would do."""
        self._route.publish(messages.route_to_msg(route, messages.to_time(self._frame.stamp_s)))
        self._settle(0.2)

    def drive(self, frames: int, control: Sequence[float] | None = None, going: Callable[[], bool] = lambda: True):
        """Tick: with this (throttle, steer, brake), or with the commands that come in, each for its frame.

        Returns:
            The last frame.
        """
        for _ in range(frames):
            if not going() or self._simulation.outcome is not None:
                break
            self._publish(self._frame)
            if control is None:
                command = self._wait_for_control(going)
            else:
                self._settle(0.01)
                command = control
            self._frame = self._simulation.tick(*command)
        return self._frame

    def close(self) -> None:
        """Leave the server and the domain."""
        self._simulation.close()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def _publish(self, frame: WorldFrame) -> None:
        self._stamp, self._control = messages.to_time(frame.stamp_s), None
        self._clock.publish(Clock(clock=self._stamp))
        self._lights.publish(messages.lights_to_msg(frame.lights))
        for collision in frame.collisions:
            self._collision.publish(messages.collision_to_msg(collision, ROLE))
        self._objects.publish(self._writer(frame.objects))
        self._status.publish(messages.status_to_msg(frame.status, frame.odometry, ROLE))
        self._odometry.publish(messages.odometry_to_msg(frame.odometry, ROLE))

    def _on_control(self, msg: CarlaEgoVehicleControl) -> None:
        if msg.header.stamp == self._stamp:
            self._control = msg

    def _wait_for_control(self, going: Callable[[], bool]) -> tuple[float, float, float]:
        until = time.monotonic() + CONTROL_PATIENCE_S
        while self._control is None and going() and time.monotonic() < until:
            self._executor.spin_once(timeout_sec=0.05)
        if self._control is None:
            return 0.0, 0.0, 1.0
        self.controls += 1
        return self._control.throttle, self._control.steer, self._control.brake

    def _settle(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)
