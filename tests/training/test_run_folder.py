"""The folder of a run, its figures, and the time left."""

import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from craft.training import TimeLeft, Weights
from craft.training.figures import draw_before_after, draw_learning_curves
from craft.training.run_folder import RunFolder

SCORES = {
    "episodes": 24,
    "driving_score": 60.0,
    "route_completion": 90.0,
    "infraction_score": 0.7,
    "success_rate": 40.0,
    "infractions_per_km": 2.5,
}
SUMMARY = {
    "method": "craft",
    "family": "vocabulary",
    "world": "carla_light",
    "seed": 0,
    "rounds": 8,
    "transitions": 4096,
    "real_time_factor": 6.5,
    "weights_sha256": "ab" * 32,
    "before": SCORES,
    "after": SCORES | {"driving_score": 70.0},
}


@pytest.fixture
def run(tmp_path):
    run = RunFolder(tmp_path / "runs" / "first")
    yield run
    run.close()


def test_the_configuration_comes_back(run):
    config = {"seed": 1, "learner": {"rounds": 8, "learning_rate": 1e-4}, "family": "vocabulary"}
    run.write_config(config)
    assert run.read_config() == config


@pytest.mark.parametrize("text", ["a: [", "just words", ""])
def test_a_damaged_configuration_is_named(run, text):
    (run.path / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match="config.yaml"):
        run.read_config()


def test_a_folder_without_configuration_is_no_run(run):
    with pytest.raises(ValueError, match="is not the folder of a run"):
        run.read_config()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(ValueError, match="is a file, not the folder of a run"):
        RunFolder(tmp_path / "x")


def test_metrics_are_appended_line_by_line(run):
    run.append_metrics(1, {"loss": 0.5})
    run.append_metrics(2, {"loss": 0.25, "alignment_pearson": -0.5})
    assert run.read_metrics() == [
        {"round": 1, "loss": 0.5},
        {"round": 2, "loss": 0.25, "alignment_pearson": -0.5},
    ]
    board = EventAccumulator(str(run.path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in board.Scalars("loss")] == [(1, 0.5), (2, 0.25)]


def test_a_torn_last_line_is_passed_over_and_replaced(run):
    run.append_metrics(1, {"loss": 0.5})
    with open(run.path / "metrics.jsonl", "a") as file:
        file.write('{"round": 2, "lo')
    run.close()
    again = RunFolder(run.path)
    assert [row["round"] for row in again.read_metrics()] == [1]
    again.append_metrics(2, {"loss": 0.25})
    again.close()
    assert [json.loads(line)["round"] for line in (run.path / "metrics.jsonl").read_text().splitlines()] == [1, 2]


def test_rounds_that_a_resume_does_again_replace_the_old_ones(run):
    for number in (1, 2, 3):
        run.append_metrics(number, {"loss": float(number)})
    run.close()
    again = RunFolder(run.path)
    again.append_metrics(3, {"loss": 30.0})
    again.append_metrics(4, {"loss": 4.0})
    again.close()
    assert [row["loss"] for row in again.read_metrics()] == [1.0, 2.0, 30.0, 4.0]


def test_a_damaged_line_in_the_middle_is_named(run):
    (run.path / "metrics.jsonl").write_text('{"round": 1}\n{"rou\n{"round": 3}\n')
    with pytest.raises(ValueError, match="metrics.jsonl, line 2"):
        run.read_metrics()


def test_a_metric_that_is_not_finite_is_refused(run):
    with pytest.raises(ValueError, match="the metric loss of round 1 is nan"):
        run.append_metrics(1, {"loss": float("nan")})
    assert run.read_metrics() == []


def test_weights_lie_under_their_version(run):
    path = run.write_weights(Weights(3, b"bytes", "hash"))
    assert path == run.path / "weights" / "3.safetensors" and path.read_bytes() == b"bytes"


def test_the_summary_comes_back(run):
    run.write_summary(SUMMARY | {"note": "more is kept"})
    assert run.read_summary() == SUMMARY | {"note": "more is kept"}


def test_a_run_without_evaluations_says_so_with_two_nulls_never_one(run):
    run.write_summary(SUMMARY | {"before": None, "after": None})
    assert run.read_summary()["before"] is None is run.read_summary()["after"]
    with pytest.raises(ValueError, match="only one of before and after has scores"):
        run.write_summary(SUMMARY | {"after": None})
    with pytest.raises(ValueError, match="before is missing"):
        run.write_summary({name: value for name, value in SUMMARY.items() if name not in ("before", "after")})


def test_a_summary_that_lacks_something_is_refused_and_not_written(run):
    wrong = {name: value for name, value in SUMMARY.items() if name != "seed"}
    wrong |= {"world": "CARLA", "after": SCORES | {"success_rate": None}}
    with pytest.raises(ValueError, match=r"seed is missing.*world is 'CARLA'.*after.success_rate is None"):
        run.write_summary(wrong)
    with pytest.raises(ValueError, match="summary.json does not exist: the run has not ended"):
        run.read_summary()


def test_a_resume_starts_from_the_checkpoint(run):
    assert not run.has_checkpoint
    run.save_checkpoint({"round": 2})
    assert RunFolder(run.path).has_checkpoint and run.load_checkpoint() == {"round": 2}


def is_png(path):
    return path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_learning_curves_are_drawn_from_the_metrics(run):
    assert draw_learning_curves(run) == []
    run.append_metrics(1, {"loss": 0.5, "reverse_kl": 0.0, "event_share": 0.1})
    run.append_metrics(2, {"loss": 0.4, "reverse_kl": 0.1, "event_share": 0.0, "alignment_pearson": 0.3})
    written = draw_learning_curves(run)
    assert [path.name for path in written] == ["loss.png", "divergence.png", "events.png", "alignment.png"]
    assert all(is_png(path) and path.parent == run.figures for path in written)


def test_before_and_after_are_drawn_side_by_side(run):
    path = draw_before_after(run, SUMMARY["before"], SUMMARY["after"], "carla_light")
    assert path == run.figures / "before_after.png" and is_png(path)


def test_time_left_extrapolates_the_pace():
    now = [100.0]
    left = TimeLeft(8, finished=2, clock=lambda: now[0])
    assert left.seconds is None and str(left) == "time left not known yet"
    now[0] = 120.0
    left.advance(4)  # two rounds in 20 s: 10 s each, four to go
    assert left.seconds == pytest.approx(40.0) and str(left) == "0:40 left"
    now[0] = 126.0
    assert left.seconds == pytest.approx(34.0)
    now[0] = 500.0  # a round takes longer than all before: not less than nothing
    assert left.seconds == 0.0
    left.advance(8)
    assert left.seconds == 0.0


def test_time_left_in_hours_and_impossible_counts():
    now = [0.0]
    left = TimeLeft(3, clock=lambda: now[0])
    now[0] = 1860.0
    left.advance(1)
    assert str(left) == "1:02:00 left"
    with pytest.raises(ValueError, match="0 finished units after 1"):
        left.advance(0)
    with pytest.raises(ValueError, match="5 of 3"):
        TimeLeft(3, finished=5)
