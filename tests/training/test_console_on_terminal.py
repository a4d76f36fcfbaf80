"""The progress bars where standard output is a terminal; everywhere else the console prints plain lines."""

import os
import pty
import subprocess
import sys

_PROGRAM = """
from craft.training.console import RunConsole
with RunConsole(units=3) as console:
    update = console.step("a step of unknown length")
    update(0, 0)
    update(3, 12)
    console.finished(1)
    console.step("the next step")(1, 2)
    console.line("a line worth reading")
"""


def on_a_terminal(program: str) -> tuple[int, str]:
    """Exit code and screen output of a Python program that runs on a pseudo terminal."""
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=theirs, stdout=theirs, stderr=subprocess.STDOUT, env=env
    )
    os.close(theirs)
    screen = b""
    try:
        while chunk := os.read(ours, 65536):
            screen += chunk
    except OSError:  # Linux reports the end of a terminal so
        pass
    finally:
        os.close(ours)
    return process.wait(), screen.decode(errors="replace")


def test_bars_show_steps_whose_length_is_not_known_yet():
    code, screen = on_a_terminal(_PROGRAM)
    assert code == 0, screen
    assert "a step of unknown length" in screen and "0/?" in screen and "1/2" in screen
    assert "a line worth reading" in screen
    assert "run" in screen and "1/3" in screen
