import re

import pytest

from craft.evaluation import aggregate
from craft.evaluation.comparison import compare
from craft.report.page import page
from craft.report.runs import read_runs
from made_run import after, before, episode, make_run
from parsed_page import Page


@pytest.fixture
def one(run_path):
    return Page(page(read_runs([run_path]), without="no videos"))


def test_the_page_needs_nothing_else(run_path):
    markup = page(read_runs([run_path]))
    parsed = Page(markup)
    for tag, attributes in parsed.elements:
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    assert not re.search(r"https?://|//[a-z]+\.|url\(|@import|fetch\(|XMLHttp|import ", markup.replace("<!doctype", ""))
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) > 10
    links = {attributes["href"][1:] for tag, attributes in parsed.elements if tag == "a"}
    assert links and links <= set(ids)


def test_scores_are_those_of_the_records(one):
    # Scores (60 + 100 + 70 + 30) / 4 = 65 and (100 + 100 + 100 + 20) / 4 = 80; 4 and 2 infractions on 1 km.
    rows = {row[0][0]: row[1:] for row in one.tables["scores"][1:]}
    values = [float(cell[1]["data-value"]) for cell in rows["driving score [%]"]]
    assert values == pytest.approx([65.0, 80.0, 15.0])
    assert [float(c[1]["data-value"]) for c in rows["success rate [%]"]] == pytest.approx([25.0, 75.0, 50.0])
    assert [float(c[1]["data-value"]) for c in rows["infractions per km"]] == pytest.approx([4.0, 2.0, -2.0])
    low, high = aggregate(before()).intervals["driving_score"]
    assert rows["driving score [%]"][0][0] == f"65.0 ({low:.1f} .. {high:.1f})"
    change = compare(before(), [after()])["driving_score"]
    assert rows["driving score [%]"][1][0] == f"80.0 ({change.after_low:.1f} .. {change.after_high:.1f})"
    assert rows["driving score [%]"][2][0] == f"+15.0 ({change.low:+.1f} .. {change.high:+.1f})"


def test_scenarios_and_abilities_hold_their_episodes_alone(one):
    rows = {row[0][0]: [float(cell[1]["data-value"]) for cell in row[1:]] for row in one.tables["scenarios"][1:]}
    # DynamicObjectCrossing: 70 and 30 become 100 and 20; one of two succeeds.
    assert rows["DynamicObjectCrossing"] == pytest.approx([2.0, 50.0, 60.0, 10.0, 0.0, 50.0, 50.0])
    assert rows["ParkedObstacle"] == pytest.approx([1.0, 60.0, 100.0, 40.0, 0.0, 100.0, 100.0])
    abilities = {row[0][0]: float(row[1][1]["data-value"]) for row in one.tables["abilities"][1:]}
    assert abilities == {"Merging": 1.0, "Overtaking": 1.0, "Emergency Brake": 2.0}


def test_a_change_is_marked_only_where_its_interval_excludes_none(one, tmp_path):
    cells = {row[0][0]: row[3][1].get("class") for row in one.tables["scores"][1:]}
    assert cells["driving score [%]"] is None  # four episodes, one of them lost
    gained = make_run(tmp_path / "gained", [episode(n, 50.0, "HighwayCutIn") for n in range(5)],
                      [episode(n, 60.0, "HighwayCutIn") for n in range(5)])  # fmt: skip
    lost = make_run(tmp_path / "lost", [episode(n, 60.0, "HighwayCutIn") for n in range(5)],
                    [episode(n, 50.0, "HighwayCutIn") for n in range(5)])  # fmt: skip
    for path, verdict in ((gained, "better"), (lost, "worse")):
        parsed = Page(page(read_runs([path])))
        assert parsed.tables["scores"][1][3][1]["class"] == verdict


def test_fewer_infractions_are_better(tmp_path):
    from craft.events import EventKind

    hit = (EventKind.RED_LIGHT,)
    path = make_run(tmp_path / "r", [episode(n, 50.0, "HighwayCutIn", hit) for n in range(5)],
                    [episode(n, 50.0, "HighwayCutIn") for n in range(5)])  # fmt: skip
    row = next(row for row in Page(page(read_runs([path]))).tables["scores"] if row[0][0] == "infractions per km")
    assert float(row[3][1]["data-value"]) == -4.0 and row[3][1]["class"] == "better"


def test_events_are_counted_by_kind(one):
    rows = {row[0][0]: [float(cell[1]["data-value"]) for cell in row[1:]] for row in one.tables["events"][1:]}
    # (infractions before, after, all events before, after); kinds that never happened are left out.
    assert rows == {"collision vehicle": [3, 2, 3, 2], "red light": [1, 0, 1, 0], "off road": [0, 0, 1, 0]}


def test_every_episode_is_listed_with_its_outcome(one):
    table = one.tables["episodes"]
    assert [row[0][0] for row in table[1:]] == [record.route_id for record in before()]
    assert one.column("episodes", 1) == [101, 102, 103, 104]
    assert one.column("episodes", 4) == [40.0, 0.0, 30.0, -10.0]
    assert "collision vehicle, collision vehicle" in table[4][2][0]


def test_every_column_of_figures_can_be_sorted_by_number(one):
    for table in one.tables.values():
        for row in table[1:]:
            assert len(row) == len(table[0])
            assert all("data-value" in cell[1] for cell in row[1:]), row


def test_several_runs_are_compared_with_a_column_each(tmp_path):
    paths = [
        make_run(tmp_path / name, before(), after(gains), seed=seed)
        for seed, (name, gains) in enumerate({"a": (40.0, 0.0, 30.0, -10.0), "b": (0.0, 0.0, 0.0, 70.0)}.items())
    ]
    parsed = Page(page(read_runs(paths)))
    assert [cell[0] for cell in parsed.tables["scores"][0]] == [
        "measure", "pre-trained", "fine-tuned", "change", "a", "b",
    ]  # fmt: skip
    row = [float(cell[1]["data-value"]) for cell in parsed.tables["scores"][1][1:]]
    # a: 80; b: (60 + 100 + 70 + 100) / 4 = 82.5
    assert row == pytest.approx([65.0, 81.25, 16.25, 80.0, 82.5])
    curves = [attributes["class"] for tag, attributes in parsed.elements if tag == "polyline"]
    assert curves == ["line run0", "line run1"] * 3
    assert "0, 1" in parsed.texts  # the seeds


def test_the_world_is_named_and_carla_light_is_not_carla(one, tmp_path):
    assert "carla_light" in one.texts and any("not CARLA figures" in text for text in one.texts)
    real = Page(page(read_runs([make_run(tmp_path / "real", before(), after(), world="carla")])))
    assert "carla" in real.texts and not any("carla_light" in text for text in real.texts)


def test_names_are_text_and_never_markup(tmp_path):
    evil = '<img src="x">&$title'
    records = [episode(1, 50.0, evil), episode(2, 60.0, evil)]
    config = {"checkpoint": "</pre><script>alert(1)</script>"}
    parsed = Page(page(read_runs([make_run(tmp_path / "a&<b>", records, records, config=config)]), without=evil))
    assert not any(tag == "img" for tag, _ in parsed.elements)
    assert sum(tag == "script" for tag, _ in parsed.elements) == 1
    assert [row[0][0] for row in parsed.tables["scenarios"][1:]] == [evil]
    assert "a&<b>" in parsed.texts and evil in parsed.texts
    assert any("</pre><script>alert(1)</script>" in text for text in parsed.texts)


def test_a_run_without_rounds_or_abilities_says_so(tmp_path):
    records = [episode(1, 50.0, "")]
    parsed = Page(page(read_runs([make_run(tmp_path / "bare", records, records, metrics=[])]), without="none today"))
    told = " ".join(parsed.texts)
    assert "no round was trained" in told and "too few for a radar" in told and told.count("none today") == 2


def test_runs_with_different_beginnings_are_told_apart(tmp_path):
    other = [episode(r.episode, 10.0, r.scenario) for r in before()]
    paths = [make_run(tmp_path / "a", before(), after()), make_run(tmp_path / "b", other, after())]
    assert any("evaluations before fine-tuning differ" in text for text in Page(page(read_runs(paths))).texts)
    assert not any("differ" in text for text in Page(page(read_runs(paths[:1] + [make_run(tmp_path / "c", before(),
                   after())]))).texts)  # fmt: skip
