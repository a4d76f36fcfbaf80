"""In a stack that runs a bridge and publishes routes of its own, CRAFT trains without a world node of ours."""

import json
import os
import random

import numpy as np
import pytest
from craft_msgs.msg import EpisodeEnd, EpisodeRecord, EpisodeStart, Observation, Phase

from bridge_player import BridgePlayer
from craft.scene import Route
from craft.world.routes import load_suite
from craft_nodes import qos, topics
from craft_nodes.child import LAUNCHER_VARIABLE
from graph_processes import ROOT, Process, Server, params_file
from graph_recorder import Peer

LOOPBACK = {
    "FASTRTPS_DEFAULT_PROFILES_FILE": str(ROOT / "config/fastdds_loopback.xml"),
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT",
}
HEARD = {
    topics.EPISODE_START: (EpisodeStart, qos.RECORD),
    topics.EPISODE_END: (EpisodeEnd, qos.RECORD),
    topics.OBSERVATION: (Observation, qos.RECORD),
    topics.EPISODE_RECORD: (EpisodeRecord, qos.RECORD),
    topics.PHASE: (Phase, qos.LATCHED),
}


@pytest.fixture
def domain():
    return random.randrange(1, 101)


@pytest.fixture
def server(tmp_path, domain):
    server = Server(tmp_path / "carla_light.log", domain)
    yield server
    server.end()


@pytest.fixture
def peer(domain):
    peer = Peer(domain, HEARD)
    yield peer
    peer.close()


def first_metres(route: Route, metres: float) -> Route:
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(route.points, axis=0).T))])
    keep = at <= metres
    return Route(route.points[keep], route.yaw[keep])


def test_routes_begin_and_end_episodes(tmp_path, domain, server, peer):
    perception = Process(
        *("craft_nodes.child", "craft_nodes.perception_node:main", "--ros-args", "-p", "external_episodes:=true"),
        log=tmp_path / "perception.log",
        domain=domain,
        env=LOOPBACK | {LAUNCHER_VARIABLE: str(os.getpid())},
    )
    bridge = BridgePlayer(domain, server.port)
    try:
        bridge.wait_for_listeners(1)
        starts, ends, observations = (
            peer.messages[t] for t in (topics.EPISODE_START, topics.EPISODE_END, topics.OBSERVATION)
        )
        spec = next(s for s in load_suite("training") if s.scenario == "HardBreakRoute")
        whole = bridge.place(spec)
        bridge.drive(5, (0.0, 0.0, 1.0))
        assert not starts  # frames alone begin nothing

        # 1: the first 40 m. The leaderboard calls a route completed after 99 % of it, less than 10 m from its end.
        short = first_metres(whole, 40.0)
        bridge.publish_route(short)
        bridge.drive(400, (0.6, 0.0, 0.0), going=lambda: not ends)
        peer.wait(lambda: ends, "the end of the first route")
        (start,), (end,) = starts, ends
        assert (start.episode, start.suite, start.evaluation, start.town) == (1, "external", False, "craft_town")
        assert (end.episode, end.status, end.truncated) == (1, "Completed", False)
        assert end.route_completion == 100.0
        assert end.driven == pytest.approx(0.99 * 40.0, abs=1.5)  # 1 m between points, one frame at 9 m/s is 0.45 m
        peer.wait(lambda: observations and observations[-1].header.stamp == end.header.stamp, "the last frame")
        assert observations[0].frame == 0 and observations[0].header.stamp == start.header.stamp
        assert end.duration == pytest.approx(0.05 * observations[-1].frame, abs=1e-4)
        frames = [o.frame for o in observations]
        assert frames == sorted(set(frames))

        # Between two routes nothing is observed.
        count = len(observations)
        bridge.drive(5, (0.0, 0.0, 1.0))
        assert len(observations) == count

        # 2: a route that is published twice is one route; 3: another one takes its place.
        bridge.place(spec)
        bridge.publish_route(whole)
        bridge.drive(10, (0.3, 0.0, 0.0))
        bridge.publish_route(whole)
        bridge.drive(10, (0.3, 0.0, 0.0))
        peer.wait(lambda: len(starts) == 2, "the second episode")
        assert len(ends) == 1
        bridge.publish_route(first_metres(whole, 60.0))
        bridge.drive(5, (0.3, 0.0, 0.0))
        peer.wait(lambda: len(starts) == 3 and len(ends) == 2, "the third episode")
        assert (ends[1].episode, ends[1].status, ends[1].truncated) == (2, "Route replaced", True)
        last = [o for o in observations if o.episode == 2][-1]
        assert ends[1].header.stamp == last.header.stamp
        assert ends[1].route_completion == pytest.approx(100.0 * last.route_progress / last.route_length, rel=1e-5)

        # A route elsewhere is named in /diagnostics and begins nothing.
        bridge.publish_route(Route(whole.points + 10_000.0, whole.yaw))
        bridge.drive(5, (0.0, 0.0, 1.0))
        assert len(starts) == 3 and len(ends) == 3
    finally:
        bridge.close()
        perception.end()


def test_a_stack_with_its_own_bridge_and_topic_names_is_trained_in(tmp_path, domain, server, peer):
    """Two rounds. The stack places its vehicle and publishes routes; nobody gives or takes orders."""
    rounds, decisions = 2, 12
    params = params_file(
        tmp_path / "params.yaml",
        trainer={"rounds": rounds, "decisions": decisions, "epochs": 1, "minibatch_size": 8, "learning_rate": 1e-3},
    )
    run = tmp_path / "run"
    craft = Process(
        *("craft_nodes.cli", "train", "--world", "external", "--params-file", params, "--run-dir", run),
        *("--remap", "carla/hero/odometry:=/localization/odometry"),
        log=tmp_path / "craft.log",
        domain=domain,
        env=LOOPBACK,
    )
    bridge = BridgePlayer(domain, server.port, odometry="/localization/odometry")
    try:
        bridge.wait_for_listeners(2)
        for number, spec in enumerate(load_suite("training")):
            if not craft.running:
                break
            bridge.publish_route(bridge.place(spec, seed=number))
            bridge.drive(100, going=lambda: craft.running)
        assert craft.wait(30.0) == 0, craft.output
        assert bridge.node.count_publishers("/" + topics.PHASE_STATUS) == 0
        assert bridge.controls > 5 * decisions * rounds  # every frame of every decision had its command
    finally:
        bridge.close()
        craft.end()

    summary = json.loads((run / "summary.json").read_text())
    assert summary["before"] is None and summary["after"] is None  # nobody drove held-out routes
    assert (summary["world"], summary["rounds"]) == ("carla", rounds)
    assert summary["transitions"] >= rounds * decisions
    first, last = (run / "weights" / f"{version}.safetensors" for version in (0, rounds))
    assert first.read_bytes() != last.read_bytes()
    assert not peer.messages[topics.PHASE]
    assert {start.suite for start in peer.messages[topics.EPISODE_START]} == {"external"}
    assert not (run / "figures/before_after.png").exists() and list((run / "figures").glob("*.png"))
