"""The counterfactual node and the event monitor alone, fed with what a real run published."""

import copy

import numpy as np
import pytest
from craft_msgs.msg import Decision, EpisodeEnd, EpisodeStart, Observation

from craft.scene.timing import FRAMES_PER_DECISION
from craft_nodes import qos, topics
from craft_nodes.cli.environment import free_domain
from graph_processes import node
from graph_recorder import CRAFT_TOPICS, Peer


@pytest.fixture
def peer():
    made = Peer(free_domain(), CRAFT_TOPICS)
    yield made
    made.close()


def episode_of(trained, number):
    """Messages of one episode of the training run."""
    heard = trained.heard.messages
    start = heard[topics.EPISODE_START][number]
    return start, *(
        [m for m in heard[topic] if m.episode == start.episode]
        for topic in (topics.OBSERVATION, topics.DECISION, topics.EPISODE_END)
    )


def test_a_full_scoring_queue_drops_and_counts(trained, peer, tmp_path):
    start, observations, decisions, _ = episode_of(trained, 1)
    process = node("counterfactual", tmp_path / "node.log", peer.domain, {"queue": 1, "batch": 1})
    try:
        peer.publish(topics.ROAD_MAP, trained.heard.messages[topics.ROAD_MAP][-1], qos.LATCHED)
        peer.publish(topics.VOCABULARY, trained.heard.messages[topics.VOCABULARY][-1], qos.LATCHED)
        peer.publish(topics.EPISODE_START, start, qos.LATCHED)
        peer.connect(topics.DECISION, Decision, qos.RECORD)
        peer.connect(topics.OBSERVATION, Observation, qos.RECORD)
        for decision in decisions:  # before their observations: each pair is complete at once
            peer.publish(topics.DECISION, decision, qos.RECORD)
        for observation in observations:
            peer.publish(topics.OBSERVATION, observation, qos.RECORD)
        dropped = "dropped: decision: the scoring queue is full"
        peer.wait(
            lambda: (
                int(peer.diagnostics("/counterfactual").get(dropped, 0)) + len(peer.messages[topics.CANDIDATE_RETURNS])
                == len(decisions)
            ),
            "every decision to be scored or counted",
        )
        assert int(peer.diagnostics("/counterfactual")[dropped]) > 0
        expected = {(m.episode, m.step): m for m in trained.heard.messages[topics.CANDIDATE_RETURNS]}
        scored = peer.messages[topics.CANDIDATE_RETURNS]
        assert scored
        for msg in scored:
            assert msg == expected[msg.episode, msg.step]
    finally:
        process.end()


def test_a_device_that_cannot_be_used_ends_the_node_with_one_line(tmp_path):
    process = node("counterfactual", tmp_path / "node.log", free_domain(), {"device": "cuda:999"})
    try:
        assert process.wait(60.0) == 2
        assert "cannot use device 'cuda:999'" in process.output and "Traceback" not in process.output
    finally:
        process.end()


def test_decisions_that_cannot_be_scored_are_counted_by_reason(trained, peer, tmp_path):
    start, observations, decisions, _ = episode_of(trained, 1)
    process = node("counterfactual", tmp_path / "node.log", peer.domain)
    try:
        peer.publish(topics.EPISODE_START, start, qos.LATCHED)
        peer.connect(topics.DECISION, Decision, qos.RECORD)
        peer.publish(topics.OBSERVATION, observations[0], qos.RECORD)
        peer.publish(topics.DECISION, decisions[0], qos.RECORD)
        peer.wait_for_diagnostics("/counterfactual", "dropped: decision before the road map", "1")
        peer.publish(topics.ROAD_MAP, trained.heard.messages[topics.ROAD_MAP][-1], qos.LATCHED)
        peer.publish(topics.OBSERVATION, observations[FRAMES_PER_DECISION], qos.RECORD)
        peer.publish(topics.DECISION, decisions[1], qos.RECORD)
        name = decisions[1].vocabulary_sha256[:8]
        peer.wait_for_diagnostics(
            "/counterfactual", f"dropped: decision with vocabulary {name}, which was not announced", "1"
        )
        # One that contradicts itself is refused; the node goes on.
        peer.publish(topics.VOCABULARY, trained.heard.messages[topics.VOCABULARY][-1], qos.LATCHED)
        broken = copy.deepcopy(observations[2 * FRAMES_PER_DECISION])
        broken.agent_rows += 1
        peer.publish(topics.OBSERVATION, broken, qos.RECORD)
        peer.publish(topics.DECISION, decisions[2], qos.RECORD)
        peer.wait(
            lambda: any("Observation.agents" in key for key in peer.diagnostics("/counterfactual")), "the refused one"
        )
        peer.publish(topics.OBSERVATION, observations[3 * FRAMES_PER_DECISION], qos.RECORD)
        peer.publish(topics.DECISION, decisions[3], qos.RECORD)
        peer.wait(lambda: peer.messages[topics.CANDIDATE_RETURNS], "the returns of the good one")
        assert peer.messages[topics.CANDIDATE_RETURNS][0].step == 3
        assert np.isfinite(peer.messages[topics.CANDIDATE_RETURNS][0].returns).all()
    finally:
        process.end()


def test_event_monitor_judges_a_replayed_episode_as_before_and_counts_what_is_missing(trained, peer, tmp_path):
    heard = trained.heard.messages
    start, observations, _, ends = episode_of(trained, 1)
    process = node("event_monitor", tmp_path / "node.log", peer.domain)
    try:
        peer.connect(topics.OBSERVATION, Observation, qos.RECORD)
        peer.publish(topics.OBSERVATION, observations[1], qos.RECORD)  # kept until the road map is there
        peer.wait_for_diagnostics("/event_monitor", "observation age [s]")
        peer.publish(topics.ROAD_MAP, heard[topics.ROAD_MAP][-1], qos.LATCHED)
        peer.publish(topics.EPISODE_START, start, qos.LATCHED)
        peer.connect(topics.EPISODE_END, EpisodeEnd, qos.RECORD)

        # An episode without its first frame is not judged.
        peer.wait_for_diagnostics(
            "/event_monitor", "dropped: observation of an episode whose first frame is missing", "1"
        )
        assert not peer.messages[topics.GROUNDED_REWARD]

        # Whole, it gives the rewards of the run that it was recorded in, bit for bit (contacts apart: the collision
        # sensor's topic is not replayed here, so a step with one is left out).
        for observation in observations:
            peer.publish(topics.OBSERVATION, observation, qos.RECORD)
        peer.publish(topics.EPISODE_END, ends[0], qos.RECORD)
        peer.wait(lambda: peer.messages[topics.EPISODE_RECORD], "the record")
        now, then = peer.messages[topics.GROUNDED_REWARD], heard[topics.GROUNDED_REWARD]
        then = [m for m in then if m.episode == start.episode]
        assert [m.step for m in now] == [m.step for m in then]
        for a, b in zip(now, then, strict=True):
            assert (a.done, a.truncated) == (b.done, b.truncated)
            if not len(b.events):
                assert a == b
        record = peer.messages[topics.EPISODE_RECORD][0]
        assert (record.route_id, record.scenario, record.seed) == (start.route_id, start.scenario, start.seed)

        # A hole is counted, frame by frame; what comes after it is judged.
        later: EpisodeStart = copy.deepcopy(start)
        later.episode += 1
        peer.publish(topics.EPISODE_START, later, qos.LATCHED)
        for observation in observations[:4] + observations[7:12]:
            shifted = copy.deepcopy(observation)
            shifted.episode += 1
            peer.publish(topics.OBSERVATION, shifted, qos.RECORD)
        peer.wait_for_diagnostics("/event_monitor", "dropped: frames missing between two observations", "3")
    finally:
        process.end()


def test_an_episode_that_overtakes_the_road_map_is_judged_all_the_same(trained, peer, tmp_path):
    heard = trained.heard.messages
    start, observations, _, ends = episode_of(trained, 1)
    process = node("event_monitor", tmp_path / "node.log", peer.domain)
    try:
        peer.publish(topics.EPISODE_START, start, qos.LATCHED)
        peer.connect(topics.EPISODE_END, EpisodeEnd, qos.RECORD)
        for observation in observations[:100]:
            peer.publish(topics.OBSERVATION, observation, qos.RECORD)
        peer.wait_for_diagnostics("/event_monitor", "observation age [s]")
        peer.publish(topics.ROAD_MAP, heard[topics.ROAD_MAP][-1], qos.LATCHED)
        for observation in observations[100:]:
            peer.publish(topics.OBSERVATION, observation, qos.RECORD)
        peer.publish(topics.EPISODE_END, ends[0], qos.RECORD)
        peer.wait(lambda: peer.messages[topics.EPISODE_RECORD], "the record")
        then = [m.step for m in heard[topics.GROUNDED_REWARD] if m.episode == start.episode]
        assert [m.step for m in peer.messages[topics.GROUNDED_REWARD]] == then
        assert not [key for key in peer.diagnostics("/event_monitor") if key.startswith("dropped")]
    finally:
        process.end()
