"""Policy inference: an observation becomes a decision every fifth frame and a control command every frame."""

import hashlib
import time

import rclpy.node
import torch
from craft_msgs.msg import CandidateSet, Decision, EpisodeEnd, EpisodeStart, PolicyStatus, PolicyWeights
from craft_msgs.msg import Observation as ObservationMsg
from nav_msgs.msg import Odometry

from craft.policies import Choice, DecisionMode, decide, load_policy
from craft.scene.candidates import TRAJECTORY_DT_S
from craft.scene.timing import FRAMES_PER_DECISION
from craft_nodes import messages, qos, topics
from craft_nodes.diagnostics import Health
from craft_nodes.parameters import declare, refuse_unknown
from craft_nodes.plan_follower import PlanFollower
from craft_nodes.running import run


class PolicyNode(rclpy.node.Node):
    """Samples in training, takes the top-1 in evaluation; swaps weights only between two decisions."""

    def __init__(self):
        super().__init__("policy")
        self._role = role = declare(self, "role_name", "hero", "role name of the ego vehicle")
        checkpoint = declare(self, "checkpoint", "vocabulary", "checkpoint folder, or the name of a shipped one")
        self._seed = declare(self, "seed", 0, "seed of the sampling", low=0, high=2**31 - 1)
        self._hold = declare(self, "external_episodes", False, "nobody else stops the vehicle after an episode; brake")
        threads = declare(self, "threads", 1, "CPU threads of torch", low=1, high=256)
        refuse_unknown(self)
        torch.set_num_threads(threads)
        self.health = Health(self)
        self._policy = load_policy(checkpoint)
        self._sha256 = hashlib.sha256(self._policy.trainable_bytes()).hexdigest()
        self._follower = PlanFollower(self, role)
        self._episode: EpisodeStart | None = None
        self._last_frame: EpisodeEnd | None = None
        self._vocabulary_sha256 = ""  # stays empty where candidates travel inline

        self._decision = self.create_publisher(Decision, topics.DECISION, qos.RECORD)
        self._vocabulary = self.create_publisher(CandidateSet, topics.VOCABULARY, qos.LATCHED)
        self._status = self.create_publisher(PolicyStatus, topics.POLICY_STATUS, qos.LATCHED)
        self.create_subscription(PolicyWeights, topics.WEIGHTS, self._on_weights, qos.LATCHED)
        self.create_subscription(EpisodeStart, topics.EPISODE_START, self._on_start, qos.LATCHED)
        self.create_subscription(EpisodeEnd, topics.EPISODE_END, self._on_end, qos.RECORD)
        self.create_subscription(ObservationMsg, topics.OBSERVATION, self._on_observation, qos.RECORD)
        self.create_subscription(Odometry, topics.ego(role, "odometry"), self._on_odometry, qos.SENSOR)
        self._announce()

    def _announce(self):
        vocabulary = self._policy.vocabulary
        if vocabulary is not None:
            trajectories, valid = vocabulary.trajectories.numpy(), vocabulary.valid.numpy()
            self._vocabulary_sha256 = hashlib.sha256(trajectories.tobytes()).hexdigest()
            self._vocabulary.publish(
                messages.vocabulary_to_msg(trajectories, valid, TRAJECTORY_DT_S, self._vocabulary_sha256)
            )
        self._report()

    def _report(self, refused: str = ""):
        self.health.set("policy version", self._policy.version)
        self.health.set("policy sha256", self._sha256)
        status = PolicyStatus(
            family=self._policy.family, version=self._policy.version, sha256=self._sha256, refused=refused
        )
        status.header.stamp = self.get_clock().now().to_msg()
        self._status.publish(status)

    # ---- weights --------------------------------------------------------------------------------------------------

    def _on_weights(self, msg: PolicyWeights):
        """Callbacks never interleave: whatever runs next sees either the old weights or the new ones."""
        if msg.version == self._policy.version and msg.sha256 == self._sha256:
            return
        try:
            if msg.family != self._policy.family:
                raise ValueError(f"weights of family {msg.family!r} for a policy of family {self._policy.family!r}")
            self._policy.load_trainable_bytes(bytes(msg.safetensors), msg.sha256, msg.version)
        except ValueError as error:
            self.get_logger().error(f"weights version {msg.version} refused: {error}")
            self.health.dropped("weights refused")
            self._report(refused=f"version {msg.version}: {error}")
            return
        self._sha256 = msg.sha256
        self._report()

    # ---- episodes -------------------------------------------------------------------------------------------------

    def _on_start(self, msg: EpisodeStart):
        self._episode, self._last_frame = msg, None
        self._follower.begin(msg)

    def _on_end(self, msg: EpisodeEnd):
        self._last_frame = msg

    def _over(self) -> bool:
        """Whether no episode runs, or its last frame was announced: there is nothing to decide any more."""
        end = self._last_frame
        return self._episode is None or (end is not None and end.episode == self._episode.episode)

    # ---- driving --------------------------------------------------------------------------------------------------

    def _on_observation(self, msg: ObservationMsg):
        self.health.received("observation")
        if msg.frame % FRAMES_PER_DECISION or self._over() or msg.episode != self._episode.episode:
            return
        begin = time.perf_counter()
        observation = messages.observation_from_msg(msg)
        mode = DecisionMode.TOP_1 if self._episode.evaluation else DecisionMode.SAMPLE
        try:
            choice = decide(self._policy, observation, mode, self._seed)
        except ValueError as error:
            self.health.error(str(error))
            return  # no control: the world brakes after its timeout and counts it
        self._follower.decided(msg.header.stamp, observation, choice.trajectory.numpy())
        self._publish_decision(msg, choice)
        self.health.took(time.perf_counter() - begin)

    def _publish_decision(self, observation: ObservationMsg, choice: Choice):
        msg = Decision(worker=observation.worker, episode=observation.episode)
        msg.header = observation.header
        msg.step = observation.frame // FRAMES_PER_DECISION
        msg.policy_version, msg.policy_sha256 = self._policy.version, self._sha256
        msg.selected, msg.log_prob = choice.index, choice.log_prob
        msg.features = messages.floats(choice.features.numpy())
        msg.vocabulary_sha256 = self._vocabulary_sha256
        trajectories, valid = choice.candidates.trajectories, choice.candidates.valid
        msg.candidates, msg.valid = len(valid), messages.flags(valid.numpy())
        if not self._vocabulary_sha256:
            msg.steps, msg.trajectories = trajectories.shape[1], messages.floats(trajectories.numpy())
        self._decision.publish(msg)

    def _on_odometry(self, msg: Odometry):
        self.health.received("odometry")
        if not self._over():
            self._follower.frame(msg)
        elif self._hold and self._episode is not None:
            self._follower.brake(msg.header.stamp)


def main():
    """Entry point of `ros2 run craft_nodes policy`."""
    run(PolicyNode)
