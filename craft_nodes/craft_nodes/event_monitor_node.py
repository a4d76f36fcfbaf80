"""Event monitor: executed frames become interaction-critical events, grounded rewards and judged episodes."""

import rclpy.node
from carla_msgs.msg import CarlaCollisionEvent
from craft_msgs.msg import EpisodeEnd, EpisodeRecord, EpisodeStart, GroundedReward, InteractionEvent
from craft_msgs.msg import Observation as ObservationMsg
from craft_msgs.msg import RoadMap as RoadMapMsg

from craft.events import EventConfig, EventMonitor
from craft.scene.timing import FRAMES_PER_DECISION
from craft_nodes import messages, qos, topics
from craft_nodes.diagnostics import Health
from craft_nodes.parameters import declare, refuse_unknown
from craft_nodes.running import run

_EARLY_KEPT = 4000  # observations that wait for the road map; the longest episode (Bench2Drive: 4000 ticks)


class EventMonitorNode(rclpy.node.Node):
    """Judges only what was executed: consecutive observations and the collision sensor."""

    def __init__(self):
        super().__init__("event_monitor")
        role = declare(self, "role_name", "hero", "role name of the ego vehicle")
        refuse_unknown(self)
        self.health = Health(self)
        self._monitor: EventMonitor | None = None
        self._early: list[ObservationMsg] = []  # the road map is large: the first frames may overtake it
        self._starts: dict[int, EpisodeStart] = {}
        self._ends: dict[int, EpisodeEnd] = {}
        self._collisions = []
        self._frame: ObservationMsg | None = None  # last one judged
        self._episode = 0
        # A decision's reward is held back until the next frame or the episode's end is known: only then is it known
        # whether the return goes on.
        self._held: GroundedReward | None = None
        self._reward = self.create_publisher(GroundedReward, topics.GROUNDED_REWARD, qos.RECORD)
        self._event = self.create_publisher(InteractionEvent, topics.EVENT, qos.RECORD)
        self._record = self.create_publisher(EpisodeRecord, topics.EPISODE_RECORD, qos.RECORD)
        self.create_subscription(RoadMapMsg, topics.ROAD_MAP, self._on_road_map, qos.LATCHED)
        self.create_subscription(EpisodeStart, topics.EPISODE_START, self._on_start, qos.LATCHED)
        self.create_subscription(EpisodeEnd, topics.EPISODE_END, self._on_end, qos.RECORD)
        self.create_subscription(CarlaCollisionEvent, topics.ego(role, "collision"), self._on_collision, qos.SENSOR)
        self.create_subscription(ObservationMsg, topics.OBSERVATION, self._on_observation, qos.RECORD)

    def _on_road_map(self, msg: RoadMapMsg):
        self._monitor = EventMonitor(messages.road_map_from_msg(msg), EventConfig())
        self._episode = 0
        early, self._early = self._early, []
        for observation in early:
            self._judge(observation)

    def _on_start(self, msg: EpisodeStart):
        self._starts[msg.episode] = msg
        for old in [e for e in self._starts if e < msg.episode - 4]:
            self._starts.pop(old)
            self._ends.pop(old, None)

    def _on_end(self, msg: EpisodeEnd):
        self._ends[msg.episode] = msg
        self._finish_if_over()

    def _on_collision(self, msg: CarlaCollisionEvent):
        self._collisions.append(messages.collision_from_msg(msg))

    def _on_observation(self, msg: ObservationMsg):
        self.health.received("observation")
        if self._monitor is not None:
            self._judge(msg)
        elif len(self._early) < _EARLY_KEPT:
            self._early.append(msg)
        else:
            self.health.dropped("observation before the road map")

    def _judge(self, msg: ObservationMsg):
        observation = messages.observation_from_msg(msg)
        if msg.episode != self._episode:
            if msg.frame != 0:
                self.health.dropped("observation of an episode whose first frame is missing")
                return
            self._episode, self._frame, self._held = msg.episode, None, None
            start = self._starts.get(msg.episode, EpisodeStart())
            self._monitor.begin(msg.episode, start.route_id, start.scenario, start.seed)
        elif self._frame is not None and msg.frame != self._frame.frame + 1:
            self.health.dropped("frames missing between two observations", msg.frame - self._frame.frame - 1)
        self._release(done=False)
        known = [c for c in self._collisions if c.stamp_s <= observation.stamp_s]
        self._collisions = [c for c in self._collisions if c.stamp_s > observation.stamp_s]
        for event in self._monitor.observe(observation, known):
            self._event.publish(messages.event_to_msg(event, msg))
        self._frame = msg
        if msg.frame and msg.frame % FRAMES_PER_DECISION == 0:
            self._hold((msg.frame - 1) // FRAMES_PER_DECISION)
        self._finish_if_over()

    def _hold(self, step: int):
        """Take the reward of the decision that was executed up to the last frame."""
        self._held = messages.reward_to_msg(self._monitor.decision_reward(), self._frame, step)

    def _release(self, done: bool, truncated: bool = False):
        if self._held is not None:
            self._held.done, self._held.truncated = done, truncated
            self._reward.publish(self._held)
            self._held = None

    def _finish_if_over(self):
        end = self._ends.get(self._episode)
        if end is None or self._frame is None or self._frame.header.stamp != end.header.stamp:
            return
        if self._frame.frame % FRAMES_PER_DECISION:
            self._hold(self._frame.frame // FRAMES_PER_DECISION)
        self._release(done=True, truncated=end.truncated)
        record = self._monitor.finish(
            status=end.status,
            route_completion=end.route_completion,
            driven_m=end.driven,
            duration_s=end.duration,
            truncated=end.truncated,
        )
        msg = messages.record_to_msg(record)
        msg.header, msg.worker, msg.phase = end.header, end.worker, end.phase
        start = self._starts.get(self._episode)
        if start is not None:
            msg.evaluation, msg.suite = start.evaluation, start.suite
        self._record.publish(msg)
        self._ends.pop(self._episode)
        self._frame, self._episode = None, 0


def main():
    """Entry point of `ros2 run craft_nodes event_monitor`."""
    run(EventMonitorNode)
