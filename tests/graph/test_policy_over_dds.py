"""The policy node alone: it takes the right weights only, and they change what it decides."""

import array
import hashlib

import numpy as np
import pytest
import safetensors.torch
import torch
from craft_msgs.msg import Decision, EpisodeStart, Observation, PolicyStatus, PolicyWeights

from craft_nodes import qos, topics
from craft_nodes.cli.environment import free_domain
from graph_processes import node
from graph_recorder import CRAFT_TOPICS, Peer

FAMILY = "vocabulary"


class PolicyUnderTest:
    """The policy node, one recorded observation and the decisions on it."""

    def __init__(self, trained, folder):
        domain = free_domain()
        self.peer = Peer(domain, CRAFT_TOPICS)
        self.process = node("policy", folder / "policy.log", domain, {"seed": 7})
        heard = trained.heard.messages
        self.start: EpisodeStart = heard[topics.EPISODE_START][1]  # training: decisions are sampled
        self.observation: Observation = next(o for o in heard[topics.OBSERVATION] if o.episode == self.start.episode)
        self.recorded: Decision = next(d for d in heard[topics.DECISION] if d.episode == self.start.episode)
        self.weights = {
            int(path.stem): path.read_bytes() for path in (trained.folder / "weights").glob("*.safetensors")
        }
        self.peer.connect(topics.OBSERVATION, Observation, qos.RECORD)
        self.peer.publish(topics.EPISODE_START, self.start, qos.LATCHED)

    def decide(self) -> Decision:
        heard = self.peer.messages[topics.DECISION]
        before = len(heard)
        self.peer.publish(topics.OBSERVATION, self.observation, qos.RECORD)
        self.peer.wait(lambda: len(heard) > before, "a decision")
        return heard[-1]

    def send(self, data, *, version, sha256=None, family=FAMILY) -> PolicyStatus:
        """Send weights and return the node's answer."""
        heard = self.peer.messages[topics.POLICY_STATUS]
        before = len(heard)
        msg = PolicyWeights(version=version, family=family, sha256=sha256 or hashlib.sha256(data).hexdigest())
        msg.safetensors = array.array("B", data)
        self.peer.publish(topics.WEIGHTS, msg, qos.LATCHED)
        self.peer.wait(lambda: len(heard) > before, "the policy's answer")
        return heard[-1]

    def close(self):
        self.process.end()
        self.peer.close()


@pytest.fixture(scope="module")
def policy(trained, tmp_path_factory):
    made = PolicyUnderTest(trained, tmp_path_factory.mktemp("policy"))
    yield made
    made.close()


def not_a_number(data):
    tensors = safetensors.torch.load(data)
    name = sorted(tensors)[0]
    tensors[name] = torch.full_like(tensors[name], float("nan"))
    return safetensors.torch.save(tensors)


def other_shape(data):
    tensors = safetensors.torch.load(data)
    name = sorted(tensors)[0]
    tensors[name] = torch.zeros(3, 1, 4)
    return safetensors.torch.save(tensors)


@pytest.mark.parametrize(
    ("damage", "fields", "said"),
    [
        (lambda data: data, {"sha256": "0" * 64}, "sha256"),
        (lambda data: data[:-7], {}, "safetensors"),
        (lambda data: b"these are no weights", {}, "safetensors"),
        (lambda data: data, {"family": "regression"}, "'regression'"),
        (other_shape, {}, "[3, 1, 4]"),
        (not_a_number, {}, "finite"),
    ],
    ids=["hash", "cut", "malformed", "family", "shape", "not finite"],
)
def test_wrong_weights_are_refused_and_the_old_ones_stay(policy, damage, fields, said):
    before = policy.decide()
    answer = policy.send(damage(policy.weights[1]), version=41, **fields)
    assert answer.refused.startswith("version 41:") and said in answer.refused
    assert (answer.version, answer.sha256) == (before.policy_version, before.policy_sha256)
    after = policy.decide()
    assert (after.policy_version, after.policy_sha256) == (before.policy_version, before.policy_sha256)
    assert after.log_prob == before.log_prob
    assert policy.process.running


def test_right_weights_are_confirmed_and_change_the_decisions(policy):
    old = policy.decide()
    assert old.policy_version == 0
    # The very decision of the training run: sampling depends on seed, episode and step alone.
    assert (old.selected, old.log_prob) == (policy.recorded.selected, policy.recorded.log_prob)
    answer = policy.send(policy.weights[2], version=2)
    assert (answer.refused, answer.version) == ("", 2)
    assert answer.sha256 == hashlib.sha256(policy.weights[2]).hexdigest()
    new = policy.decide()
    assert (new.policy_version, new.policy_sha256) == (2, answer.sha256)
    assert np.array_equal(new.features, old.features)  # the encoder is frozen
    assert (new.selected, new.log_prob) != (old.selected, old.log_prob)
    # And back again.
    assert policy.send(policy.weights[0], version=3).version == 3
    back = policy.decide()
    assert (back.selected, back.log_prob) == (old.selected, old.log_prob)


def test_a_repeated_version_is_taken_once(policy):
    """Latched weights arrive again after a reconnection; the node stays silent."""
    policy.send(policy.weights[1], version=5)
    before = len(policy.peer.messages[topics.POLICY_STATUS])
    msg = PolicyWeights(version=5, family=FAMILY, sha256=hashlib.sha256(policy.weights[1]).hexdigest())
    msg.safetensors = array.array("B", policy.weights[1])
    policy.peer.publish(topics.WEIGHTS, msg, qos.LATCHED)
    policy.decide()  # handled after the weights
    assert len(policy.peer.messages[topics.POLICY_STATUS]) == before
