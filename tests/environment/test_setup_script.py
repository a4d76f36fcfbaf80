"""The set-up script tells in one sentence what is missing. It runs in a copy, with a doctored PATH."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = (
    *("bash", "sh", "env", "dirname", "basename", "realpath", "uname", "find", "sort", "xargs", "sha256sum", "cut"),
    *("cat", "mkdir", "grep", "tail", "head", "rm", "nproc"),
)


@pytest.fixture
def place(tmp_path):
    """A copy of what the script needs, and a folder bin/ that is all of PATH."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for name in ("requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    add_program(tmp_path, "g++", "exit 0")
    return tmp_path


def add_program(place, name, text):
    program = place / "bin" / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def add_python(place, refuse=""):
    """A `python3` that is this one, except for scripts that contain the text `refuse`."""
    real = os.path.realpath(sys.executable)
    check = f'case "$*" in *"{refuse}"*) exit 1;; esac\n' if refuse else ""
    add_program(place, "python3", f'{check}exec {real} "$@"')


def set_up(place, **env):
    result = subprocess.run(
        [place / "scripts" / "setup.sh"],
        env={"PATH": str(place / "bin"), "HOME": str(place), **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return result.returncode, result.stderr


def assert_one_sentence(stderr, *words):
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("setup: ")
    for word in words:
        assert word in lines[0]


def test_without_a_compiler(place):
    (place / "bin" / "g++").unlink()
    add_python(place)
    code, stderr = set_up(place)
    assert code == 1
    assert_one_sentence(stderr, "no C++ compiler", "apt install build-essential")


def test_without_any_python(place):
    code, stderr = set_up(place)
    assert code == 1
    assert_one_sentence(stderr, "Python 3.10, 3.11 or 3.12", "no python3", "apt install", "PYTHON=")


def test_with_another_python_only(place):
    add_program(place, "python3", '[ "$1" = --version ] && echo "Python 3.13.0" && exit 0; exit 1')
    code, stderr = set_up(place)
    assert code == 1
    assert_one_sentence(stderr, "Python 3.13.0", "3.10, 3.11 or 3.12")


def test_with_a_named_python_that_does_not_work(place):
    code, stderr = set_up(place, PYTHON="/nowhere/python3.11")
    assert code == 1
    assert_one_sentence(stderr, "PYTHON=/nowhere/python3.11")


def test_without_the_venv_module(place):
    add_python(place, refuse="import venv")
    code, stderr = set_up(place)
    assert code == 1
    assert_one_sentence(stderr, "no venv module", "-venv")


def test_without_the_headers_of_python(place):
    add_python(place, refuse="Python.h")
    code, stderr = set_up(place)
    assert code == 1
    assert_one_sentence(stderr, "Python.h", "-dev")


def test_without_network(place):
    add_python(place)
    # Port 9 (discard) of this machine refuses connections, as an unreachable index would.
    offline = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": "/dev/null"}
    code, stderr = set_up(place, **offline)
    assert code == 1
    assert_one_sentence(stderr, "could not be downloaded", "network", "pip.log")
    assert not (place / ".venv" / "stamps" / "pins").exists()


@pytest.mark.skipif(Path(sys.prefix) != ROOT / ".venv", reason="this environment was not made by the script")
def test_a_finished_environment_is_left_alone():
    """The first call catches up with sources that were edited since; the second has nothing to do and says nothing."""
    subprocess.run([ROOT / "scripts" / "setup.sh"], capture_output=True, timeout=280, check=True)
    second = subprocess.run([ROOT / "scripts" / "setup.sh"], capture_output=True, text=True, timeout=60, check=True)
    assert (second.stdout, second.stderr) == ("", "")
