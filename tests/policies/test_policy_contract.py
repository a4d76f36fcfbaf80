"""The contract holds for our family and for a third party's, and a policy that breaks it is caught."""

import hashlib

import numpy as np
import pytest
import safetensors.torch
import torch

from craft.policies import ObservationBatch, load_policy, policy_families
from craft.policies.conformance import ContractError, check, random_observation
from craft.scene.candidates import Candidates
from inline_policy import InlinePolicy
from small_vocabulary import small_policy


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("make", [small_policy, InlinePolicy])
def test_policies_keep_the_contract_and_are_left_as_they_were(make):
    policy = make()
    before = policy.trainable_bytes()
    check(policy)
    assert policy.trainable_bytes() == before
    assert policy.version == 0


class _SeesPadding(InlinePolicy):
    def encode(self, batch):
        features, candidates = super().encode(batch)
        return features + batch.agents.sum((1, 2))[:, None], candidates


class _Forgetful(InlinePolicy):
    calls = 0

    def encode(self, batch):
        self.calls += 1
        features, candidates = super().encode(batch)
        return features + 0.1 * self.calls, candidates


class _NotFlat(InlinePolicy):
    def encode(self, batch):
        features, candidates = super().encode(batch)
        return features[..., None], candidates


class _Entangled(InlinePolicy):
    def score(self, features, candidates):
        logits = super().score(features, candidates)
        return logits - logits.mean(0)


class _MixesCandidates(InlinePolicy):
    def score(self, features, candidates):
        return super().score(features, candidates) + candidates.trajectories.sum((1, 2, 3))[:, None]


class _ScoresElsewhere(InlinePolicy):
    def score(self, features, candidates):
        return 2.0 * super().score(features, candidates)


class _NothingTrainable(InlinePolicy):
    def __init__(self):
        super().__init__()
        self.trainable.requires_grad_(False)


class _TakesAnything(InlinePolicy):
    def load_trainable_bytes(self, data, sha256, version=None):
        self.trainable.load_state_dict(safetensors.torch.load(data))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (_SeesPadding, "not valid change the features"),
        (_Forgetful, "not deterministic"),
        (_NotFlat, "must be flat"),
        (_Entangled, "depend on the other states"),
        (_MixesCandidates, "changes the logits of the others"),
        (_ScoresElsewhere, "copy of `trainable`"),
        (_NothingTrainable, "requires a gradient"),
        (_TakesAnything, "wrong hash"),
    ],
)
def test_each_breach_is_named(broken, message):
    with pytest.raises(ContractError, match=message):
        check(broken())


@pytest.fixture
def states():
    rng = np.random.default_rng(4)
    return ObservationBatch.from_observations([random_observation(rng) for _ in range(3)])


def test_a_swap_of_weights_changes_the_logits_to_those_of_the_other_policy(states):
    policy, other = small_policy(seed=0), small_policy(seed=1)
    features, candidates = policy.encode(states)
    before, wanted = policy.score(features, candidates), other.score(features, candidates)
    data = other.trainable_bytes()
    policy.load_trainable_bytes(data, sha256(data), version=5)
    assert torch.equal(policy.score(features, candidates), wanted)
    assert not torch.allclose(before, wanted)
    assert policy.version == 5
    assert policy.trainable_bytes() == data


def _damage(name):
    weights = safetensors.torch.load(small_policy(seed=1).trainable_bytes())
    if name == "hash":
        data = safetensors.torch.save(weights)
        return data[:-1] + bytes([data[-1] ^ 1]), sha256(data)
    if name == "format":
        return b"no weights", sha256(b"no weights")
    key = sorted(weights)[0]
    if name == "missing":
        del weights[key]
    elif name == "unknown":
        weights["more"] = torch.zeros(1)
    elif name == "shape":
        weights[key] = torch.zeros(2, 2, 2)
    elif name == "type":
        weights[key] = weights[key].double()
    elif name == "finite":
        weights[key].view(-1)[0] = torch.nan
    data = safetensors.torch.save(weights)
    return data, sha256(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("hash", "sha256"),
        ("format", "not a readable safetensors file"),
        ("missing", "is missing"),
        ("unknown", "more is unknown"),
        ("shape", "expected torch.float32"),
        ("type", "torch.float64"),
        ("finite", "1 values that are not finite"),
    ],
)
def test_refused_weights_leave_the_old_ones_in_place(damage, message):
    policy = small_policy()
    policy.version = 3
    before = policy.trainable_bytes()
    with pytest.raises(ValueError, match=message) as error:
        policy.load_trainable_bytes(*_damage(damage), version=4)
    assert "version 4" in str(error.value) and "ersion 3 stays in use" in str(error.value)
    assert policy.trainable_bytes() == before
    assert policy.version == 3


def test_gradients_reach_the_scoring_head_alone(states):
    policy = small_policy()
    policy.score(*policy.encode(states)).logsumexp(1).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in policy.trainable.parameters())
    assert all(p.grad is None and not p.requires_grad for p in policy.encoder.parameters())


def test_one_group_for_each_state_scores_like_a_shared_vocabulary(states):
    policy = small_policy()
    features, shared = policy.encode(states)
    own = Candidates(shared.trajectories.expand(3, -1, -1, -1).contiguous(), shared.valid.expand(3, -1).contiguous())
    torch.testing.assert_close(policy.score(features, own), policy.score(features, shared), atol=1e-5, rtol=1e-5)


def test_a_wrong_number_of_features_or_groups_is_refused(states):
    policy = small_policy()
    features, candidates = policy.encode(states)
    with pytest.raises(ValueError, match=rf"must be \[B, {policy.feature_size}\]"):
        policy.score(features[:, :-1], candidates)
    own = Candidates(candidates.trajectories.expand(2, -1, -1, -1), candidates.valid.expand(2, -1))
    with pytest.raises(ValueError, match="2 groups of candidates for 3 states"):
        policy.score(features, own)


def test_random_weights_leave_the_global_generator_alone():
    torch.manual_seed(11)
    wanted = torch.rand(3)
    torch.manual_seed(11)
    small_policy(seed=2)
    assert torch.equal(torch.rand(3), wanted)


def _install(folder, monkeypatch, value):
    """A distribution that announces the family `inline`, as pip would leave it on disk."""
    info = folder / "inline_policy_demo-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: inline-policy-demo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[craft.policies]\ninline = {value}\n")
    monkeypatch.syspath_prepend(str(folder))


def test_an_installed_family_is_found_by_its_entry_point(tmp_path, monkeypatch):
    policy = InlinePolicy()
    policy.save(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="'inline'; known families: .*vocabulary"):
        load_policy(tmp_path / "checkpoint")
    _install(tmp_path / "site", monkeypatch, "inline_policy:InlinePolicy")
    loaded = load_policy(tmp_path / "checkpoint")
    assert isinstance(loaded, InlinePolicy)
    assert loaded.trainable_bytes() == policy.trainable_bytes()
    assert {"vocabulary", "inline"} <= policy_families().keys()


def test_a_family_that_cannot_be_imported_is_named(tmp_path, monkeypatch):
    InlinePolicy().save(tmp_path / "checkpoint")
    _install(tmp_path / "site", monkeypatch, "no_such_module_anywhere:Policy")
    with pytest.raises(ValueError, match=r"'inline' \(no_such_module_anywhere:Policy\) cannot be imported"):
        load_policy(tmp_path / "checkpoint")
