"""Fine-tuning around the real simulator, in one process: learns, repeats itself bit for bit, and resumes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import carla_light
from craft.counterfactual import CounterfactualWorld
from craft.evaluation.records import read_records
from craft.policies import load_policy
from craft.training import LearnerConfig
from craft.training.fine_tuning import FineTuning, FineTuningConfig
from craft.training.run_folder import RunFolder
from craft.world.closed_loop import ClosedLoop
from craft.world.in_process import InProcessRollouts
from craft.world.routes import load_suite
from craft.world.simulation import Simulation, WorldConfig

CONFIG = FineTuningConfig(
    decisions=40,
    evaluation_episodes=1,
    seed=3,
    learner=LearnerConfig(rounds=2, epochs=2, minibatch_size=20, seed=3),
)


class Silent:
    def step(self, name):
        return lambda done, total: None

    def finished(self, units):
        pass

    def line(self, text):
        pass


class Killed(Exception):
    """Stands for whatever ends a run in the middle of a round."""


class DiesInRound(InProcessRollouts):
    """The closed loop that does not survive the driving of a round."""

    fatal = 2

    def finish_collecting(self, on_progress):
        self.fatal -= 1
        if self.fatal == 0:
            raise Killed
        return super().finish_collecting(on_progress)


def fine_tune(server_port: int, path: Path, rollouts_type=InProcessRollouts, config=CONFIG) -> dict:
    torch.set_num_threads(1)
    policy = load_policy("vocabulary")
    simulation = Simulation(WorldConfig(port=server_port, background_vehicles=4))
    try:
        suites = {name: load_suite(name)[:6] for name in ("training", "held_out")}
        rollouts = rollouts_type(ClosedLoop(simulation), policy, CounterfactualWorld(threads=1), suites, config.seed)
        folder = RunFolder(path)
        try:
            return FineTuning(policy, config, folder, rollouts, Silent()).run("carla_light", {"seed": config.seed})
        finally:
            folder.close()
    finally:
        simulation.close()


@pytest.fixture(scope="module")
def own_server():
    """Not the session's: two simulations on one server would tick each other's world."""
    with carla_light.Server() as server:
        yield server


@pytest.fixture(scope="module")
def first_run(tmp_path_factory, own_server):
    path = tmp_path_factory.mktemp("runs") / "first"
    return path, fine_tune(own_server.port, path)


def weights(path: Path) -> list[bytes]:
    return [(path / "weights" / f"{version}.safetensors").read_bytes() for version in range(3)]


def test_a_run_leaves_everything_behind(first_run):
    path, summary = first_run
    assert summary["rounds"] == 2
    assert summary["transitions"] == 2 * CONFIG.decisions
    assert len(set(weights(path))) == 3, "each round changed the weights"
    rows = RunFolder(path).read_metrics()
    assert [row["round"] for row in rows] == [1, 2]
    assert all(row["transitions"] == CONFIG.decisions for row in rows)
    assert summary["before"]["episodes"] == summary["after"]["episodes"] == 1
    fine_tuned = load_policy(path / "policy")
    assert fine_tuned.trainable_bytes() == weights(path)[-1], "a checkpoint to evaluate, and to start from"
    (before,) = read_records(path / "evaluations" / "before.jsonl")
    (after,) = read_records(path / "evaluations" / "after.jsonl")
    assert (before.route_id, before.seed, before.scenario) == (after.route_id, after.seed, after.scenario)
    assert before.scenario, "an episode knows its scenario"


def test_the_same_seed_gives_the_same_weights_bit_for_bit(first_run, own_server, tmp_path):
    fine_tune(own_server.port, tmp_path / "second")
    assert weights(tmp_path / "second") == weights(first_run[0])


def test_another_seed_gives_other_weights(first_run, own_server, tmp_path):
    config = replace(CONFIG, seed=4, learner=replace(CONFIG.learner, seed=4, rounds=1))
    fine_tune(own_server.port, tmp_path / "other", config=config)
    assert (tmp_path / "other/weights/1.safetensors").read_bytes() != weights(first_run[0])[1]


def test_a_run_that_died_goes_on_to_the_same_weights(first_run, own_server, tmp_path):
    path = tmp_path / "third"
    with pytest.raises(Killed):
        fine_tune(own_server.port, path, DiesInRound)
    assert not (path / "summary.json").exists()
    fine_tune(own_server.port, path)
    assert weights(path) == weights(first_run[0])
