"""Runs `craft` and single nodes as processes of a test, each in a session of its own, and ends them by their pid."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from craft_nodes.child import LAUNCHER_VARIABLE

ROOT = Path(__file__).parents[2]
PYTHON_PATH = os.pathsep.join([str(ROOT / "craft_nodes"), str(ROOT / "carla_light")])


class Process:
    """One process and its output.

    Args:
        arguments: After `python -m`.
        log: File that takes stdout and stderr.
        domain: ROS_DOMAIN_ID.
        env: Further environment variables.
    """

    def __init__(self, *arguments, log: Path, domain: int, env: dict[str, str] | None = None):
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, "PYTHONPATH": PYTHON_PATH, "ROS_DOMAIN_ID": str(domain), **(env or {})},
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def output(self) -> str:
        """What was written so far."""
        return self.log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self, timeout_s: float) -> int:
        """The exit code."""
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """End it at once; its own children are told by the kernel (craft_nodes.child)."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Ask it to end, then insist."""
        if self.running:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20.0)
            except subprocess.TimeoutExpired:
                self.kill()


def node(name: str, log: Path, domain: int, parameters: dict | None = None, remappings=(), namespace="") -> Process:
    """One node of craft_nodes with the parameters given here alone."""
    arguments = ["--ros-args"]
    for key, value in (parameters or {}).items():
        arguments += ["-p", f"{key}:={yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}"]
    for before, after in remappings:
        arguments += ["-r", f"{before}:={after}"]
    if namespace:
        arguments += ["-r", f"__ns:=/{namespace}"]
    target = f"craft_nodes.{name}_node:main"
    return child(target, *arguments, log=log, domain=domain)


def child(target: str, *arguments, log: Path, domain: int) -> Process:
    """A program of the stack, started as the launcher does; it ends with this process, however that ends."""
    env = {LAUNCHER_VARIABLE: str(os.getpid()), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return Process("craft_nodes.child", target, *arguments, log=log, domain=domain, env=env)


class Server:
    """carla_light on a free port."""

    def __init__(self, log: Path, domain: int):
        self.process = child("carla_light", "--port", "0", log=log, domain=domain)
        while not (listening := re.search(r"127\.0\.0\.1:(\d+)", self.process.output)):
            if not self.process.running:
                raise RuntimeError(f"carla_light ended: {self.process.output}")
        self.port = int(listening.group(1))

    def end(self) -> None:
        """End the server."""
        self.process.end()


def params_file(path: Path, **changes) -> Path:
    """config/craft.yaml with some values changed: params_file(path, trainer={"rounds": 2}, ...)."""
    content = yaml.safe_load((ROOT / "config/craft.yaml").read_text())
    for node_name, values in changes.items():
        content[f"/**/{node_name}"]["ros__parameters"].update(values)
    path.write_text(yaml.safe_dump(content))
    return path


def descendants(pid: int) -> list[int]:
    """Pids of all processes below this one."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        new = children.get(waiting.pop(), [])
        found += new
        waiting += new
    return found
