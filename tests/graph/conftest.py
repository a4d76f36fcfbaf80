"""One training run of the whole graph, shared by the tests of this folder; DDS stays on the loopback interface."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from craft_nodes import topics
from craft_nodes.cli.environment import dds_environment, free_domain
from graph_processes import ROOT, descendants, params_file
from graph_recorder import CRAFT_TOPICS, Peer
from graph_training import TRAINER, train


@pytest.fixture(scope="session", autouse=True)
def loopback():
    """DDS as `craft` runs it: over loopback, nothing in /dev/shm."""
    chosen = dds_environment({"ROS_DOMAIN_ID": "1"}, ROOT / "config/fastdds_loopback.xml")
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name)
        else:
            os.environ[name] = value


@pytest.fixture
def domain():
    """A ROS domain that nobody uses."""
    return free_domain()


@dataclass
class Trained:
    """A finished training run.

    Attributes:
        folder: Its folder.
        code: Exit code.
        output: What the user saw.
        heard: Peer that recorded all topics of CRAFT.
        shared_memory: Segments of DDS in /dev/shm that a process of the run had mapped while it drove.
    """

    folder: Path
    code: int
    output: str
    heard: Peer
    shared_memory: set[str]


@pytest.fixture(scope="session")
def small_params(tmp_path_factory):
    """config/craft.yaml for two small rounds."""
    return params_file(tmp_path_factory.mktemp("params") / "small.yaml", trainer=TRAINER, policy={"seed": 7})


@pytest.fixture(scope="session")
def trained(small_params, tmp_path_factory):
    """Two rounds, driven and learnt by the whole graph."""
    domain, folder = free_domain(), tmp_path_factory.mktemp("trained") / "run"
    heard = Peer(domain, CRAFT_TOPICS)
    process = train(small_params, folder, domain)
    try:
        heard.wait(lambda: heard.messages[topics.DECISION], "the first decision", 120.0)
        mapped = {line.split()[-1] for pid in descendants(process.pid) for line in maps_of(pid)}
        code = process.wait(240.0)
    finally:
        process.end()
        heard.close()
    return Trained(folder, code, process.output, heard, {m for m in mapped if "/dev/shm/" in m and "fast" in m})


def maps_of(pid):
    """Lines of /proc/<pid>/maps."""
    return Path(f"/proc/{pid}/maps").read_text().splitlines()
