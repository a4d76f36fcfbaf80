"""Waiting for a server: `python -m craft_nodes.waiting <host> <port> <seconds>` ends once somebody listens there."""

import socket
import sys
import time

_PAUSE_S = 0.1


def is_listening(host: str, port: int) -> bool:
    """Whether a TCP connection to host:port succeeds right now."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def wait_for_port(host: str, port: int, patience_s: float) -> bool:
    """Waits until somebody listens at host:port; False if nobody did within `patience_s` of wall time."""
    until = time.monotonic() + patience_s
    while not is_listening(host, port):
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE_S)
    return True


if __name__ == "__main__":
    if not wait_for_port(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])):
        sys.exit(f"nobody listens at {sys.argv[1]}:{sys.argv[2]} after {sys.argv[3]} s")
