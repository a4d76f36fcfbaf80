"""The worked example of docs/own_policy.md is a policy that works."""

import re
from pathlib import Path

import numpy as np

from craft.policies.batch import ObservationBatch
from craft.policies.conformance import check, random_observation

PAGE = Path(__file__).parents[2] / "docs/own_policy.md"


def documented_policy():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(blocks[0].splitlines()) < 100
    names = {"__name__": "documented_policy"}
    exec(compile(blocks[0], str(PAGE), "exec"), names)  # the page is ours
    return names["InlinePolicy"]


def test_the_example_keeps_the_contract():
    check(documented_policy()())


def test_the_example_survives_its_checkpoint_folder(tmp_path):
    policy_class = documented_policy()
    policy = policy_class()
    policy.save(tmp_path / "inline")
    restored = policy_class.load(tmp_path / "inline")
    batch = ObservationBatch.from_observations([random_observation(np.random.default_rng(0))])
    assert policy.score(*policy.encode(batch)).equal(restored.score(*restored.encode(batch)))
