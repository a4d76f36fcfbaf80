"""Collector: the privileged expert drives over the graph, and what it did is recorded for imitation."""

from pathlib import Path

import rclpy.node
from carla_msgs.msg import CarlaEgoVehicleControl
from craft_msgs.msg import EpisodeRecord, EpisodeStart, Phase, PhaseStatus
from craft_msgs.msg import Observation as ObservationMsg
from craft_msgs.msg import RoadMap as RoadMapMsg
from nav_msgs.msg import Odometry

from craft.policies.controller import TrajectoryController
from craft.policies.dataset import DatasetWriter
from craft.scene.timing import FRAME_DT_S, FRAMES_PER_DECISION
from craft.training.console import RunConsole
from craft.world.collect import CollectConfig, disturbance_of
from craft.world.disturbance import Disturbance
from craft.world.expert import Expert
from craft_nodes import messages, qos, topics
from craft_nodes.diagnostics import Health
from craft_nodes.execution import make_executor
from craft_nodes.parameters import declare, declare_dataclass, refuse_unknown
from craft_nodes.running import run


class CollectorNode(rclpy.node.Node):
    """Takes the place of the policy, and gives the world its one order."""

    def __init__(self):
        super().__init__("collector")
        role = declare(self, "role_name", "hero", "role name of the ego vehicle")
        declare(self, "world", "carla_light", "label of the data", choices=("carla_light", "carla"))
        self._run_dir = declare(self, "run_dir", "runs/collect", "folder of the dataset")
        self._config = declare_dataclass(self, CollectConfig, "")
        refuse_unknown(self)
        self.health = Health(self)
        self._writer = DatasetWriter(Path(self._run_dir) / "dataset")
        self._controller = TrajectoryController()
        self._expert: Expert | None = None
        self._start: EpisodeStart | None = None
        self._plan = None  # trajectory, pose and stamp of the last decision
        self._disturbance: Disturbance | None = None
        self._recorded = 0  # episode whose frames the writer holds
        self._judged: list[EpisodeRecord] = []
        self._status: PhaseStatus | None = None
        self._control = self.create_publisher(
            CarlaEgoVehicleControl, topics.ego(role, "vehicle_control_cmd"), qos.COMMAND
        )
        self._order = self.create_publisher(Phase, topics.PHASE, qos.LATCHED)
        sub = self.create_subscription
        sub(RoadMapMsg, topics.ROAD_MAP, self._on_road_map, qos.LATCHED)
        sub(PhaseStatus, topics.PHASE_STATUS, self._on_status, qos.LATCHED)
        sub(EpisodeStart, topics.EPISODE_START, self._on_start, qos.LATCHED)
        sub(EpisodeRecord, topics.EPISODE_RECORD, self._on_record, qos.RECORD)
        sub(ObservationMsg, topics.OBSERVATION, self._on_observation, qos.RECORD)
        sub(Odometry, topics.ego(role, "odometry"), self._on_odometry, qos.SENSOR)
        self._awaited = (topics.OBSERVATION, topics.ego(role, "odometry"))  # the first frames must find two readers

    def _on_road_map(self, msg: RoadMapMsg):
        self._expert = Expert(messages.road_map_from_msg(msg))

    def _on_status(self, msg: PhaseStatus):
        self._status = msg

    def _on_start(self, msg: EpisodeStart):
        self._start, self._plan = msg, None
        self._disturbance = disturbance_of(msg.episode, msg.seed, self._config)
        self._controller.reset()
        if self._expert is not None:
            self._expert.reset()

    def _on_record(self, msg: EpisodeRecord):
        """Keep what was driven to the end without an infraction."""
        self._judged.append(msg)
        if self._recorded == msg.episode:
            self._writer.end_episode() if msg.success else self._writer.discard_episode()
            self._recorded = 0

    def _on_observation(self, msg: ObservationMsg):
        if self._expert is None or self._start is None or msg.episode != self._start.episode:
            self.health.dropped("observation outside an episode")
            return
        observation = messages.observation_from_msg(msg)
        self._recorded = msg.episode
        self._writer.add(observation, noisy=self._disturbance is not None and self._disturbance.active)
        if msg.frame % FRAMES_PER_DECISION == 0:
            pose = tuple(float(v) for v in observation.ego[:3])
            self._plan = self._expert.decide(observation), pose, observation.stamp_s
            self._follow(msg.header.stamp, observation.stamp_s, pose, float(observation.ego[3]))

    def _on_odometry(self, msg: Odometry):
        if self._plan is None:
            return
        odometry = messages.odometry_from_msg(msg)
        frame = round((odometry.stamp_s - messages.from_time(self._start.header.stamp)) / FRAME_DT_S)
        if frame % FRAMES_PER_DECISION:
            self._follow(msg.header.stamp, odometry.stamp_s, (odometry.x, odometry.y, odometry.yaw), odometry.vx)

    def _follow(self, stamp, stamp_s, pose, speed):
        trajectory, origin, decided_s = self._plan
        throttle, steer, brake = self._controller.follow(trajectory, origin, pose, stamp_s - decided_s, speed)
        if self._disturbance is not None:
            steer = self._disturbance(steer)
        self._control.publish(messages.control_to_msg(stamp, throttle, steer, brake))

    def _graph_is_there(self) -> bool:
        """Whether the first frame of an episode would find everybody: perception, the event monitor and this node."""
        counts = [self.count_subscribers(self.resolve_topic_name(topic)) for topic in self._awaited]
        return self._expert is not None and min(counts) >= 2

    def work(self) -> int:
        """Order the episodes and wait until the last one is judged."""
        executor = make_executor(self)
        while not self._graph_is_there():
            executor.spin_once(timeout_sec=0.2)
        self._order.publish(
            Phase(
                phase=1,
                mode=Phase.EVALUATE,
                suite="training",
                episodes=self._config.episodes,
                first_episode=1,
                seed=self._config.seed,
            )
        )
        with RunConsole(self._config.episodes) as console:
            update = console.step("expert episodes")
            while self._status is None or not self._status.complete or len(self._judged) < self._config.episodes:
                executor.spin_once(timeout_sec=0.2)
                console.finished(len(self._judged))
                update(len(self._judged), self._config.episodes)
                if self._status is not None and self._status.error:
                    console.line(f"the world node stopped: {self._status.error}")
                    return 1
            kept = sum(record.success for record in self._judged)
            console.line(
                f"{kept} of {self._config.episodes} episodes were driven without an infraction; {self._run_dir}/dataset"
            )
        self._order.publish(Phase(phase=2, mode=Phase.FINISH))
        executor.spin_once(timeout_sec=0.3)
        return 0


def main():
    """Entry point of `ros2 run craft_nodes collector`."""
    run(CollectorNode, CollectorNode.work)
