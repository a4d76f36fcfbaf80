"""Files that are either the old or the new ones, never a part."""

import os
import shutil
import tempfile
from pathlib import Path

_OLD = ".previous"


def write_atomically(path: Path, data: bytes) -> None:
    """Puts bytes in the place of a file. A crash at any moment leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(scratch, 0o644)
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def replace_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Puts a folder of files in the place of another.

    A folder cannot be replaced in one step, so the old one is first renamed to `<name>.previous`: a crash at any moment
    leaves the old folder complete, here or there, or the new one. `present_folder` finds it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    previous = _previous(folder)
    for leftover in folder.parent.glob(f".{folder.name}.*"):  # of a process that was killed while writing
        shutil.rmtree(leftover, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    for name, data in files.items():
        write_atomically(scratch / name, data)
    if folder.exists():
        shutil.rmtree(previous, ignore_errors=True)
        os.rename(folder, previous)
    os.rename(scratch, folder)
    os.chmod(folder, 0o755)
    shutil.rmtree(previous, ignore_errors=True)


def present_folder(folder: Path) -> Path | None:
    """Where the folder written last by `replace_folder` lies; None where there never was one."""
    for place in (folder, _previous(folder)):
        if place.is_dir():
            return place
    return None


def _previous(folder: Path) -> Path:
    return folder.with_name(folder.name + _OLD)
