"""Everything that a resume needs, in one folder that is complete or not there."""

import hashlib
import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from craft.files import present_folder, replace_folder

FORMAT_VERSION = 1
STATE_NAME = "state.pt"
MANIFEST_NAME = "manifest.json"
_CURE = "restore the folder from a copy, or start a new run"


def save_checkpoint(folder: Path, state: Mapping[str, Any]) -> None:
    """Writes a checkpoint; the previous one stays until this one is complete.

    Args:
        folder: Its place.
        state: Tensors, numbers, strings, and lists and dictionaries of them.
    """
    stream = io.BytesIO()
    torch.save(dict(state), stream)
    data = stream.getvalue()
    manifest = {"format_version": FORMAT_VERSION, "sha256": {STATE_NAME: hashlib.sha256(data).hexdigest()}}
    replace_folder(Path(folder), {STATE_NAME: data, MANIFEST_NAME: (json.dumps(manifest, indent=2) + "\n").encode()})


def has_checkpoint(folder: Path) -> bool:
    """Whether there is one to resume from."""
    return present_folder(Path(folder)) is not None


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """Reads a checkpoint after checking its hash. No code in the file is run.

    Raises:
        ValueError: It is missing, damaged or of another format; with the cure.
    """
    place = present_folder(Path(folder))
    if place is None:
        raise ValueError(f"there is no checkpoint at {folder}: start the run without resuming, or give another folder")
    try:
        manifest = json.loads((place / MANIFEST_NAME).read_text())
        version, announced = manifest["format_version"], manifest["sha256"][STATE_NAME]
        data = (place / STATE_NAME).read_bytes()
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"the checkpoint {place} is damaged ({type(error).__name__}: {error}); {_CURE}") from error
    if version != FORMAT_VERSION:
        raise ValueError(
            f"the checkpoint {place} has format version {version}, this release reads {FORMAT_VERSION}; "
            "resume it with the release that wrote it, or start a new run"
        )
    found = hashlib.sha256(data).hexdigest()
    if found != announced:
        raise ValueError(
            f"the checkpoint file {place / STATE_NAME} is damaged: its sha256 is {found[:12]}…, "
            f"{MANIFEST_NAME} says {str(announced)[:12]}…; {_CURE}"
        )
    try:
        return torch.load(io.BytesIO(data), weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f"the checkpoint file {place / STATE_NAME} is not readable ({error}); {_CURE}") from error
