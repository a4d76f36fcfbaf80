"""The compiled kernel against the reference, on random scenes."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from craft.counterfactual import CounterfactualWorld
from craft.counterfactual.reference import ReferenceWorld
from random_scenes import ROADS, random_candidates, random_scene

WORLD, REFERENCE = CounterfactualWorld(threads=1), ReferenceWorld()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(ROADS)), st.integers(0, 6), st.integers(0, 3))
def test_random_scenes(seed, road, agents, lines):
    rng = np.random.default_rng(seed)
    state, group = random_scene(rng, ROADS[road], agents, lines), random_candidates(rng, 6)
    fast, slow = WORLD.evaluate(state, group), REFERENCE.evaluate(state, group)
    for flag in ("valid", "collision", "red_light", "stop_sign", "off_road"):
        assert torch.equal(getattr(fast, flag), getattr(slow, flag)), flag
    # float32 rounding of returns of a few hundred
    torch.testing.assert_close(fast.returns, slow.returns, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(fast.progress_m, slow.progress_m, rtol=1e-5, atol=1e-5)
