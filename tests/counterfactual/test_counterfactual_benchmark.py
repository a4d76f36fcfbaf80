"""The benchmark of the counterfactual world: what it reports, and its stages; speed itself is never asserted."""

import json
import math

import numpy as np
import pytest

from craft.counterfactual import CounterfactualConfig, CounterfactualWorld, kernel
from craft.counterfactual.benchmark import breakdown, clock, measure, scenes
from craft.counterfactual.benchmark.report import report
from craft.counterfactual.benchmark.scaling import scaling
from craft.counterfactual.benchmark.stages import STAGES, new_rollouts
from craft.counterfactual.surface import build_surface
from craft.scene.candidates import Candidates
from craft.vehicle.tracking import TrackingConfig
from craft_nodes.cli import bench_counterfactual

WORLD = CounterfactualWorld(CounterfactualConfig(steps=20), threads=1)


@pytest.fixture(scope="module")
def small():
    return report(candidates=16, steps=5, agents=3, states=2, repeats=1, buffer_states=4)


def test_the_measurement_says_what_was_measured():
    result = measure(candidates=16, steps=5, agents=3, states=2, repeats=1)
    assert (result.candidates, result.steps, result.agents, result.states) == (16, 5, 3, 2)
    assert result.candidates_per_s == pytest.approx(32 / result.seconds)
    assert result.milliseconds_per_state == pytest.approx(500.0 * result.seconds)
    assert result.cpu_candidates_per_s == pytest.approx(32 / result.cpu_seconds)
    assert 10.0 < result.peak_memory_mb < 1e5 and 0.0 <= result.collided <= 1.0


def test_one_call_measures_one_core_all_cores_and_a_buffer(small):
    assert small.one_core.threads == 1 and small.all_cores.threads == small.buffer.threads == small.cores
    assert small.one_core.states == small.all_cores.states == 2 and small.buffer.states == 4
    assert small.speed_up == pytest.approx(small.one_core.seconds / small.all_cores.seconds)
    assert small.one_core.collided == small.all_cores.collided


def test_the_shares_of_the_stages_sum_to_one(small):
    stages = small.breakdown.stages
    assert {stage.name for stage in stages} == {*STAGES, "set-up"} - {"tables"}
    assert math.isclose(sum(stage.share for stage in stages), 1.0)
    assert all(stage.cpu_microseconds_per_state >= 0.0 for stage in stages)
    assert [stage.share for stage in stages] == sorted((stage.share for stage in stages), reverse=True)
    assert 0.0 < small.breakdown.steps_simulated <= 1.0


def test_the_stages_together_do_what_the_kernel_does():
    states, steps = 3, WORLD.config.steps
    scene, group = scenes.benchmark_scene(states, 20), scenes.benchmark_candidates(64)
    rollouts, surface = new_rollouts(scene, group, steps), build_surface(scene.road, WORLD.config.surface_margin_m)
    for _ in range(2):  # running a stage again leaves the same record
        for stage in STAGES.values():
            stage(rollouts, surface, WORLD.config.numbers, WORLD.tracking.gains)
    result = WORLD.evaluate(scene, group)
    assert 0 < result.collision.sum() < result.collision.numel()
    assert result.collision.numpy()[rollouts.lengths < steps].all()
    assert (rollouts.lengths[~result.collision.numpy()] == steps).all()
    assert np.array_equal(rollouts.results[..., 0] > 0.0, result.off_road.numpy())
    assert np.array_equal(rollouts.results[..., 2] > 0.0, (result.red_light | result.stop_sign).numpy())
    advance = np.diff(rollouts.places[..., 0], axis=-1).clip(0.0, WORLD.config.max_progress_m)
    simulated = np.arange(1, steps + 1) <= rollouts.lengths[..., None]
    assert np.allclose(np.where(simulated, advance, 0.0).sum(-1), result.progress_m.numpy(), atol=1e-5)


def test_the_scaling_table_has_every_quantity_and_its_ratio():
    rows = scaling(candidates=4, steps=3, agents=0, repeats=1)
    counts = {}
    for row in rows:
        counts.setdefault(row.quantity, []).append(row.count)
    assert counts.pop("polygons of the map") == counts.pop("polygons, once for each map") == [1200, 4800, 19200]
    assert counts == {
        "candidates": [4, 8, 16],
        "steps": [3, 6, 12],
        "agents in reach": [1, 2, 4],
        "agents out of reach": [1, 2, 4],
    }
    for row in rows:
        first = next(other for other in rows if other.quantity == row.quantity)
        assert row.growth == pytest.approx(row.cpu_microseconds / first.cpu_microseconds)
        assert row.ratio_to_linear == pytest.approx(row.growth * first.count / row.count)


def test_nothing_ends_a_rollout_of_the_scaling_table_early():
    group = scenes.benchmark_candidates(64)
    world = CounterfactualWorld(CounterfactualConfig(steps=80), threads=1)
    assert not world.evaluate(scenes.scene_without_contacts(1, 5, 5), group).collision.any()
    # the agents count as within reach, those far away do not
    for agents, out_of_reach, kept in ((5, 0, 5), (0, 5, 0)):
        scene = scenes.scene_without_contacts(1, agents, out_of_reach)
        rollouts = new_rollouts(scene, group, 5)
        numbers = CounterfactualConfig(steps=5).numbers
        STAGES["agents' rollouts"](rollouts, build_surface(scene.road, 0.05), numbers, world.tracking.gains)
        assert rollouts.counts[0, 0] == kept


def test_times_are_the_best_of_all_turns():
    turns = []
    ((wall, cpu), other) = clock.best_times([lambda: turns.append("a"), lambda: turns.append("b")], 2)
    assert turns == ["a", "b", "a", "b"]
    assert 0.0 <= wall < 1.0 and 0.0 <= cpu < 1.0 and len(other) == 2


@pytest.fixture
def quick(monkeypatch, small):
    asked = []
    monkeypatch.setattr(bench_counterfactual, "report", lambda *sizes: asked.append(sizes) or small)
    return asked


def test_json_on_the_command_line(quick, capsys):
    assert bench_counterfactual.main(["--candidates=16", "--steps=5", "--agents=3", "--states=2", "--json"]) == 0
    assert quick == [(16, 5, 3, 2)]
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {
        "cores", "one_core", "all_cores", "speed_up", "cpu_speed_up", "buffer", "breakdown", "scaling",
    }  # fmt: skip
    for name in ("one_core", "all_cores", "buffer"):
        assert {"candidates_per_s", "milliseconds_per_state", "peak_memory_mb", "threads"} <= set(result[name])
    assert {"name", "share", "cpu_microseconds_per_state"} == set(result["breakdown"]["stages"][0])
    assert {"quantity", "count", "cpu_microseconds", "growth", "ratio_to_linear"} == set(result["scaling"][0])


def test_tables_on_the_command_line(quick, capsys):
    assert bench_counterfactual.main([]) == 0
    assert quick == [(512, 20, 20, 8)]  # the paper's setting
    printed = capsys.readouterr().out
    for text in (
        "16 candidates x 5 steps x 3 agents",
        "tracking and vehicle response",
        "agents out of reach",
        "linear",
    ):
        assert text in printed


@pytest.mark.parametrize("arguments", ["--candidates 0", "--steps 0", "--agents -1", "--states 0"])
def test_bad_sizes_are_refused_in_one_line(quick, capsys, arguments):
    with pytest.raises(SystemExit) as exit_:
        bench_counterfactual.main(arguments.split())
    assert exit_.value.code == 2 and not quick
    last = capsys.readouterr().err.strip().splitlines()[-1]
    name, value = arguments.split()
    assert name in last and value in last and "at least" in last


def test_one_compilation_serves_every_input():
    many, alone = scenes.benchmark_candidates(4), scenes.benchmark_scene(1, 0)
    own = Candidates(many.trajectories.expand(2, -1, -1, -1), many.valid.expand(2, -1))
    for threads in (1, 2):
        for world in (
            CounterfactualWorld(threads=threads),
            CounterfactualWorld(CounterfactualConfig(gamma=1, hold_s=1), TrackingConfig(turn_p=1), threads),
        ):
            world.evaluate(alone, many)
            world.evaluate(scenes.benchmark_scene(2, 3), own)
    assert len(kernel.evaluate_state.signatures) == 1


@pytest.mark.parametrize("steps", [20, 40])
def test_speed_of_512_candidates(benchmark, steps):
    world = CounterfactualWorld(CounterfactualConfig(steps=steps), threads=1)
    scene, group = scenes.benchmark_scene(2, 20), scenes.benchmark_candidates(512)
    assert benchmark(world.evaluate, scene, group).returns.shape == (2, 512)


@pytest.mark.parametrize("name", STAGES)
def test_speed_of_each_stage(benchmark, name):
    scene, group = scenes.benchmark_scene(2, 20), scenes.benchmark_candidates(512)
    rollouts, surface = new_rollouts(scene, group, 20), build_surface(scene.road, WORLD.config.surface_margin_m)
    arguments = rollouts, surface, WORLD.config.numbers, WORLD.tracking.gains
    for stage in STAGES.values():
        stage(*arguments)
    benchmark(STAGES[name], *arguments)


def test_the_breakdown_uses_few_states(monkeypatch):
    monkeypatch.setattr(breakdown, "MAX_STATES", 1)
    assert breakdown.break_down(4, 2, 1, states=100, repeats=1).stages
