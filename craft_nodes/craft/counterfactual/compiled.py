"""Compiled entry points with a disk cache that can be trusted."""

import hashlib
import os
from pathlib import Path

import numba

import craft

_SOURCES = ("scene", "vehicle", "counterfactual")  # packages whose code goes into a compiled entry point


def compiled(function):
    """Compile without the interpreter lock, cached on disk.

    numba's cache looks at the file of the function alone and would run old code after a change to a function that it
    calls. So the cache lies in a folder named after a digest of all sources that go into the code: below
    NUMBA_CACHE_DIR, or ~/.cache/craft.
    """
    package = Path(craft.__file__).parent
    digest = hashlib.sha256()
    for source in sorted(path for name in _SOURCES for path in (package / name).glob("*.py")):
        if not source.name.startswith("torch_"):  # the torch engine compiles nothing
            digest.update(source.read_bytes())
    base = Path(os.environ.get("NUMBA_CACHE_DIR") or Path.home() / ".cache" / "craft")
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(base / digest.hexdigest()[:16])
    try:
        return numba.njit(nogil=True, cache=True)(function)
    finally:
        numba.config.CACHE_DIR = before
