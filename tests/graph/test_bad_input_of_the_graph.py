"""What a user can do wrong: each ends with one clear message that names the thing and the cure, and no traceback."""

import socket
import time

import pytest
import yaml

from craft.policies.registry import SHIPPED_CHECKPOINTS
from craft_nodes.cli.environment import free_domain
from graph_processes import Process, Server, node


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ends(process, code=2, timeout_s=90.0):
    """The output of a process that must end with this code."""
    try:
        assert process.wait(timeout_s) == code, process.output
    finally:
        process.end()
    assert "Traceback" not in process.output, process.output
    return process.output


def last_line(text):
    return text.strip().splitlines()[-1]


def damaged_checkpoint(folder):
    folder /= "damaged"
    folder.mkdir()
    for path in (SHIPPED_CHECKPOINTS / "vocabulary").iterdir():
        data = bytearray(path.read_bytes())
        if path.name == "trainable.safetensors":
            data[-3] ^= 0xFF
        (folder / path.name).write_bytes(bytes(data))
    return str(folder)


def train(tmp_path, *arguments):
    command = ("train", "--run-dir", tmp_path / "run", *arguments)
    return Process("craft_nodes.cli", *command, log=tmp_path / "train.log", domain=free_domain())


def test_an_unreachable_server(tmp_path):
    port = closed_port()
    output = ends(train(tmp_path, "--world", "carla", "--port", port), code=1)
    assert str(port) in last_line(output) and "server" in last_line(output)
    assert not list((tmp_path / "run").rglob("*.safetensors"))


def test_a_missing_checkpoint(tmp_path):
    output = ends(train(tmp_path, "--checkpoint", tmp_path / "nowhere"), code=1)
    assert str(tmp_path / "nowhere") in last_line(output)


def test_a_params_file_with_an_unknown_parameter(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"/**/trainer": {"ros__parameters": {"lerning_rate": 1.0e-3}}}))
    output = ends(train(tmp_path, "--params-file", path))
    assert "'lerning_rate'" in last_line(output) and "learning_rate" in last_line(output)


# name of the node, its parameters, words of the message
ALONE = {
    "corrupt checkpoint": ("policy", lambda folder: {"checkpoint": damaged_checkpoint(folder)}, ("trainable",)),
    "out of range": ("trainer", lambda folder: {"learning_rate": -1.0}, ("learning_rate", "-1.0")),
    "wrong type": ("trainer", lambda folder: {"rounds": "many"}, ("rounds", "many")),
    "bounded": ("policy", lambda folder: {"threads": 0}, ("threads", "[1, 256]")),
    "choice": ("evaluator", lambda folder: {"suite": "all"}, ("suite", "held_out, training")),
    "unknown": ("perception", lambda folder: {"half_lenght": 2.0}, ("half_lenght", "half_length")),
    "unknown suite": ("world", lambda folder: {"training_routes": "elsewhere"}, ("elsewhere",)),
    "no routes": ("world", lambda folder: {"training_routes": no_routes(folder)}, ("no_routes", "at least one")),
    "no route file": ("world", lambda folder: {"held_out_routes": str(folder / "gone.json")}, ("gone.json",)),
}  # fmt: skip


def no_routes(folder):
    path = folder / "no_routes.json"
    path.write_text("[]")
    return str(path)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Runs all nodes that cannot start, two at a time: most of the time they import."""
    running, done, waiting = {}, {}, dict(ALONE)
    while waiting or running:
        while waiting and len(running) < 2:
            name, (executable, parameters, _) = waiting.popitem()
            folder = tmp_path_factory.mktemp(executable)
            running[name] = node(executable, folder / "node.log", free_domain(), parameters(folder))
        for name, process in list(running.items()):
            if not process.running:
                done[name] = running.pop(name)
        time.sleep(0.05)
    return done


@pytest.mark.parametrize("name", ALONE)
def test_a_node_that_cannot_start_says_why(outputs, name):
    output = ends(outputs[name])
    assert len(output.strip().splitlines()) == 1
    for word in ALONE[name][2]:
        assert word in output


def test_a_malformed_opendrive_file_as_town(tmp_path):
    town = tmp_path / "broken.xodr"
    town.write_text("<OpenDRIVE><road id='1'")
    domain = free_domain()
    server = Server(tmp_path / "server.log", domain)
    try:
        output = ends(node("world", tmp_path / "world.log", domain, {"port": server.port, "town": str(town)}))
        assert "broken.xodr" in last_line(output)
        assert server.process.running
    finally:
        server.end()
