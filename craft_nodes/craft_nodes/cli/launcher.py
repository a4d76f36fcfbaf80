"""Runs a stack: every node in a process of its own, watched, and ended together.

What holds whatever happens: when the main node ends, or any other fails, or the user presses Ctrl-C, or the launcher
itself is killed, no process of the stack stays behind.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from craft_nodes.child import LAUNCHER_VARIABLE
from craft_nodes.stack import LOOPBACK, NodeSpec, ServerSpec, Stack
from craft_nodes.waiting import is_listening

INTERRUPTED = 130  # exit code after Ctrl-C, as shells have it
_POLL_S = 0.05
# How long processes get after each signal before the next, stronger one [s].
_PATIENCE_S = ((signal.SIGINT, 5.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))
_MAIN_PATIENCE_S = 60.0  # for the main node to write its checkpoint after Ctrl-C [s]
_TAIL_LINES = 15
_USER_ERROR = 2  # exit code of a node that said in one line what its user can mend (craft_nodes.running)


@dataclass(frozen=True)
class Command:
    """One process to run.

    Attributes:
        name: Its name, and that of its log file.
        target: What `craft_nodes.child` shall run.
        arguments: Command line arguments.
        env: Environment variables on top of the common ones.
        after_port: Start once somebody listens on this port of the loopback address; 0: start at once.
        ends_last: The others still need it while they end.
    """

    name: str
    target: str
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    after_port: int = 0
    ends_last: bool = False


def node_command(node: NodeSpec) -> Command:
    """The command line of a node, with its ROS arguments."""
    arguments = ["--ros-args"]
    if node.params_file:
        arguments += ["--params-file", node.params_file]
    arguments += ["-r", f"__node:={node.name}"]
    if node.namespace:
        arguments += ["-r", f"__ns:=/{node.namespace.strip('/')}"]
    for before, after in node.remappings:
        arguments += ["-r", f"{before}:={after}"]
    for name, value in node.parameters.items():
        # The value is parsed as YAML by rcl: a text such as "123" must arrive with its quotes.
        text = yaml.safe_dump(value, default_flow_style=True, width=2**20).split("\n")[0]
        arguments += ["-p", f"{name}:={text}"]
    return Command(node.name, f"{node.module}:main", tuple(arguments), node.env, node.after_port)


def server_command(server: ServerSpec) -> Command:
    """The command line of the embedded simulator."""
    return Command(server.name, server.module, server.arguments, server.env, ends_last=True)


def stack_commands(stack: Stack) -> list[Command]:
    """All processes of a stack in the order in which they start."""
    servers = [server_command(stack.server)] if stack.server else []
    return [*servers, *(node_command(node) for node in stack.nodes)]


def run(commands: Sequence[Command], main: str, log_folder: Path, env: Mapping[str, str]) -> int:
    """Runs all commands until the one named `main` ends.

    The main command writes to our standard output; everything else goes to `<log_folder>/<name>.log`.

    Returns:
        The exit code of the main command; 1 if another one failed; INTERRUPTED after Ctrl-C or SIGTERM.
    """
    log_folder.mkdir(parents=True, exist_ok=True)
    with _Signals() as signals:
        group = _Group(main, log_folder, env)
        try:
            failed = group.watch(commands, signals)
            if signals.count:
                return INTERRUPTED
            if failed is not None:
                group.end_main(signals)
        finally:
            group.end_all()
        if failed is not None:
            print(group.describe_failure(failed), file=sys.stderr, flush=True)
            return group.code(failed) if failed == main else 1
        return group.code(main)


class _Signals:
    """Counts requests to end (Ctrl-C, SIGTERM, a closed terminal) instead of letting them break in anywhere."""

    def __init__(self):
        self.count = 0
        self._previous = {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exception):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _on_signal(self, number, frame):
        self.count += 1


class _Group:
    """The running processes."""

    def __init__(self, main: str, log_folder: Path, env: Mapping[str, str]):
        self._main, self._log_folder = main, log_folder
        self._env = {**env, LAUNCHER_VARIABLE: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        self._processes: dict[str, subprocess.Popen] = {}
        self._end_last: set[str] = set()

    def start(self, command: Command) -> None:
        if command.ends_last:
            self._end_last.add(command.name)
        with open(self._log(command.name), "ab") as log:
            self._processes[command.name] = subprocess.Popen(
                [sys.executable, "-m", "craft_nodes.child", command.target, *command.arguments],
                stdin=subprocess.DEVNULL,
                stdout=None if command.name == self._main else log,
                stderr=log,
                env={**self._env, **(command.env or {})},
                # In a session of its own Ctrl-C reaches only the launcher, which ends the others in order.
                start_new_session=True,
            )

    def watch(self, commands: Sequence[Command], signals: _Signals) -> str | None:
        """Starts all processes, and waits until the main one ends, another one fails or the user wants to end.

        Returns:
            Name of the process that failed, if one did.
        """
        waiting = list(commands)
        while not signals.count:
            for command in tuple(waiting):
                if not command.after_port or is_listening(LOOPBACK, command.after_port):
                    self.start(command)
                    waiting.remove(command)
            for name, process in self._processes.items():
                if process.poll():
                    return name
            if self._main in self._processes and self._processes[self._main].poll() is not None:
                return None
            time.sleep(_POLL_S)
        self.end_main(signals)
        return None

    def end_main(self, signals: _Signals) -> None:
        """Lets the main process save its state while the others still run; a second Ctrl-C cuts that short."""
        process, begin, already = self._processes.get(self._main), time.monotonic(), signals.count
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        while process.poll() is None and time.monotonic() - begin < _MAIN_PATIENCE_S and signals.count == already:
            time.sleep(_POLL_S)

    def end_all(self) -> None:
        """Ends every process that still runs."""
        self._end([process for name, process in self._processes.items() if name not in self._end_last])
        self._end([self._processes[name] for name in self._end_last])

    @staticmethod
    def _end(processes: list[subprocess.Popen]) -> None:
        """Sends stronger and stronger signals."""
        for number, patience in _PATIENCE_S:
            running = [process for process in processes if process.poll() is None]
            for process in running:
                process.send_signal(number)
            until = time.monotonic() + patience
            while any(p.poll() is None for p in running) and time.monotonic() < until:
                time.sleep(_POLL_S)

    def code(self, name: str) -> int:
        """Exit code of an ended process; 128 + n for one that signal n ended, as shells have it."""
        code = self._processes[name].returncode
        return code if code >= 0 else 128 - code

    def describe_failure(self, name: str) -> str:
        """One message: who failed, how, and its last words."""
        lines = [line for line in _tail(self._log(name)).splitlines() if line.strip()]
        code = self._processes[name].returncode
        if code == _USER_ERROR and lines:
            return lines[-1]
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        words = "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:]) or "  (it said nothing)"
        return f"craft: {name} {how}. Its last words, from {self._log(name)}:\n{words}"

    def _log(self, name: str) -> Path:
        return self._log_folder / f"{name}.log"


def _tail(path: Path, size: int = 16384) -> str:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - size))
        return file.read().decode(errors="replace")
