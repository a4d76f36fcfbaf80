"""Checkpoint folders: bit-exact round trips, and one clear message for each way to be wrong."""

import json
import os

import numpy as np
import pytest
import torch

from craft.policies import ObservationBatch, load_policy
from craft.policies.checkpoint import write_checkpoint
from craft.policies.conformance import random_observation
from craft.policies.vocabulary import VocabularyConfig, VocabularyPolicy, vocabulary_sha256
from inline_policy import InlinePolicy
from small_vocabulary import arcs, small_policy

FILES = ("frozen.safetensors", "trainable.safetensors", "vocabulary.safetensors")


@pytest.fixture
def folder(tmp_path):
    small_policy(seed=7).save(tmp_path / "policy")
    return tmp_path / "policy"


def test_a_loaded_policy_is_the_saved_one_bit_for_bit(folder):
    saved, loaded = small_policy(seed=7), load_policy(folder)
    batch = ObservationBatch.from_observations([random_observation(np.random.default_rng(0))])
    for mine, theirs in zip(saved.encode(batch)[:1], loaded.encode(batch)[:1], strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(saved.score(*saved.encode(batch)), loaded.score(*loaded.encode(batch)))
    assert loaded.trainable_bytes() == saved.trainable_bytes()
    assert loaded.vocabulary_sha256 == saved.vocabulary_sha256
    assert loaded.version == 0


def test_saving_twice_gives_the_same_bytes_and_leaves_nothing_else(folder):
    first = {name: (folder / name).read_bytes() for name in (*FILES, "config.json")}
    load_policy(folder).save(folder)
    assert {name: (folder / name).read_bytes() for name in os.listdir(folder)} == first
    assert os.listdir(folder.parent) == ["policy"]


def test_the_full_size_checkpoint_is_small(tmp_path):
    rng = np.random.default_rng(0)
    VocabularyPolicy(VocabularyConfig(), rng.normal(size=(512, 6, 3))).save(tmp_path / "policy")
    size = sum((tmp_path / "policy" / name).stat().st_size for name in os.listdir(tmp_path / "policy"))
    assert size < 3_000_000


def test_the_vocabulary_hash_is_that_of_its_bytes():
    # SHA-256 of the 8 bytes 00 00 80 3f 00 00 00 c0: float32 1.0 and -2.0, little endian.
    import hashlib

    wanted = hashlib.sha256(bytes.fromhex("0000803f000000c0")).hexdigest()
    assert vocabulary_sha256(torch.tensor([1.0, -2.0], dtype=torch.float64)) == wanted


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"{name} is damaged.*craft pretrain"):
        load_policy(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"{name} is not readable.*craft pretrain"):
        load_policy(folder)


def _edit(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(format_version=99), "format version 99, this release reads 1"),
        (lambda config: config.pop("family"), "lacks family"),
        (lambda config: config["sha256"].pop("frozen.safetensors"), "names no sha256 for frozen.safetensors"),
        (lambda config: config["settings"].pop("network"), "network"),
        (lambda config: config["settings"]["network"].update(horizon=3), "unknown setting 'horizon'"),
        (lambda config: config["settings"]["network"].pop("agents"), "missing setting 'agents'"),
        (lambda config: config["settings"]["network"].update(agents=0), "agents must be a positive int, not 0"),
        (lambda config: config["settings"]["network"].update(token_size=30), "multiple of attention_heads"),
        (lambda config: config["settings"]["network"].update(token_size=16), r"expected torch.float32 \[16"),
        (lambda config: config["settings"].update(candidates=5), r"expected torch.float32 \[5, 6, 3\]"),
    ],
)
def test_a_wrong_config_is_explained(folder, change, message):
    _edit(folder, change)
    with pytest.raises(ValueError, match=message):
        load_policy(folder)


def test_a_folder_without_checkpoint_and_one_with_a_broken_config_are_explained(tmp_path, folder):
    with pytest.raises(ValueError, match="no policy checkpoint at .*nowhere.*craft pretrain"):
        load_policy(tmp_path / "nowhere")
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match="config.json is not readable"):
        load_policy(folder)


def test_a_checkpoint_of_another_family_is_refused(tmp_path):
    InlinePolicy().save(tmp_path / "policy")
    with pytest.raises(ValueError, match="is of family 'inline', expected 'vocabulary'"):
        VocabularyPolicy.load(tmp_path / "policy")


def test_a_write_that_fails_leaves_the_old_checkpoint_alone(folder):
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    with pytest.raises(TypeError):  # settings that JSON cannot hold: fails after the data files were written
        write_checkpoint(folder, "vocabulary", {"network": object()}, {"frozen.safetensors": b"half"})
    assert {name: (folder / name).read_bytes() for name in os.listdir(folder)} == before
    assert os.listdir(folder.parent) == ["policy"]


def test_an_impossible_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"a vocabulary must be \[G, 6, 3\], not \[12, 6, 2\]"):
        VocabularyPolicy(VocabularyConfig(), arcs()[..., :2])
