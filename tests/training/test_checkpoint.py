"""A checkpoint is the old one or the new one, whole and checked."""

import json
import os
from contextlib import nullcontext

import pytest
import torch

from craft import files
from craft.training import checkpoint
from craft.training.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint

STATE = {"weights": {"w": torch.arange(3.0)}, "round": 3, "note": "a", "history": [1.0, 2.0]}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run" / "checkpoint"


def test_round_trip(folder):
    assert not has_checkpoint(folder)
    save_checkpoint(folder, STATE)
    loaded = load_checkpoint(folder)
    assert torch.equal(loaded.pop("weights")["w"], torch.arange(3.0))
    assert loaded == {"round": 3, "note": "a", "history": [1.0, 2.0]}
    assert has_checkpoint(folder)


def test_replaces_the_previous_one_and_leaves_nothing_beside_it(folder):
    save_checkpoint(folder, STATE)
    (folder.parent / ".checkpoint.left").mkdir()  # by a process that was killed while writing
    save_checkpoint(folder, STATE | {"round": 4})
    assert load_checkpoint(folder)["round"] == 4
    assert [path.name for path in folder.parent.iterdir()] == ["checkpoint"]


class PowerCut(BaseException):
    """Ends a save where it stands, past every handler of ordinary errors."""


def save_with_power_cut(state, folder, monkeypatch, after):
    """Saves, but the power fails instead of the change number `after` to the file system; returns the changes made."""
    made = 0

    def guarded(change):
        def change_or_fail(*args, **kwargs):
            nonlocal made
            if made == after:
                raise PowerCut
            made += 1
            return change(*args, **kwargs)

        return change_or_fail

    with monkeypatch.context() as patch:
        for owner, name in ((os, "replace"), (os, "rename"), (files.shutil, "rmtree")):
            patch.setattr(owner, name, guarded(getattr(owner, name)))
        with pytest.raises(PowerCut) if after is not None else nullcontext():
            save_checkpoint(folder, state)
    return made


def test_a_crash_at_any_step_leaves_a_whole_checkpoint(folder, monkeypatch):
    save_checkpoint(folder, STATE)
    changes = save_with_power_cut(STATE, folder, monkeypatch, after=None)
    assert changes >= 4  # two files, two renames
    seen = []
    for after in range(changes):
        save_checkpoint(folder, STATE)
        save_with_power_cut(STATE | {"round": 4}, folder, monkeypatch, after)
        seen.append(load_checkpoint(folder)["round"])
    # the old one up to some step, the new one from there on
    assert set(seen) == {3, 4} and seen == sorted(seen)
    # and the next save works from wherever the last crash left off
    save_checkpoint(folder, STATE | {"round": 5})
    assert load_checkpoint(folder)["round"] == 5


def test_missing(folder):
    with pytest.raises(ValueError, match=f"there is no checkpoint at {folder}: start the run without resuming"):
        load_checkpoint(folder)


def test_a_flipped_bit_is_found(folder):
    save_checkpoint(folder, STATE)
    state = folder / checkpoint.STATE_NAME
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)
    with pytest.raises(ValueError, match=r"state.pt is damaged: its sha256 is .* restore the folder from a copy"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", [checkpoint.STATE_NAME, checkpoint.MANIFEST_NAME])
@pytest.mark.parametrize("damage", ["removed", "emptied"])
def test_a_lost_file_is_named(folder, name, damage):
    save_checkpoint(folder, STATE)
    (folder / name).unlink() if damage == "removed" else (folder / name).write_bytes(b"")
    with pytest.raises(ValueError, match="damaged.*restore the folder from a copy, or start a new run"):
        load_checkpoint(folder)


@pytest.mark.parametrize("manifest", ["[]", '{"format_version": 1}', '{"format_version": 1, "sha256": {}}'])
def test_a_manifest_of_something_else_is_refused(folder, manifest):
    save_checkpoint(folder, STATE)
    (folder / checkpoint.MANIFEST_NAME).write_text(manifest)
    with pytest.raises(ValueError, match="is damaged"):
        load_checkpoint(folder)


def test_another_format_is_refused(folder):
    save_checkpoint(folder, STATE)
    manifest = folder / checkpoint.MANIFEST_NAME
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format_version": 99}))
    with pytest.raises(ValueError, match="format version 99, this release reads 1"):
        load_checkpoint(folder)


def test_code_in_a_checkpoint_is_not_run(folder):
    """The hash says that the file is what was written, not that it is harmless."""

    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(folder.parent / "harmed"),)

    save_checkpoint(folder, {"x": Harmful()})
    with pytest.raises(ValueError, match="is not readable"):
        load_checkpoint(folder)
    assert not (folder.parent / "harmed").exists()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new" / "file"
    files.write_atomically(path, b"first")

    def fails(*args):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="no space left"):
            files.write_atomically(path, b"second")
    assert path.read_bytes() == b"first"
    assert [p.name for p in path.parent.iterdir()] == ["file"]
