"""`craft evaluate --in-process` from its arguments to its exit code."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from craft.evaluation.bench2drive_results import read_results
from craft.world.evaluation_results import RESULTS
from craft_nodes.cli import main


def test_quirks_are_a_named_switch(capsys):
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "--in-process", "--help"])
    assert end.value.code == 0
    assert "{none,bench2drive}" in capsys.readouterr().out


@pytest.mark.parametrize(("given", "wanted"), [("--checkpoint", "nowhere"), ("--suite", "elsewhere")])
def test_what_cannot_be_used_is_one_line(given, wanted, tmp_path, capsys):
    assert main(["evaluate", "--in-process", given, wanted, "--output", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("craft evaluate: ") and wanted in message and message.count("\n") == 1
    assert not (tmp_path / "run").exists()


def members(session: int) -> list[int]:
    """Processes of a session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, owner = stat.read_text().rpartition(")")[2].split()[:4]
            if int(owner) == session and state != "Z":
                found.append(int(stat.parent.name))
    return found


def test_ctrl_c_keeps_what_was_driven_and_leaves_nobody_behind(tmp_path):
    output = tmp_path / "run"
    command = [sys.executable, "-m", "craft_nodes.cli", "evaluate", "--in-process", "--output", str(output)]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120.0
    while not read_results(output / RESULTS) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, message = process.communicate(timeout=60.0)
    assert process.returncode == 130, message
    assert message.count("\n") == 1 and "goes on from here" in message
    progress = json.loads((output / RESULTS).read_text())["_checkpoint"]["progress"]
    assert 1 <= progress[0] < progress[1] == 24
    until = time.monotonic() + 10.0  # Python's own helper of processes ends a moment after them
    while members(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert members(process.pid) == []
