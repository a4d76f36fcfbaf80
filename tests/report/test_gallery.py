import base64
import hashlib
import json
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest

from craft.report import gallery
from craft.report.command import load_policies, main
from craft.report.runs import read_runs
from craft.training import Weights
from craft.world.connection import WorldError
from craft.world.routes import load_suite
from made_run import after, before, make_run
from parsed_page import Page
from small_vocabulary import small_policy

SPEC = next(spec for spec in load_suite("held_out") if spec.scenario == "HardBreakRoute")


def test_episodes_that_changed_most_are_chosen_of_different_scenarios_first(run_path):
    # Changes 40, 0, 30, -10 in ParkedObstacle, HighwayCutIn and twice DynamicObjectCrossing.
    (run,) = read_runs([run_path])
    assert [gallery.choose(run, count) for count in (1, 2, 3, 9)] == [[0], [0, 2], [0, 2, 1], [0, 2, 1, 3]]
    lost = replace(run, after=[replace(r, driving_score=0.0) for r in run.after])
    assert gallery.choose(lost, 1) == [1]  # 100 to 0


def test_events_of_decisions_that_follow_each_other_are_one_mark():
    marks = [(1.0, "off road"), (1.25, "off road"), (1.25, "red light"), (1.5, "off road"), (3.0, "off road")]
    assert gallery.spans(marks) == [(1.0, 1.5, "off road"), (1.25, 1.25, "red light"), (3.0, 3.0, "off road")]


def weights(policy, version):
    data = policy.trainable_bytes()
    return Weights(version, data, hashlib.sha256(data).hexdigest())


@pytest.fixture
def tuned(tmp_path):
    """A run of the small policy on a real route; its fine-tuned weights are another small policy's."""
    checkpoint = tmp_path / "policy"
    small_policy(0).save(checkpoint)
    records = [
        [replace(r[0], route_id=SPEC.id, scenario=SPEC.scenario, seed=7, driving_score=score)]
        for r, score in ((before(), 12.5), (after(), 87.5))
    ]
    versions = [weights(small_policy(seed), seed) for seed in (0, 1)]
    return make_run(
        tmp_path / "tuned", *records, metrics=[{"round": 1}], config={"checkpoint": str(checkpoint)}, weights=versions
    )


def test_both_policies_of_a_run_are_loaded(tuned, tmp_path):
    (run,) = read_runs([tuned])
    first, last = load_policies(run, None)
    assert first.trainable_bytes() == small_policy(0).trainable_bytes()
    assert last.trainable_bytes() == small_policy(1).trainable_bytes() != first.trainable_bytes()
    with pytest.raises(ValueError, match="not fine-tuned from the checkpoint vocabulary.*--checkpoint"):
        load_policies(run, "vocabulary")
    (tuned / "weights" / "1.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="sha256"):
        load_policies(run, None)
    (tuned / "weights" / "1.safetensors").unlink()
    with pytest.raises(ValueError, match="1.safetensors is not readable.*--videos 0"):
        load_policies(run, None)


def test_a_page_with_videos_of_both_drives(tuned, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gallery, "drive_pair", partial(gallery.drive_pair, max_decisions=4))
    path = tmp_path / "report.html"
    assert main([str(tuned), "--output", str(path), "--videos", "1"]) == 0, capsys.readouterr().err
    parsed = Page(path.read_text())
    videos = [attributes for tag, attributes in parsed.elements if tag == "video"]
    assert [video["aria-label"] for video in videos] == ["pre-trained", "fine-tuned"]
    for number, video in enumerate(videos):
        kind, _, data = video["src"].partition(";base64,")
        assert kind == "data:video/webm"
        file = tmp_path / f"{number}.webm"
        file.write_bytes(base64.b64decode(data))
        film, pictures = cv2.VideoCapture(str(file)), []
        assert film.get(cv2.CAP_PROP_FPS) == 10.0
        while (read := film.read())[0]:
            pictures.append(read[1])
        # 4 decisions are frames 0 to 20, every second one is shown: 0, 2, .. 18; frame 20 stays for 1.5 s.
        assert len(pictures) == 10 + 15
        assert np.abs(pictures[0].astype(int) - pictures[-1]).mean() > 1.0
    told = " ".join(parsed.texts)
    assert "HardBreakRoute: 12.5 → 87.5" in told
    assert told.count("The evaluation's drive of this episode had") == 2  # these four decisions scored otherwise
    data = json.loads(parsed.scripts["decision-data"])
    assert len(data["rows"]) == 4 and SPEC.id in data["title"]


def test_a_route_that_the_suite_lacks_is_named(tuned, tmp_path, capsys):
    assert main([str(tuned), "--output", str(tmp_path / "r.html"), "--suite", "training"]) == 2
    told = capsys.readouterr().err
    assert SPEC.id in told and "--suite" in told and "--videos 0" in told


def test_a_run_on_a_carla_server_has_no_videos(tmp_path):
    path = make_run(tmp_path / "real", before(), after(), world="carla")
    assert main([str(path), "--output", str(tmp_path / "r.html")]) == 0
    told = " ".join(Page((tmp_path / "r.html").read_text()).texts)
    assert "this run was evaluated on a CARLA server" in told


def test_a_world_that_stops_answering_is_said_with_a_way_out(tuned, tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise WorldError("the server stopped answering")

    monkeypatch.setattr(gallery, "drive_pair", fail)
    assert main([str(tuned), "--output", str(tmp_path / "r.html"), "--videos", "1"]) == 2
    told = capsys.readouterr().err
    assert "stopped answering" in told and "--videos 0" in told
    assert not (tmp_path / "r.html").exists()
