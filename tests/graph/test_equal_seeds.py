"""Strict mode, one worker: a run is a function of its seed, wherever its topics are and however often it was killed."""

import os
import signal

import pytest

from craft_nodes import topics
from craft_nodes.cli.environment import free_domain
from graph_processes import descendants
from graph_recorder import CRAFT_TOPICS, Peer
from graph_training import ROUNDS, train


def weights_of(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "weights").glob("*.safetensors"))}


def all_gone(pids):
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@pytest.fixture(scope="module")
def in_namespace(small_params, tmp_path_factory):
    """The very run of `trained` once more, with all topics in a namespace."""
    domain, folder = free_domain(), tmp_path_factory.mktemp("namespace") / "run"
    heard = Peer(domain, CRAFT_TOPICS, namespace="/fleet/car_3")
    process = train(small_params, folder, domain, "--namespace", "fleet/car_3")
    try:
        known = heard.wait(lambda: heard.messages[topics.OBSERVATION] and heard.topic_names(), "the first frame", 120.0)
        code = process.wait(240.0)
    finally:
        process.end()
        heard.close()
    assert code == 0, process.output
    return folder, heard, known


def test_two_runs_with_one_seed_give_the_same_weights_bit_for_bit(trained, in_namespace):
    folder, _, _ = in_namespace
    assert len(weights_of(trained.folder)) == ROUNDS + 1
    assert weights_of(folder) == weights_of(trained.folder)


def test_two_runs_with_one_seed_see_the_same_frames(trained, in_namespace):
    """Names the first frame and field that differ, which equal weights alone would not."""
    _, heard, _ = in_namespace
    pairs = zip(heard.messages[topics.OBSERVATION], trained.heard.messages[topics.OBSERVATION], strict=True)
    for here, there in pairs:
        for field in here.get_fields_and_field_types():
            assert_equal(getattr(here, field), getattr(there, field), f"episode {here.episode} {here.frame} {field}")


def assert_equal(here, there, name):
    same = here == there if not hasattr(here, "tolist") else here.tolist() == there.tolist()
    assert same, name


def test_a_namespace_moves_all_topics_but_the_global_ones(in_namespace):
    _, heard, known = in_namespace
    moved = [name for name in known if name.startswith("/fleet/car_3/")]
    assert {"/fleet/car_3/craft/observation", "/fleet/car_3/carla/hero/odometry"} <= set(moved)
    own = [name for name in known if "craft/" in name or "carla/" in name]
    assert sorted(own) == sorted(name for name in moved if "craft/" in name or "carla/" in name)
    assert {"/clock", "/diagnostics"} <= set(known)
    for node in ("world", "perception", "policy", "counterfactual", "event_monitor", "trainer"):
        assert heard.diagnostics(f"/fleet/car_3/{node}"), node


def wait_for_round_2(heard, process):
    """Some decisions of the second round were driven."""
    seen = len(heard.messages[topics.DECISION])

    def second_round():
        assert process.running, process.output
        return sum(d.policy_version == 1 for d in heard.messages[topics.DECISION][seen:]) >= 8

    heard.wait(second_round, "decisions with version 1", 120.0)


def test_a_run_killed_twice_in_round_2_and_resumed_ends_with_the_same_weights(trained, small_params, tmp_path):
    """First the trainer alone is killed, then everything with the launcher."""
    folder, domain = tmp_path / "run", free_domain()
    expected = weights_of(trained.folder)
    heard = Peer(domain, CRAFT_TOPICS)
    process = train(small_params, folder, domain)
    try:
        wait_for_round_2(heard, process)
        trainer = next(pid for pid in descendants(process.pid) if b"trainer_node" in command_line(pid))
        others = descendants(process.pid)
        os.kill(trainer, signal.SIGKILL)
        assert process.wait(60.0) != 0
        assert "trainer was ended by SIGKILL" in process.output
        assert all_gone(others)
        assert weights_of(folder) == {name: expected[name] for name in ("0.safetensors", "1.safetensors")}

        process = train(small_params, folder, domain)
        wait_for_round_2(heard, process)
        assert "after round 1 of 2" in process.output
        others = descendants(process.pid)
        names = {pid: command_line(pid) for pid in others}
        process.kill()
        try:
            heard.wait(lambda: all_gone(others), "the nodes to follow their launcher", 30.0)
        except TimeoutError:
            pytest.fail(f"not ended with the launcher: {[names[pid] for pid in others if not all_gone([pid])]}")

        process = train(small_params, folder, domain)
        assert process.wait(240.0) == 0, process.output
    finally:
        process.end()
        heard.close()
    assert weights_of(folder) == expected
    partial = [p for p in folder.rglob("*") if p.name.startswith(".") or p.suffix in (".tmp", ".part")]
    assert partial == []
    rows = (folder / "metrics.jsonl").read_text().splitlines()
    assert len(rows) == ROUNDS


def command_line(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()
