"""Perception input: the bridge's topics become one stamped observation per frame, and the latched road map."""

import time

import rclpy.node
from carla_msgs.msg import (
    CarlaCollisionEvent,
    CarlaEgoVehicleStatus,
    CarlaTrafficLightInfoList,
    CarlaTrafficLightStatusList,
    CarlaWorldInfo,
)
from craft_msgs.msg import EpisodeStart
from craft_msgs.msg import Observation as ObservationMsg
from craft_msgs.msg import RoadMap as RoadMapMsg
from derived_object_msgs.msg import ObjectArray
from nav_msgs.msg import Odometry, Path

from craft.perception import FrameAssembler, ObservationBuilder
from craft.perception.inputs import WorldFrame
from craft.world.opendrive import road_map_from_opendrive
from craft_nodes import messages, qos, topics
from craft_nodes.diagnostics import Health
from craft_nodes.external_episodes import ExternalEpisodes
from craft_nodes.parameters import declare, refuse_unknown
from craft_nodes.running import run


class PerceptionNode(rclpy.node.Node):
    """Joins the inputs of a frame by stamp and publishes the observation.

    With `external_episodes` nobody announces episodes (the world node is left out); this node then does so itself.
    """

    def __init__(self):
        super().__init__("perception")
        self._role = role = declare(self, "role_name", "hero", "role name of the ego vehicle")
        self._worker = declare(self, "worker", 0, "number of the simulator", low=0, high=65535)
        self._half_size = (
            declare(self, "half_length", 2.446, "half the length of the ego vehicle [m]", low=0.1, high=20.0),
            declare(self, "half_width", 0.918, "half the width of the ego vehicle [m]", low=0.1, high=5.0),
        )
        external = declare(self, "external_episodes", False, "nobody announces episodes; a new route begins one")
        refuse_unknown(self)
        self.health = Health(self)
        self._assembler = FrameAssembler()
        self._town: tuple[str, str] | None = None  # name, OpenDRIVE
        self._boxes = None
        self._builder: ObservationBuilder | None = None
        self._start: EpisodeStart | None = None
        self._route: Path | None = None
        self._begun = 0  # episode that the builder is in
        self._road_map = self.create_publisher(RoadMapMsg, topics.ROAD_MAP, qos.LATCHED)
        self._observation = self.create_publisher(ObservationMsg, topics.OBSERVATION, qos.RECORD)
        self._external = ExternalEpisodes(self, self._worker) if external else None
        # Lights carry no stamp: they belong to the frames whose odometry is sent after them (see OrderedExecutor).
        self._subscribe(CarlaTrafficLightInfoList, topics.LIGHT_INFO, self._on_light_info, qos.LATCHED)
        self._subscribe(CarlaWorldInfo, topics.WORLD_INFO, self._on_world_info, qos.LATCHED)
        self._subscribe(CarlaTrafficLightStatusList, topics.LIGHT_STATUS, self._on_lights, qos.LATCHED)
        if not external:
            self._subscribe(EpisodeStart, topics.EPISODE_START, self._on_episode_start, qos.LATCHED)
        self._subscribe(Path, topics.ego(role, "waypoints"), self._on_route, qos.LATCHED)
        self._subscribe(CarlaCollisionEvent, topics.ego(role, "collision"), self._on_collision, qos.SENSOR)
        self._subscribe(ObjectArray, topics.ego(role, "objects"), self._on_objects, qos.SENSOR)
        self._subscribe(CarlaEgoVehicleStatus, topics.ego(role, "vehicle_status"), self._on_status, qos.SENSOR)
        self._subscribe(Odometry, topics.ego(role, "odometry"), self._on_odometry, qos.SENSOR)

    def _subscribe(self, kind, topic, callback, profile):
        name = topic.rsplit("/", 1)[-1]

        def counted(msg):
            self.health.received(name)
            callback(msg)

        self.create_subscription(kind, topic, counted, profile)

    # ---- the town -------------------------------------------------------------------------------------------------

    def _on_world_info(self, msg: CarlaWorldInfo):
        self._town = (msg.map_name, msg.opendrive)
        self._build_road_map()

    def _on_light_info(self, msg: CarlaTrafficLightInfoList):
        self._boxes = messages.light_boxes_from_msg(msg)
        self._build_road_map()

    def _build_road_map(self):
        if self._town is None or self._boxes is None:
            return
        try:
            road = road_map_from_opendrive(*self._town, self._boxes)
        except ValueError as error:
            self.health.error(str(error))
            return
        self._builder = ObservationBuilder(road, *self._half_size)
        self._begun = 0
        if self._external is not None:
            self._external.interrupt()
            self._start = None
        self._road_map.publish(messages.road_map_to_msg(road))
        self.get_logger().info(f"road map of {road.name}: {len(road.quads)} quads, {len(road.stop_lines)} stop lines")
        self._try_begin()

    # ---- episodes -------------------------------------------------------------------------------------------------

    def _on_episode_start(self, msg: EpisodeStart):
        self._start = msg
        self._try_begin()

    def _on_route(self, msg: Path):
        if self._external is None:
            self._route = msg
            self._try_begin()
        elif self._start is None or [p.pose for p in msg.poses] != [p.pose for p in self._route.poses]:
            # A route that is published again while it is driven, with other stamps, is still one route.
            self._external.interrupt()
            self._route, self._start = msg, None

    def _try_begin(self):
        """Begin the announced episode once its route and the road map are there too."""
        if self._external is not None:
            return
        if self._builder is None or self._start is None or self._route is None or self._start.episode == self._begun:
            return
        if self._route.header.stamp != self._start.header.stamp:
            return
        try:
            route = messages.route_from_msg(self._route)
        except ValueError as error:
            self.health.error(f"route of episode {self._start.episode}: {error}")
            return
        self._begun = self._start.episode
        self._builder.begin(self._begun, route, messages.from_time(self._start.header.stamp))
        self._publish_ready()

    def _begin_external(self, frame: WorldFrame):
        """The waiting route begins an episode with this frame; one that does not lie in the town is given up."""
        msg, self._route = self._route, None
        try:
            route = messages.route_from_msg(msg)
            self._builder.begin(self._external.next_episode, route, frame.stamp_s)
        except ValueError as error:
            self.health.error(f"route on {topics.ego(self._role, 'waypoints')}: {error}")
            return
        self._route = msg
        self._start = self._external.begin(frame, self._town[0])

    # ---- frames ---------------------------------------------------------------------------------------------------

    def _on_lights(self, msg: CarlaTrafficLightStatusList):
        self._assembler.add_lights(messages.lights_from_msg(msg))

    def _on_collision(self, msg: CarlaCollisionEvent):
        self._assembler.add_collision(messages.collision_from_msg(msg))

    def _on_objects(self, msg: ObjectArray):
        self._assembler.add_objects(messages.objects_from_msg(msg))
        self._publish_ready()

    def _on_status(self, msg: CarlaEgoVehicleStatus):
        self._assembler.add_status(messages.status_from_msg(msg))
        self._publish_ready()

    def _on_odometry(self, msg: Odometry):
        self._assembler.add_odometry(messages.odometry_from_msg(msg))
        self._publish_ready()

    def _publish_ready(self):
        if self._builder is None or (self._external is None and self._episode_waits()):
            return
        while (frame := self._assembler.pop()) is not None:
            if self._external is not None and self._start is None and self._route is not None:
                self._begin_external(frame)
            if self._start is not None:
                self._publish(frame)
        for reason, count in self._assembler.take_drops().items():
            self.health.dropped(reason, count)

    def _episode_waits(self) -> bool:
        """Whether no episode was announced, or the announced one still lacks its route."""
        return self._start is None or self._begun != self._start.episode

    def _publish(self, frame: WorldFrame):
        if frame.stamp_s < messages.from_time(self._start.header.stamp):
            self.health.dropped("frame before the episode's start")
            return
        begin = time.perf_counter()
        try:
            observation = self._builder.observe(frame)
        except ValueError as error:
            self.health.dropped(f"frame refused: {error}")
            return
        if self._external is not None and self._external.observed(observation):
            self._start = self._route = None
        self._observation.publish(messages.observation_to_msg(observation, self._worker, self._role))
        self.health.took(time.perf_counter() - begin)


def main():
    """Entry point of `ros2 run craft_nodes perception`."""
    run(PerceptionNode)
