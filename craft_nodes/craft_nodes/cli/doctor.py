"""`craft doctor`: checks the whole installation and says what is wrong and what to do about it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from craft_nodes.cli.environment import dds_environment
from craft_nodes.cli.paths import config_folder
from craft_nodes.stack import CARLA_PORT, LOOPBACK, free_ports
from craft_nodes.waiting import is_listening, wait_for_port

_SOURCE = Path(__file__).resolve().parents[3]  # the source tree; an installed copy has none
_SET_UP = "run `make setup`"
_DISK_GB = 2.0  # what a long run with its logs and weights may take
_CARLA_VERSION = "0.9.16"
_SERVER_PATIENCE_S = 30.0
_DDS_PATIENCE_S = 30.0


class Problem(Exception):
    """A check that failed: what is wrong, and the cure."""

    def __init__(self, what: str, cure: str):
        super().__init__(what)
        self.cure = cure


@dataclass(frozen=True)
class Check:
    """One line of the table. `run` returns what was found, or raises Problem."""

    name: str
    run: Callable[[], str]


def check_python() -> str:
    """The interpreter is one that the carla client exists for."""
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        raise Problem(f"Python {version}", "use Python 3.10, 3.11 or 3.12: remove .venv and " + _SET_UP)
    return version


def check_shell() -> str:
    """No ROS installation is mixed with the ROS wheels of the environment."""
    foreign = [name for name in ("PYTHONPATH", "AMENT_PREFIX_PATH") if "/opt/ros/" in os.environ.get(name, "")]
    if foreign and sys.prefix != sys.base_prefix and not _inherits_system_packages():
        raise Problem(f"a ROS installation is sourced ({', '.join(foreign)})", "open a shell without it")
    return "no second ROS in the way"


def _inherits_system_packages() -> bool:
    return "include-system-site-packages = true" in (Path(sys.prefix) / "pyvenv.cfg").read_text()


def pinned(lines: Iterable[str]) -> dict[str, str]:
    """Names and versions of the `name==version` lines that hold for this interpreter."""
    result = {}
    for line in lines:
        match = re.match(
            r"([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^\s;]+)\s*(?:;\s*python_version\s*(>=|<)\s*\"3\.(\d+)\")?", line
        )
        if not match:
            continue
        name, version, comparison, minor = match.groups()
        if comparison is None or (sys.version_info[1] >= int(minor)) == (comparison == ">="):
            result[name] = version
    return result


def check_pins() -> str:
    """Every pinned package is installed in its pinned version."""
    if not (_SOURCE / "requirements.txt").is_file():
        return "skipped: no requirements.txt beside an installed package"
    pins = {}
    for file in ("requirements.txt", "scripts/ros_jazzy_constraints.txt"):
        pins |= pinned((_SOURCE / file).read_text().splitlines())
    wrong = []
    for name, version in pins.items():
        try:
            # A local part (+cpu) is another build of the same version.
            found = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            found = "missing"
        if found != version:
            wrong.append(f"{name} {found} instead of {version}")
    if wrong:
        raise Problem("; ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""), _SET_UP)
    return f"{len(pins)} packages"


def fields_in_source(path: Path) -> list[str]:
    """Names of the fields that a .msg file defines, in order."""
    names = []
    for line in path.read_text().splitlines():
        words = line.partition("#")[0].split()
        if len(words) >= 2 and "=" not in line.partition("#")[0]:
            names.append(words[1])
    return names


def check_messages() -> str:
    """The message packages import, and have the fields of their sources."""
    packages = {"craft_msgs": [], "carla_msgs": [], "derived_object_msgs": []}
    for package in packages:
        try:
            module = __import__(f"{package}.msg").msg
        except ImportError as error:
            raise Problem(f"{package} cannot be imported ({error})", _SET_UP + ", or source the workspace") from error
        for source in sorted((_SOURCE / "ros_ws" / "src" / package / "msg").glob("*.msg")):
            kind = getattr(module, source.stem, None)
            if kind is None or list(kind.get_fields_and_field_types()) != fields_in_source(source):
                raise Problem(f"{package}/{source.stem} is not built from its source", _SET_UP)
            packages[package].append(source.stem)
    return ", ".join(f"{package} {len(names)}" for package, names in packages.items())


_TALK = """
import rclpy
from std_msgs.msg import String
from rclpy.executors import ExternalShutdownException
rclpy.init()
node = rclpy.create_node("doctor_talker")
publisher = node.create_publisher(String, "doctor", 10)
node.create_timer(0.05, lambda: publisher.publish(String(data="well")))
try:
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException):
    pass
"""
_LISTEN = f"""
import sys, time
import rclpy
from std_msgs.msg import String
heard = []
rclpy.init()
node = rclpy.create_node("doctor_listener")
node.create_subscription(String, "doctor", heard.append, 10)
until = time.monotonic() + {_DDS_PATIENCE_S}
while not heard and time.monotonic() < until:
    rclpy.spin_once(node, timeout_sec=0.1)
rclpy.shutdown()
sys.exit(not heard)
"""


def check_dds() -> str:
    """A message goes from one process to another."""
    env = {**os.environ, **dds_environment(os.environ, config_folder() / "fastdds_loopback.xml")}
    talker = subprocess.Popen(
        [sys.executable, "-c", _TALK], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        listener = subprocess.run([sys.executable, "-c", _LISTEN], env=env, capture_output=True, text=True, check=False)
    finally:
        talker.terminate()
        talker.wait(timeout=10)
    if listener.returncode:
        detail = listener.stderr.strip().splitlines()
        raise Problem(
            detail[-1] if detail else f"no message arrived within {_DDS_PATIENCE_S:.0f} s",
            "allow UDP on the loopback interface, and unset RMW_IMPLEMENTATION and FASTRTPS_DEFAULT_PROFILES_FILE",
        )
    return f"domain {env['ROS_DOMAIN_ID']}, two processes"


def check_carla() -> str:
    """The client is the version that the servers speak."""
    try:
        version = metadata.version("carla")
        __import__("carla")
    except (metadata.PackageNotFoundError, ImportError) as error:
        raise Problem(f"the carla client cannot be imported ({error})", _SET_UP) from error
    if version != _CARLA_VERSION:
        raise Problem(f"the carla client is {version}, not {_CARLA_VERSION}", _SET_UP)
    return version


def check_carla_light() -> str:
    """The embedded server starts and answers the official client."""
    import carla

    port = free_ports(2)
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen([sys.executable, "-m", "carla_light", "--port", str(port)], stdout=log, stderr=log)
        try:
            if not wait_for_port(LOOPBACK, port, _SERVER_PATIENCE_S):
                log.seek(0)
                words = log.read().strip().splitlines() or [f"it does not listen after {_SERVER_PATIENCE_S:.0f} s"]
                raise Problem(words[-1], _SET_UP + "; if that does not help, see what `python -m carla_light` says")
            client = carla.Client(LOOPBACK, port)
            client.set_timeout(_SERVER_PATIENCE_S)
            version = client.get_server_version()
        finally:
            server.terminate()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    if version != _CARLA_VERSION:
        raise Problem(f"the server says that it is version {version}", _SET_UP)
    return f"answers on the loopback address as {version}"


def check_torch() -> str:
    """PyTorch computes."""
    try:
        import torch
    except (ImportError, OSError) as error:
        raise Problem(f"torch cannot be imported ({error})", _SET_UP) from error
    if not torch.allclose(torch.ones(4, 4) @ torch.ones(4, 4), torch.full((4, 4), 4.0)):
        raise Problem("torch multiplies wrongly", "reinstall torch: remove .venv and " + _SET_UP)
    return f"{torch.__version__}, {torch.get_num_threads()} threads"


def check_kernels() -> str:
    """What numba compiled can be kept, so that a node starts in seconds."""
    import craft

    # craft.counterfactual.compiled keeps its own below NUMBA_CACHE_DIR or ~/.cache/craft, numba the others beside
    # the code.
    own = Path(os.environ.get("NUMBA_CACHE_DIR") or Path.home() / ".cache" / "craft")
    existing = next(folder for folder in (own, *own.parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        raise Problem(
            f"compiled kernels cannot be kept in {own}", "set NUMBA_CACHE_DIR to a folder that can be written"
        )
    compiled = sum(len(list(folder.rglob("*.nbi"))) for folder in (own, Path(craft.__file__).parent))
    if not compiled:
        raise Problem("no kernel has been compiled yet; the first run would wait for it", _SET_UP)
    return f"{compiled} compiled kernels"


def check_disk() -> str:
    """There is room for a run."""
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    if free < _DISK_GB:
        raise Problem(f"{free:.1f} GB free in {Path.cwd()}", f"make {_DISK_GB:.0f} GB free, or work in another folder")
    return f"{free:.0f} GB free"


def check_memory_files() -> str:
    """No shared memory of ended DDS processes fills /dev/shm."""
    folder = Path("/dev/shm")
    files = list(folder.glob("fastrtps_*")) if folder.is_dir() else []
    if len(files) > 200:
        raise Problem(
            f"{len(files)} files of ended DDS processes in /dev/shm", "end all ROS nodes and run `fastdds shm clean`"
        )
    return f"{len(files)} files of DDS in /dev/shm"


def check_ports() -> str:
    """A server can be opened on the loopback address; says whether CARLA's own port is taken."""
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, 0))
        except OSError as error:
            raise Problem(
                f"no port can be opened on 127.0.0.1 ({error})", "check the loopback interface: `ip addr show lo`"
            ) from error
    busy = is_listening(LOOPBACK, CARLA_PORT)
    return f"a server listens on port {CARLA_PORT}" if busy else f"port {CARLA_PORT} is free"


CHECKS = (
    Check("Python", check_python),
    Check("shell", check_shell),
    Check("pinned packages", check_pins),
    Check("messages", check_messages),
    Check("DDS", check_dds),
    Check("carla client", check_carla),
    Check("carla_light", check_carla_light),
    Check("torch", check_torch),
    Check("kernels", check_kernels),
    Check("disk", check_disk),
    Check("shared memory", check_memory_files),
    Check("ports", check_ports),
)


def main(checks: Iterable[Check] = CHECKS, console: Console | None = None) -> int:
    """Runs all checks and prints a table.

    Returns:
        0 if all passed, else 1.
    """
    console = console or Console()
    table = Table("check", "", "found", "what to do", title="craft doctor")
    failed = 0
    for check in checks:
        try:
            table.add_row(check.name, "[green]ok[/]", escape(check.run()), "")
        except Problem as problem:
            failed += 1
            table.add_row(check.name, "[red]wrong[/]", escape(str(problem)), escape(problem.cure))
        except Exception as error:  # a check must not hide the others, whatever a broken installation throws
            failed += 1
            table.add_row(check.name, "[red]wrong[/]", escape(f"{type(error).__name__}: {error}"), _SET_UP)
    console.print(table)
    console.print(f"{failed} of {len(table.rows)} checks failed" if failed else "everything is in place")
    return 1 if failed else 0
