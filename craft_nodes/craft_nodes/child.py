"""Runs one program of the stack in this process: `python -m craft_nodes.child <target> [arguments]`.

`<target>` is `module:function` or the name of a module that would be run with `python -m`. The process is told to end
when its launcher ends, however that happens, so that no node is ever left behind.
"""

import ctypes
import importlib
import os
import runpy
import signal
import sys
import threading
import time

LAUNCHER_VARIABLE = "CRAFT_LAUNCHER_PID"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_GRACE_S = 10.0  # a node that has not followed its launcher by then is ended: CARLA's client can wait for ever [s]


def _end_with_launcher() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The launcher may have ended before the line above; then nobody would ever send the signal.
    if os.getppid() != int(os.environ[LAUNCHER_VARIABLE]):
        sys.exit(1)
    threading.Thread(target=_insist, args=(os.getppid(),), daemon=True).start()


def _insist(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(1.0)
    time.sleep(_GRACE_S)
    os._exit(1)


def main() -> None:
    """Entry point; see the module."""
    _end_with_launcher()
    target, sys.argv = sys.argv[1], sys.argv[1:]
    module, _, function = target.partition(":")
    if function:
        sys.argv[0] = module
        getattr(importlib.import_module(module), function)()
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
