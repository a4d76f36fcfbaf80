import json
import shutil

import pytest

from craft.report import command
from craft.report.command import main
from craft.report.runs import read_runs
from made_run import METRICS, after, before, episode, make_run


def test_a_run_is_read_as_it_was_written(run_path):
    (run,) = read_runs([run_path])
    assert (run.name, run.world, run.before, run.after, run.metrics) == (
        "one", "carla_light", before(), after(), METRICS,
    )  # fmt: skip


def test_the_folder_of_a_study_stands_for_its_runs(tmp_path):
    for seed in (10, 2):
        make_run(tmp_path / "study" / f"seed-{seed}", before(), after(), seed=seed)
    assert [run.name for run in read_runs([tmp_path / "study"])] == ["seed-2", "seed-10"]


def test_equal_names_are_made_longer(tmp_path):
    paths = [make_run(tmp_path / study / "seed-0", before(), after()) for study in ("x", "y")]
    assert [run.name for run in read_runs(paths)] == ["x/seed-0", "y/seed-0"]


def damage(name, text):
    def do(path):
        (path / name).write_text(text)

    return do


def remove(name):
    return lambda path: (path / name).unlink()


def unscored(path):
    summary = json.loads((path / "summary.json").read_text())
    (path / "summary.json").write_text(json.dumps(summary | {"before": None, "after": None}))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: shutil.rmtree(path), ["there is no run", "one", "runs/<name>"]),
        (remove("config.yaml"), ["not the folder of a run", "config.yaml", "craft train"]),
        (remove("summary.json"), ["summary.json", "has not ended", "resume"]),
        (damage("summary.json", "[]"), ["summary.json", "which world", "resume"]),
        (unscored, ["was not evaluated", "evaluate: true"]),
        (remove("evaluations/after.jsonl"), ["after.jsonl", "evaluate"]),
        (damage("evaluations/after.jsonl", '{"episode": 1'), ["after.jsonl", "line 1", "evaluate again"]),
        (damage("evaluations/before.jsonl", ""), ["before.jsonl", "no episode", "evaluate again"]),
        (damage("metrics.jsonl", '{"round": 1}\n{"rou\n{"round": 3}\n'), ["metrics.jsonl", "line 2", "remove"]),
        (damage("metrics.jsonl", '{"round": 1}\n{"loss": "low"}\n'), ["metrics.jsonl", "line 2", "remove"]),
    ],
)
def test_what_is_wrong_with_a_run_is_said_in_one_line(run_path, tmp_path, capsys, spoil, words):
    spoil(run_path)
    page = tmp_path / "report.html"
    assert main([str(run_path), "--output", str(page), "--videos", "0"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("craft report: ") and told.count("\n") == 1
    assert all(word in told for word in words), told
    assert not page.exists()


def test_bytes_that_are_no_text_are_refused(run_path):
    (run_path / "evaluations" / "before.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="before.jsonl is damaged.*evaluate again"):
        read_runs([run_path])


def test_runs_that_cannot_be_compared_are_refused(run_path, tmp_path):
    others = [episode(9, 50.0, "HighwayCutIn")]
    for name, words, made in (
        ("carla", "measured on carla", {"before": before(), "after": after(), "world": "carla"}),
        ("other", "different episodes", {"before": others, "after": others}),
    ):
        with pytest.raises(ValueError, match=words):
            read_runs([run_path, make_run(tmp_path / name, **made)])
    with pytest.raises(ValueError, match="twice"):
        read_runs([run_path, run_path])
    with pytest.raises(ValueError, match="other episodes"):
        read_runs([make_run(tmp_path / "mixed", before(), others)])


def test_a_page_is_written_without_videos(run_path, tmp_path, capsys):
    page = tmp_path / "new" / "report.html"
    assert main([str(run_path), "--output", str(page), "--videos", "0"]) == 0
    assert str(page) in capsys.readouterr().out
    assert page.read_text().startswith("<!doctype html>")
    assert [file.name for file in page.parent.iterdir()] == ["report.html"]


def test_a_request_that_cannot_be_met_is_refused(run_path, tmp_path, capsys):
    for request, word in (
        (["--output", str(tmp_path), "--videos", "0"], "is a folder"),
        (["--output", str(tmp_path / "a.html"), "--videos", "-1"], "--videos"),
    ):
        assert main([str(run_path), *request]) == 2
        assert word in capsys.readouterr().err


def test_a_page_that_is_stopped_is_not_written(run_path, tmp_path, monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "write_atomically", stop)
    assert main([str(run_path), "--output", str(tmp_path / "r.html"), "--videos", "0"]) == 130
    assert "r.html was not written" in capsys.readouterr().err
