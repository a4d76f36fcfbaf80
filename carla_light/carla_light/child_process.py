"""The server as a child process, for programs and tests that bring their own world."""

import os
import re
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from carla_light.errors import ServerError

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
_LISTENING = re.compile(r"^carla_light: listening on \S+:(\d+) ", re.MULTILINE)


class Server:
    """A carla_light server in a process of its own.

    It ends with `stop`, at the end of a `with` block, and when this process ends, however it ends: its standard input
    is a pipe that only this process holds open.

    Example:
        with Server() as server:
            client = carla.Client("127.0.0.1", server.port)
    """

    def __init__(self, map: str | Path | None = None, port: int = 0, host: str = "127.0.0.1") -> None:
        """Describes a server.

        Args:
            map: An OpenDRIVE file or the name of a town of ours; None for the default town.
            port: Port to listen on; 0 takes a free one.
            host: Address to listen on.
        """
        self.port = port
        self._command = [sys.executable, "-m", "carla_light", "--until-stdin-closes"]
        self._command += ["--host", host, "--port", str(port)]
        if map is not None:
            self._command += ["--map", str(map)]
        self._process: subprocess.Popen | None = None
        self._log: tempfile._TemporaryFileWrapper | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> "Server":
        """Starts the process and waits until it listens.

        Raises:
            ServerError: It ended (the message is the server's own), or did not listen in time.
        """
        if self._process is not None:
            raise ServerError(f"the carla_light server at port {self.port} already runs; stop it first")
        # stderr goes to a file: a pipe that nobody reads would block the server once it is full.
        self._log = tempfile.NamedTemporaryFile(prefix="carla_light_", suffix=".log")  # noqa: SIM115
        package_root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C at the terminal ends the parent, and it the server
        )
        try:
            self.port = self._wait_until_listening()
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_until_listening(self) -> int:
        deadline = time.monotonic() + START_TIMEOUT_S
        output, received = self._process.stdout, b""
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0.0:
                if not selector.select(left):
                    break
                chunk = os.read(output.fileno(), 4096)
                if not chunk:
                    raise ServerError(self.log().strip() or "the carla_light server ended while it started")
                received += chunk
                match = _LISTENING.search(received.decode(errors="replace"))
                if match:
                    return int(match.group(1))
        raise ServerError(f"the carla_light server did not listen within {START_TIMEOUT_S:.0f} s")

    def log(self) -> str:
        """What the server wrote to stderr so far."""
        return Path(self._log.name).read_text(errors="replace") if self._log is not None else ""

    def stop(self) -> None:
        """Ends the process; does nothing if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.stdin.close()
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._log.close()
        self._log = None

    def __enter__(self) -> "Server":
        """Starts the server."""
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        """Stops the server."""
        self.stop()
