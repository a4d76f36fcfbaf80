"""How every node process starts and ends."""

import os
import sys
from collections.abc import Callable

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from craft_nodes.execution import make_executor
from craft_nodes.parameters import ParameterError


def run(make_node: Callable[[], Node], work: Callable[[Node], int | None] | None = None) -> None:
    """Create a node and spin it (or let `work(node)` do the job); ends quietly on Ctrl-C and on a shutdown.

    Exits with 2 and one line on stderr when the node cannot start for a reason that its user can mend, else with what
    `work` returns.
    """
    code = 0
    rclpy.init()
    node = None
    try:
        node = make_node()
        code = work(node) or 0 if work else _spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (ParameterError, ValueError, OSError) as error:
        print(f"{node.get_name() if node else 'craft'}: {error}", file=sys.stderr, flush=True)
        code = 2
    finally:
        if node is not None:
            if hasattr(node, "close"):
                node.close()
            node.destroy_node()
        rclpy.try_shutdown()
    # Everything that matters is closed by now. Taking down an interpreter with torch and numba in it takes seconds, and
    # it has been seen to crash in the threads of the CARLA client meanwhile.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _spin(node: Node) -> int:
    executor = make_executor(node)
    executor.spin()
    return 0
