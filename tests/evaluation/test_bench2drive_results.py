"""Results in Bench2Drive's layout, read as its scripts are described to read them; and files that were cut short."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from craft.evaluation import score_episode
from craft.evaluation.bench2drive_record import begin_record, finish_record, is_success, metric_info
from craft.evaluation.bench2drive_results import read_results, write_results
from craft.evaluation.quirks import Quirks
from craft.evaluation.trace import Trace
from craft.events import EpisodeRecord, Event, EventKind

KEYS = {  # of `infractions`
    "collisions_layout", "collisions_pedestrian", "collisions_vehicle", "red_light", "stop_infraction",
    "outside_route_lanes", "min_speed_infractions", "yield_emergency_vehicle_infractions", "scenario_timeouts",
    "route_dev", "vehicle_blocked", "route_timeout",
}  # fmt: skip
LABELS = [
    "Avg. driving score", "Avg. route completion", "Avg. infraction penalty", "Collisions with pedestrians",
    "Collisions with vehicles", "Collisions with layout", "Red lights infractions", "Stop sign infractions",
    "Off-road infractions", "Route deviations", "Route timeouts", "Agent blocked",
    "Yield emergency vehicles infractions", "Scenario timeouts", "Min speed infractions",
]  # fmt: skip


def record(route, kinds=(), status="Completed", completion=100.0, outside=0.0, percentages=(), scenario="T_Junction"):
    score = score_episode(status, completion, kinds, outside)
    episode = EpisodeRecord(
        episode=1,
        status=status,
        route_completion=completion,
        infraction_score=score.infraction_score,
        driving_score=score.driving_score,
        success=score.success,
        driven_m=120.0,
        duration_s=20.0,
        truncated=False,
        infractions=tuple(kinds),
        events=tuple(kinds),
        outside_percentage=outside,
        scenario=scenario,
    )
    events = [Event(kind, 12.5, 3.0, -4.0, 77, True, f"something {kind.name}") for kind in kinds]
    made = begin_record(route, 0, scenario, "craft_town")
    finish_record(made, episode, events, 10.0, percentages, 200.0)
    assert is_success(made) is score.success
    return made


@pytest.fixture
def records():
    return [
        record("1"),
        record("2", [EventKind.RED_LIGHT, EventKind.COLLISION_PEDESTRIAN], percentages=[80.0, 120.5]),
        record("3", [EventKind.STOP_SIGN], "Failed - Agent got blocked", 50.0, outside=25.0, scenario="ParkedObstacle"),
        record("4", percentages=[2000.0], scenario="ParkedObstacle"),
    ]


@pytest.fixture
def path(tmp_path, records):
    write_results(tmp_path / "run" / "results.json", records, len(records))
    return tmp_path / "run" / "results.json"


def test_every_key_and_status_has_its_place(path):
    content = json.loads(path.read_text())
    assert list(content) == ["_checkpoint", "entry_status", "eligible", "sensors", "values", "labels"]
    assert (content["entry_status"], content["eligible"], content["labels"]) == ("Finished", True, LABELS)
    assert list(content["_checkpoint"]) == ["global_record", "progress", "records"]
    assert content["_checkpoint"]["progress"] == [4, 4]
    for index, row in enumerate(content["_checkpoint"]["records"]):
        assert set(row) == {
            "index", "route_id", "scenario_name", "weather_id", "save_name", "town_name", "status", "num_infractions",
            "infractions", "scores", "meta",
        }  # fmt: skip
        assert row["index"] == index and row["route_id"] == f"RouteScenario_{index + 1}_rep0"
        assert set(row["infractions"]) == KEYS
        assert set(row["scores"]) == {"score_route", "score_penalty", "score_composed"}
        assert set(row["meta"]) == {"route_length", "duration_game", "duration_system"}
    first, second, third, fourth = content["_checkpoint"]["records"]
    # A speed checkpoint is an entry as well: only a route with none at all is Perfect.
    assert [row["status"] for row in (first, second, third, fourth)] == [
        "Perfect", "Completed", "Failed - Agent got blocked", "Completed",
    ]  # fmt: skip
    assert [row["num_infractions"] for row in (first, second, third, fourth)] == [0, 4, 3, 1]
    assert second["infractions"]["red_light"] == ["something RED_LIGHT at 2.50 s and (x=3.00, y=-4.00)"]
    # 50 % x 0.8 x (1 - 0.25)
    assert third["scores"] == {"score_route": 50.0, "score_penalty": 0.6, "score_composed": 30.0}
    assert len(third["infractions"]["vehicle_blocked"]) == 1
    assert third["meta"] == {"route_length": 200.0, "duration_game": 20.0, "duration_system": 20.0}


def test_overall_values_by_hand(path):
    content = json.loads(path.read_text())
    overall = content["_checkpoint"]["global_record"]
    # Scores 100, 35, 30, 100; penalties 1, 0.35, 0.6, 1.
    assert overall["scores_mean"] == {"score_composed": 66.25, "score_route": 87.5, "score_penalty": 0.7375}
    assert overall["scores_std_dev"]["score_composed"] == pytest.approx(np.std([100, 35, 30, 100], ddof=1), abs=1e-3)
    # 0.2 km x (1 + 1 + 0.5 + 1) = 0.7 km
    assert overall["infractions"]["red_light"] == pytest.approx(1 / 0.7, abs=1e-3)
    assert overall["infractions"]["outside_route_lanes"] == 0.03  # 25 % of 120 m, in km and not per km
    assert overall["infractions"]["min_speed_infractions"] == pytest.approx(3 / 0.7, abs=1e-3)
    assert (overall["index"], overall["route_id"], overall["status"]) == (-1, -1, "Failed")
    assert overall["meta"]["exceptions"] == [["RouteScenario_3_rep0", 2, "Failed - Agent got blocked"]]
    values = dict(zip(content["labels"], content["values"], strict=True))
    assert all(isinstance(value, str) for value in values.values())
    assert (values["Avg. driving score"], values["Off-road infractions"]) == ("66.25", "0.03")
    assert float(values["Agent blocked"]) == pytest.approx(1 / 0.7, abs=1e-3)


def merge(folder):
    """As the merge script: every *.json of a folder, indices dropped, sums over a divisor fixed at 220."""
    rows = [row for file in folder.glob("*.json") for row in json.loads(file.read_text())["_checkpoint"]["records"]]
    for row in rows:
        row.pop("index")
    clean = [all(not v for k, v in row["infractions"].items() if k != "min_speed_infractions") for row in rows]
    success = [good and row["status"] in ("Completed", "Perfect") for good, row in zip(clean, rows, strict=True)]
    score = sum(row["scores"]["score_composed"] for row in rows) / 220
    return rows, {"driving score": score, "success rate": sum(success) / 220, "eval num": len(rows)}


def test_the_merge_script_can_read_the_folder(path):
    rows, merged = merge(path.parent)
    assert merged == {"driving score": pytest.approx(265.0 / 220), "success rate": 2 / 220, "eval num": 4}
    assert len({row["save_name"] for row in rows}) == 4


def test_the_ability_script_finds_each_route(path):
    """It compares the part between the first two underscores with the id in the routes' XML, and looks at two lists."""
    rows, _ = merge(path.parent)
    by_number = {row["route_id"].split("_")[1]: row for row in rows}
    assert sorted(by_number) == ["1", "2", "3", "4"]
    reached = [by_number[n]["scores"]["score_route"] / 100.0 for n in "1234"]
    assert reached == [1.0, 1.0, 0.5, 1.0]
    assert [bool(by_number[n]["infractions"]["stop_infraction"]) for n in "1234"] == [False, False, True, False]
    assert [bool(by_number[n]["infractions"]["red_light"]) for n in "1234"] == [False, True, False, False]


def test_the_efficiency_script_finds_each_percentage(path):
    """The first number with a % sign of each message; above 1000 it is dropped, and routes without any are skipped."""
    rows, _ = merge(path.parent)
    messages = [row["infractions"]["min_speed_infractions"] for row in rows]
    found = [[float(re.search(r"\b\d+\.?\d*%", text).group()[:-1]) for text in texts] for texts in messages]
    assert found == [[], [80.0, 120.5], [], [2000.0]]


def trace(count=7):
    """Heading to the north (ROS yaw 90 deg), 10 m/s, turning left by 0.1 rad/s, accelerating by 2 m/s2."""
    ones = np.ones(count)
    return Trace(
        dt_s=0.05,
        pose=np.stack([3.0 * ones, 0.5 * np.arange(count), np.pi / 2 * ones], axis=1),
        velocity=np.stack([0.0 * ones, 10.0 * ones], axis=1),
        acceleration=np.stack([-1.0 * ones, 2.0 * ones], axis=1),
        yaw_rate=0.1 * ones,
        traffic_mps=ones,
        progress_m=0.5 * np.arange(count),
        route_length_m=100.0,
    )


def test_metric_info_is_in_carlas_frame():
    info = metric_info(trace())
    assert list(info) == ["0", "2", "4", "6"], "0.1 s apart, as the script takes them to be"
    row = info["2"]
    # y points to the right and yaw turns clockwise: north is -y and -90 deg, left is to the west (-x)
    assert row["forward_vector"] == [0.0, -1.0, 0.0] and row["right_vector"] == [1.0, 0.0, 0.0]
    assert row["acceleration"] == [-1.0, -2.0, 0.0]
    assert row["location"] == [3.0, -1.0, 0.0] and row["rotation"] == [0.0, 0.0, -90.0]
    assert row["angular_velocity"] == [0.0, 0.0, pytest.approx(-np.degrees(0.1), abs=1e-6)]
    assert list(metric_info(trace(), Quirks.BENCH2DRIVE)) == list("0123456"), "its agents write every frame"


def test_an_unfinished_file_says_so(tmp_path, records):
    path = tmp_path / "results.json"
    write_results(path, records[:2], 4)
    content = json.loads(path.read_text())
    assert (content["entry_status"], content["eligible"]) == ("Started", False)
    assert content["_checkpoint"]["progress"] == [2, 4]
    assert [row["route_id"] for row in read_results(path)] == ["RouteScenario_1_rep0", "RouteScenario_2_rep0"]


def test_a_crash_is_named_in_the_file(tmp_path, records):
    records[1]["status"] = "Failed - Simulation crashed"
    write_results(tmp_path / "results.json", records, 4)
    content = json.loads((tmp_path / "results.json").read_text())
    assert (content["entry_status"], content["eligible"]) == ("Crashed", False)
    assert ["RouteScenario_2_rep0", 1, "Failed - Simulation crashed"] in (
        content["_checkpoint"]["global_record"]["meta"]["exceptions"]
    )


def test_a_file_cut_anywhere_gives_its_whole_records(path, tmp_path):
    data, whole = path.read_bytes(), read_results(path)
    assert len(whole) == 4
    cut, lengths = Path(tmp_path / "cut.json"), []
    for size in range(0, len(data) + 1, 7):
        cut.write_bytes(data[:size])
        found = read_results(cut)
        assert found == whole[: len(found)]
        lengths.append(len(found))
    assert lengths == sorted(lengths) and set(lengths) == {0, 1, 2, 3, 4}
    assert read_results(tmp_path / "missing.json") == []
