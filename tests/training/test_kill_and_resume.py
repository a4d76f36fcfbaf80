"""A training process is killed without warning, wherever it is, and its resumed run ends at the same weights."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from craft.training.checkpoint import load_checkpoint
from craft.training.run_folder import RunFolder

ROUNDS = 60
SCRIPT = Path(__file__).parents[1] / "support" / "killable_training.py"


def start(folder):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(ROUNDS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},  # the same packages as here
        text=True,
    )


def kill_after(folder, rounds, pause_s):
    """Kills a training process some time after it ended so many rounds; returns where it had begun."""
    process = start(folder)
    try:
        begin = int(process.stdout.readline().split()[-1])
        for _ in range(rounds):
            process.stdout.readline()
        time.sleep(pause_s)  # so that it is hit anywhere in a round: in an update, or while it writes
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    return begin


def finish(folder):
    process = start(folder)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    return int(out.splitlines()[0].split()[-1])


def test_a_killed_run_resumes_to_the_same_weights_bit_for_bit(tmp_path):
    assert finish(tmp_path / "whole") == 0
    random_pause = random.Random(0)
    begins = [kill_after(tmp_path / "killed", rounds, random_pause.uniform(0.0, 0.03)) for rounds in (7, 11, 9)]
    begins.append(finish(tmp_path / "killed"))
    # each process went on at least where the one before had ended its last whole round
    assert begins[0] == 0 and begins[1] >= 7 and begins[2] >= begins[1] + 11 and begins[3] >= begins[2] + 9

    whole, killed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    for version in range(1, ROUNDS + 1):
        name = f"weights/{version}.safetensors"
        assert (whole.path / name).read_bytes() == (killed.path / name).read_bytes(), name
    assert whole.read_metrics() == killed.read_metrics()
    assert [row["round"] for row in killed.read_metrics()] == list(range(1, ROUNDS + 1))
    assert load_checkpoint(killed.checkpoint)["round"] == ROUNDS
    # no part of a checkpoint is left beside it (of a weights file that was cut off, a hidden one may)
    assert not list(killed.path.glob(".checkpoint.*")) and not list(killed.path.glob("checkpoint.previous"))
