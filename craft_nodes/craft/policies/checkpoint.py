"""Checkpoint folders: config.json with the sha256 of each of the other files."""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT_VERSION = 1
CONFIG_NAME = "config.json"
_CURE = "restore the folder, or make it anew with `craft pretrain`"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint folder holds, already checked against its hashes.

    Attributes:
        folder: Where it was read from.
        family: Policy family that it belongs to.
        settings: The family's own part of config.json.
        files: File name -> bytes.
    """

    folder: Path
    family: str
    settings: dict[str, Any]
    files: dict[str, bytes]


def write_checkpoint(folder: Path, family: str, settings: dict[str, Any], files: dict[str, bytes]) -> None:
    """Writes a checkpoint folder beside its place and moves it there; a reader never sees a partial one."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        fresh, old = scratch / "fresh", scratch / "old"
        fresh.mkdir()
        for name, data in files.items():
            (fresh / name).write_bytes(data)
        config = {
            "format_version": FORMAT_VERSION,
            "family": family,
            "settings": settings,
            "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
        (fresh / CONFIG_NAME).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        if folder.exists():
            os.rename(folder, old)
        os.rename(fresh, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def read_config(folder: Path) -> dict[str, Any]:
    """The parsed config.json of a checkpoint; raises ValueError when it is missing, malformed or of another format."""
    path = Path(folder) / CONFIG_NAME
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise ValueError(f"there is no policy checkpoint at {folder} ({CONFIG_NAME} is missing); {_CURE}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not readable ({error}); {_CURE}") from error
    missing = [
        key
        for key, kind in (("format_version", int), ("family", str), ("settings", dict), ("sha256", dict))
        if not isinstance(config, dict) or not isinstance(config.get(key), kind)
    ]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}; {_CURE}")
    if config["format_version"] != FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {config['format_version']}, this release reads {FORMAT_VERSION}; "
            "make the checkpoint anew with `craft pretrain`"
        )
    return config


def read_checkpoint(folder: Path, family: str, required: tuple[str, ...]) -> Checkpoint:
    """Reads and checks a checkpoint folder.

    Args:
        folder: The folder.
        family: Family that it must belong to.
        required: Names of the files that it must have.

    Raises:
        ValueError: Missing, corrupt, of another family, or a file whose hash is not the one in config.json.
    """
    folder = Path(folder)
    config = read_config(folder)
    if config["family"] != family:
        raise ValueError(f"the checkpoint {folder} is of family {config['family']!r}, expected {family!r}")
    files = {}
    for name in required:
        announced = config["sha256"].get(name)
        if announced is None:
            raise ValueError(f"{folder / CONFIG_NAME} names no sha256 for {name}; {_CURE}")
        try:
            files[name] = (folder / name).read_bytes()
        except OSError as error:
            raise ValueError(
                f"the checkpoint file {folder / name} is not readable ({error.strerror}); {_CURE}"
            ) from error
        found = hashlib.sha256(files[name]).hexdigest()
        if found != announced:
            raise ValueError(
                f"the checkpoint file {folder / name} is damaged: its sha256 is {found[:12]}…, "
                f"{CONFIG_NAME} says {str(announced)[:12]}…; {_CURE}"
            )
    return Checkpoint(folder, family, config["settings"], files)
