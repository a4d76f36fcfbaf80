"""Collector: the privileged expert drives over the graph, and what it did is recorded for imitation."""

from pathlib import Path

import rclpy.node
from craft_msgs.msg import EpisodeRecord, EpisodeStart, Phase, PhaseStatus
from craft_msgs.msg import Observation as ObservationMsg
from craft_msgs.msg import RoadMap as RoadMapMsg
from nav_msgs.msg import Odometry

from craft.policies.dataset import DatasetWriter
from craft.scene.timing import FRAMES_PER_DECISION
from craft.training.console import RunConsole
from craft.world.collect import CollectConfig, disturbance_of
from craft.world.disturbance import Disturbance
from craft.world.expert import Expert
from craft_nodes import messages, qos, topics
from craft_nodes.diagnostics import Health
from craft_nodes.execution import make_executor
from craft_nodes.parameters import declare, declare_dataclass, refuse_unknown
from craft_nodes.plan_follower import PlanFollower
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
        self._follower = PlanFollower(self, role)
        self._expert: Expert | None = None
        self._start: EpisodeStart | None = None
        self._disturbance: Disturbance | None = None
        self._disturbed: list[bool] = []  # whether the control of each frame of the episode was
        self._recorded = 0  # episode whose frames the writer holds
        self._judged: list[EpisodeRecord] = []
        self._status: PhaseStatus | None = None
        self._order = self.create_publisher(Phase, topics.PHASE, qos.LATCHED)
        sub = self.create_subscription
        sub(RoadMapMsg, topics.ROAD_MAP, self._on_road_map, qos.LATCHED)
        sub(PhaseStatus, topics.PHASE_STATUS, self._on_status, qos.LATCHED)
        sub(EpisodeStart, topics.EPISODE_START, self._on_start, qos.LATCHED)
        sub(EpisodeRecord, topics.EPISODE_RECORD, self._on_record, qos.RECORD)
        sub(ObservationMsg, topics.OBSERVATION, self._on_observation, qos.RECORD)
        sub(Odometry, topics.ego(role, "odometry"), self._follower.frame, qos.SENSOR)
        self._awaited = (topics.OBSERVATION, topics.ego(role, "odometry"))  # the first frames must find two readers

    def _on_road_map(self, msg: RoadMapMsg):
        self._expert = Expert(messages.road_map_from_msg(msg))

    def _on_status(self, msg: PhaseStatus):
        self._status = msg

    def _on_start(self, msg: EpisodeStart):
        self._start = msg
        self._disturbance = disturbance_of(msg.episode, msg.seed, self._config)
        self._disturbed = []
        self._follower.begin(msg, self._steering)
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
        # The odometry of a frame, and with it the frame's control, may come before the observation or after it.
        self._writer.add(observation, noisy=msg.frame > 0 and self._disturbed[msg.frame - 1])
        if msg.frame % FRAMES_PER_DECISION == 0:
            self._follower.decided(msg.header.stamp, observation, self._expert.decide(observation))

    def _steering(self, steer: float) -> float:
        if self._disturbance is not None:
            steer = self._disturbance(steer)
        self._disturbed.append(self._disturbance is not None and self._disturbance.active)
        return steer

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
