"""The launcher, with real processes: it ends all of them, whatever happens."""

import os
import signal
import subprocess
import sys
import time

import pytest

# Programs of the stack, by what they do. Each writes its pid first.
PROGRAMS = """
import os, signal, sys, time
from pathlib import Path

def here(name):
    Path(os.environ["PIDS"], name).write_text(str(os.getpid()))

def forever():
    here("forever")
    time.sleep(600)

def stubborn():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    here("stubborn")
    time.sleep(600)

def short():
    wait_for("forever")
    wait_for("stubborn")
    print("main speaks")
    here("short")

def saves():
    here("saves")
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        assert alive("forever")
        Path(os.environ["PIDS"], "saved").write_text("yes")
        sys.exit(0)

def fails():
    wait_for("saves")
    print("something to know", file=sys.stderr)
    sys.exit(3)

def refuses():
    print("noise", file=sys.stderr)
    print("policy: no checkpoint at x; give the path of one", file=sys.stderr)
    sys.exit(2)

def wait_for(name):
    path = Path(os.environ["PIDS"], name)
    while not path.exists() or not path.read_text():
        time.sleep(0.02)

def alive(name):
    os.kill(int(Path(os.environ["PIDS"], name).read_text()), 0)
    return True
"""
RUN = """
import os, sys
from pathlib import Path
from craft_nodes.cli.launcher import Command, run
main, *others = sys.argv[1:]
commands = [Command(name, f"programs:{name}") for name in (*others, main)]
sys.exit(run(commands, main, Path(os.environ["PIDS"], "log"), os.environ))
"""


@pytest.fixture
def launch(tmp_path):
    (tmp_path / "programs.py").write_text(PROGRAMS)
    env = {**os.environ, "PIDS": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    started = []

    def start(*names):
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, *names], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def is_running(path):
    try:
        os.kill(int(path.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


def started(tmp_path, *names):
    wait_for(lambda: all((tmp_path / name).exists() and (tmp_path / name).read_text() for name in names))
    return [tmp_path / name for name in names]


def test_when_the_main_process_ends_all_others_are_ended(launch, tmp_path):
    process = launch("short", "forever", "stubborn")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "main speaks\n", "")
    assert not any(is_running(tmp_path / name) for name in ("forever", "stubborn"))


def test_when_another_fails_the_main_one_saves_its_state_and_the_run_fails_with_its_last_words(launch, tmp_path):
    process = launch("saves", "forever", "fails")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "fails ended with exit code 3" in err and "something to know" in err and "fails.log" in err
    assert (tmp_path / "saved").exists()
    assert not any(is_running(tmp_path / name) for name in ("forever", "saves"))


def test_what_the_user_can_mend_is_one_line(launch):
    _, err = (process := launch("saves", "refuses")).communicate(timeout=60)
    assert process.returncode == 1
    assert err == "policy: no checkpoint at x; give the path of one\n"


def test_the_code_of_the_main_process_is_handed_on(launch):
    (process := launch("refuses")).communicate(timeout=60)
    assert process.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_lets_the_main_process_save_first(launch, tmp_path, number):
    process = launch("saves", "forever")
    pids = started(tmp_path, "saves", "forever")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert (tmp_path / "saved").read_text() == "yes"
    assert not any(is_running(pid) for pid in pids)


def test_children_do_not_outlive_a_launcher_that_was_killed(launch, tmp_path):
    process = launch("saves", "forever")
    pids = started(tmp_path, "saves", "forever")
    process.kill()
    process.wait()
    wait_for(lambda: not any(is_running(pid) for pid in pids))


def test_a_command_waits_for_the_port_it_needs(tmp_path):
    from craft_nodes.cli.launcher import Command, run
    from craft_nodes.stack import free_ports

    port = free_ports(1)
    (tmp_path / "serve.py").write_text(
        "import socket, sys, time\n"
        "def main():\n"
        "    time.sleep(0.5)\n"
        "    server = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "    while True:\n"
        "        server.accept()[0].close()\n"
        "def connect():\n"
        "    socket.create_connection(('127.0.0.1', int(sys.argv[1]))).close()\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    server = Command("server", "serve:main", (str(port),))
    client = Command("client", "serve:connect", (str(port),), after_port=port)
    assert run([client, server], "client", tmp_path / "log", env) == 0
