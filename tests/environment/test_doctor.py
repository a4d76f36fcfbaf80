"""`craft doctor` passes here, and finds what is wrong."""

import io
from importlib import metadata

import pytest
from rich.console import Console

from craft_nodes.cli import doctor, environment


def report(*checks):
    text = io.StringIO()
    code = doctor.main(checks, Console(file=text, width=200))
    return code, text.getvalue()


def test_this_installation_is_in_order():
    code, text = report(*doctor.CHECKS)
    assert code == 0, text
    assert "everything is in place" in text


def test_a_failed_check_shows_what_is_wrong_and_the_cure_and_the_others_still_run():
    def fail():
        raise doctor.Problem("two wheels missing", "buy wheels")

    def crash():
        raise OSError("loose wire")

    code, text = report(
        doctor.Check("wheels", fail), doctor.Check("wires", crash), doctor.Check("seats", lambda: "five seats")
    )
    assert code == 1
    for words in ("two wheels missing", "buy wheels", "loose wire", "make setup", "five seats", "2 of 3 checks failed"):
        assert words in text


def test_pins_are_read_with_extras_comments_and_the_python_they_hold_for():
    lines = [
        "# numpy==0",
        "-c other.txt",
        "ros-rclpy[fastrtps]==7.1.6        # nodes",
        'numpy==2.4.6; python_version >= "3.1"',
        'numpy==1.0.0; python_version < "3.1"',
    ]
    assert doctor.pinned(lines) == {"ros-rclpy": "7.1.6", "numpy": "2.4.6"}


def test_a_package_in_another_version_is_named(monkeypatch, tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "ros_jazzy_constraints.txt").write_text("absent-package==1.0\n")
    (tmp_path / "requirements.txt").write_text("carla==0.9.15\n")
    monkeypatch.setattr(doctor, "_SOURCE", tmp_path)
    with pytest.raises(doctor.Problem) as problem:
        doctor.check_pins()
    assert f"carla {metadata.version('carla')} instead of 0.9.15" in str(problem.value)
    assert "absent-package missing instead of 1.0" in str(problem.value)
    assert "make setup" in problem.value.cure


def test_a_message_that_was_built_from_another_source_is_named(monkeypatch, tmp_path):
    folder = tmp_path / "ros_ws/src/craft_msgs/msg"
    folder.mkdir(parents=True)
    (folder / "Phase.msg").write_text("std_msgs/Header header  # when\nuint32 phase\nuint32 new_field\n")
    monkeypatch.setattr(doctor, "_SOURCE", tmp_path)
    with pytest.raises(doctor.Problem, match="craft_msgs/Phase is not built from its source"):
        doctor.check_messages()


def test_dds_stays_on_this_machine_unless_the_user_chose_otherwise(tmp_path):
    profile = tmp_path / "profile.xml"
    ours = environment.dds_environment({}, profile)
    assert ours["FASTRTPS_DEFAULT_PROFILES_FILE"] == str(profile)
    assert 1 <= int(ours["ROS_DOMAIN_ID"]) <= 100
    theirs = environment.dds_environment({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "ROS_DOMAIN_ID": "5"}, profile)
    assert theirs == {}
