"""The graph and the loop in one process are the same experiment: equal seeds give equal weights, bit for bit."""

import dataclasses

import numpy as np
import pytest
import torch

from craft.counterfactual import CounterfactualWorld
from craft.evaluation.records import read_records
from craft.policies import load_policy
from craft.training import LearnerConfig
from craft.training.console import RunConsole
from craft.training.fine_tuning import FineTuning, FineTuningConfig
from craft.training.run_folder import RunFolder
from craft.world.closed_loop import ClosedLoop
from craft.world.in_process import InProcessRollouts
from craft.world.routes import load_suite
from craft.world.simulation import Simulation, WorldConfig
from craft_nodes.cli.environment import free_domain
from graph_processes import Server
from graph_training import ROUNDS, TRAINER


@pytest.fixture
def alone(tmp_path):
    """The run of `trained` without DDS; returns its folder."""
    names = {field.name for field in dataclasses.fields(LearnerConfig)}
    learner = LearnerConfig(**{k: v for k, v in TRAINER.items() if k in names})
    config = FineTuningConfig(**{k: v for k, v in TRAINER.items() if k not in names or k == "seed"}, learner=learner)
    server = Server(tmp_path / "server.log", free_domain())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the policy node
    try:
        simulation = Simulation(WorldConfig(port=server.port))
        policy = load_policy("vocabulary")
        suites = {name: load_suite(name) for name in ("training", "held_out")}
        world = CounterfactualWorld(threads=1)
        rollouts = InProcessRollouts(ClosedLoop(simulation), policy, world, suites, config.seed)
        folder = RunFolder(tmp_path / "run")
        FineTuning(policy, config, folder, rollouts, RunConsole(ROUNDS + 2)).run("carla_light", {})
        folder.close()
        simulation.close()
    finally:
        torch.set_num_threads(threads)
        server.end()
    return folder.path


def outcome(record):
    """What an episode came to, with its numbers in the float32 of the graph's messages."""
    numbers = (record.driving_score, record.route_completion, record.driven_m, record.duration_s)
    return (record.route_id, record.seed, record.status, record.events, *map(np.float32, numbers))


def test_one_process_and_seven_give_the_same_weights(trained, alone):
    for version in range(ROUNDS + 1):
        name = f"weights/{version}.safetensors"
        assert (alone / name).read_bytes() == (trained.folder / name).read_bytes(), name
    for name in ("evaluations/before.jsonl", "evaluations/after.jsonl"):
        ours, theirs = (read_records(folder / name) for folder in (alone, trained.folder))
        assert list(map(outcome, ours)) == list(map(outcome, theirs)), name
