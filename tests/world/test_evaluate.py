"""An evaluation in process: the same files whatever happens to it, and its crashes named."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import carla_light
from craft.counterfactual import CounterfactualWorld
from craft.evaluation.bench2drive_results import read_results
from craft.evaluation.quirks import Quirks
from craft.evaluation.records import read_records
from craft.policies import load_policy
from craft.training.rollouts import EvaluationOrder
from craft.world.closed_loop import ClosedLoop
from craft.world.evaluate import EvaluateConfig, evaluate, plan
from craft.world.evaluation_results import RESULTS, Results, route_numbers
from craft.world.in_process import InProcessRollouts
from craft.world.routes import dump_suite, load_suite
from craft.world.simulation import Simulation, WorldConfig
from craft.world.worker_pool import JobFailure
from lost_servers import AlwaysLosesItsServer, LosesItsServer

IDS = ("held_out-StaticCutIn-1", "held_out-InvadingTurn-1", "held_out-DynamicObjectCrossing-1")


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """A file with three short routes."""
    path = tmp_path_factory.mktemp("suite") / "three.json"
    path.write_text(dump_suite([spec for spec in load_suite("held_out") if spec.id in IDS]))
    return str(path)


@pytest.fixture(scope="module")
def alone(suite, tmp_path_factory):
    """The evaluation with one worker: its configuration, measures and folder."""
    config = EvaluateConfig(suite=suite, seed=7, workers=1, output=tmp_path_factory.mktemp("alone") / "run")
    return config, evaluate(config)[0]


def files(folder):
    """Everything that an evaluation leaves but its log."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "log" not in path.relative_to(folder).parts
    }


def test_everything_is_measured_and_written(alone):
    config, measures = alone
    assert {"driving_score", "success_rate", "ability_mean", "efficiency", "comfort"} <= set(measures)
    content = json.loads((config.output / "evaluation.json").read_text())
    assert content["world"] == "carla_light" and content["episodes"] == 3 and content["crashed"] == []
    assert content["measures"]["driving_score"]["value"] == pytest.approx(content["driving_score"])
    records = read_results(config.output / RESULTS)
    judged = read_records(config.output / "episodes.jsonl")
    assert [r["scores"]["score_composed"] for r in records] == pytest.approx(
        [r.driving_score for r in judged], abs=1e-6
    )
    for record, episode in zip(records, judged, strict=True):
        info = json.loads((config.output / "metrics" / record["save_name"] / "metric_info.json").read_text())
        # Frame 0 and one frame every 0.1 s.
        assert len(info) == int(round(episode.duration_s / 0.05) // 2) + 1
        places = np.array([row["location"] for row in info.values()])
        driven = np.hypot(*np.diff(places[:, :2], axis=0).T).sum()
        assert driven == pytest.approx(episode.driven_m, abs=2.0)


def test_two_workers_a_lost_server_and_a_cut_file_give_the_same_bytes(alone, tmp_path, monkeypatch):
    config, _ = alone
    monkeypatch.setenv("FRAIL_FOLDER", str(tmp_path))
    said = []
    again = replace(config, output=tmp_path / "again", workers=2)
    shutil.copytree(config.output, again.output)
    path = again.output / RESULTS
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"RouteScenario_2_rep0_")])  # in the midst of the second record
    shutil.rmtree(again.output / "metrics" / read_results(config.output / RESULTS)[2]["save_name"])
    (again.output / "evaluation.json").unlink()
    assert len(read_results(path)) == 1
    evaluate(again, say=said.append, worker=LosesItsServer)
    assert len(said) == 1 and "episode 2" in said[0] and "driven again" in said[0]
    assert files(again.output) == files(config.output)


def test_a_route_that_crashes_twice_counts_as_zero_and_is_named(alone, tmp_path, monkeypatch):
    config, measures = alone
    monkeypatch.setenv("FRAIL_FOLDER", str(tmp_path))
    said = []
    frail = replace(config, output=tmp_path / "frail", episodes=2)
    found, results = evaluate(frail, say=said.append, worker=AlwaysLosesItsServer)
    assert found["driving_score"].episodes == 2
    scores = [record["scores"]["score_composed"] for record in results.records]
    assert scores[1] == 0.0 and found["driving_score"].value == pytest.approx(scores[0] / 2)
    content = json.loads((frail.output / "evaluation.json").read_text())
    name = plan(load_suite(config.suite), config)[1].spec.id
    assert content["crashed"] == [[name, 0, "Failed - Simulation crashed"]]
    assert "counts as 0" in said[-1] and name in said[-1]
    assert json.loads((frail.output / RESULTS).read_text())["entry_status"] == "Crashed"


@pytest.mark.parametrize(
    ("kind", "status"), [("agent", "Failed - Agent crashed"), ("crashed", "Failed - Simulation crashed")]
)
def test_a_failure_of_the_policy_is_told_from_one_of_the_world(kind, status, alone, tmp_path):
    config, _ = alone
    jobs = plan(load_suite(config.suite), config)[:1]
    results = Results(tmp_path, jobs, {jobs[0].spec.id: "1"}, Quirks.NONE)
    results.add(JobFailure(kind, "a reason"))
    assert [record["status"] for record in read_results(tmp_path / RESULTS)] == [status]
    (measures,) = results.measures()
    assert (measures.driving_score, measures.success, measures.comfort) == (0.0, False, None)
    assert read_records(tmp_path / "episodes.jsonl")[0].status == status


def test_its_episodes_are_those_of_fine_tuning(alone):
    """The records of `InProcessRollouts.evaluate`, which decides as the graph does."""
    config, _ = alone
    with carla_light.Server() as server:
        simulation = Simulation(WorldConfig(port=server.port))
        suites = {"held_out": load_suite(config.suite)}
        loop, policy = ClosedLoop(simulation), load_policy("vocabulary")
        rollouts = InProcessRollouts(loop, policy, CounterfactualWorld(threads=1), suites, 0)
        driven = rollouts.evaluate(EvaluationOrder("held_out", 0, config.seed, 1), lambda done, total: None)
        simulation.close()
    assert list(driven.records) == read_records(config.output / "episodes.jsonl")


def test_a_folder_of_another_evaluation_is_refused(alone):
    config, _ = alone
    with pytest.raises(ValueError, match="other settings"):
        evaluate(replace(config, seed=8))


def test_repetitions_have_seeds_of_their_own():
    routes = load_suite("held_out")
    once = plan(routes, EvaluateConfig(seed=5))
    thrice = plan(routes, EvaluateConfig(seed=5, repetitions=3))
    assert len(once) == len(routes) and thrice[: len(once)] == once
    assert [job.number for job in thrice] == list(range(1, 1 + 3 * len(routes)))
    assert [job.repetition for job in thrice] == [k for k in range(3) for _ in routes]
    assert len({job.seed for job in thrice}) == len(thrice)
    other = plan(routes, EvaluateConfig(seed=6, repetitions=3))
    assert not {job.seed for job in other} & {job.seed for job in thrice}
    assert [job.repetition for job in plan(routes, EvaluateConfig(episodes=len(routes) + 1))][-1] == 1


def test_bench2drives_numbers_stay_and_other_names_get_one():
    routes = load_suite("held_out")[:3]
    assert list(route_numbers(routes).values()) == ["1", "2", "3"]
    numbered = [replace(spec, id=str(2000 + k)) for k, spec in enumerate(routes)]
    assert route_numbers(numbered) == {"2000": "2000", "2001": "2001", "2002": "2002"}


@pytest.mark.parametrize("bad", [{"episodes": -1}, {"repetitions": 0}, {"workers": 0}, {"limit_s": 0.0}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        EvaluateConfig(**bad)
