"""Joining the parts of transitions: complete or dropped, never twice, in whatever order they come."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from craft.training import DecisionPart, ReturnsPart, RewardPart, StepKey, TransitionAssembler
from small_training import CANDIDATES, parts

NAMES = {DecisionPart: "decision", ReturnsPart: "returns", RewardPart: "reward"}


def filled(*everything, **options):
    assembler = TransitionAssembler(**options)
    for part in everything:
        assembler.add(part)
    return assembler


def same(a, b):
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))


def test_three_parts_make_a_transition():
    key = StepKey(3, 1, 4)
    decision, returns, reward = parts(key)
    assembler = filled(reward, decision)
    assert (assembler.ready, assembler.incomplete) == (0, 1)
    assembler.add(returns)
    assert (assembler.ready, assembler.incomplete) == (1, 0)
    (transition,), dropped = assembler.collect()
    assert dropped == [] and transition.key == key
    assert transition.features is decision.features and transition.returns is returns.returns
    assert (transition.log_prob_old, transition.reward) == (decision.log_prob, reward.reward)
    assert assembler.collect() == ([], [])


@given(
    st.integers(0, 2**32 - 1), st.sets(st.tuples(st.integers(1, 3), st.integers(0, 5), st.integers(0, 2)), max_size=12)
)
@settings(max_examples=60, deadline=None)
def test_the_result_does_not_depend_on_the_order_of_arrival(seed, lost):
    """Parts are shuffled and some are lost: what remains comes out in the order of the keys, all else is reported."""
    sent = [
        part
        for episode in (1, 2, 3)
        for step in range(6)
        for number, part in enumerate(parts(StepKey(episode % 2, episode, step)))
        if (episode, step, number) not in lost
    ]
    in_order = filled(*sent)
    random.Random(seed).shuffle(sent)
    shuffled = filled(*sent)
    (expected, _), (have, refused) = in_order.collect(), shuffled.collect()
    assert refused == [] and len(have) == len(expected)
    assert all(same(a, b) for a, b in zip(have, expected, strict=True))
    assert [t.key for t in have] == sorted(t.key for t in have)

    dropped = shuffled.drop_incomplete()
    assert dropped == in_order.drop_incomplete() and shuffled.counts == in_order.counts
    whole = {(e, s) for e in (1, 2, 3) for s in range(6)} - {(e, s) for e, s, _ in lost}
    assert {(t.key.episode, t.key.step) for t in have} == whole
    # a decision of which every part was lost is not known of; every other one is trained on or reported
    unknown = {(e, s) for e, s, _ in lost if all((e, s, n) in lost for n in range(3))}
    assert len(have) + len(dropped) == 18 - len(unknown)
    assert sum(shuffled.counts.values()) == len(dropped)


@pytest.mark.parametrize("missing", [DecisionPart, ReturnsPart, RewardPart])
def test_a_missing_part_is_reported_by_name(missing):
    key = StepKey(0, 2, 7)
    assembler = filled(*(part for part in parts(key) if type(part) is not missing))
    assert assembler.collect() == ([], [])
    (dropped,) = assembler.drop_incomplete()
    assert dropped.key == key and dropped.reason == f"missing {NAMES[missing]}"
    assert dropped.detail == f"worker 0, episode 2, step 7: no {NAMES[missing]} arrived"
    assert assembler.counts == {f"missing {NAMES[missing]}": 1}


def test_two_missing_parts_are_both_named():
    assembler = filled(parts(StepKey(0, 1, 0))[2])
    assert assembler.drop_incomplete()[0].reason == "missing decision and returns"


def test_nothing_is_trained_on_twice():
    everything = parts(StepKey(0, 1, 0))
    assembler = filled(*everything)
    assert len(assembler.collect()[0]) == 1
    for part in everything:
        assembler.add(part)
    assert assembler.collect() == ([], []) and assembler.drop_incomplete() == []
    assert assembler.counts == {"late decision": 1, "late returns": 1, "late reward": 1}


def test_a_part_that_comes_after_its_transition_was_given_up_is_counted_as_late():
    decision, returns, reward = parts(StepKey(0, 1, 0))
    assembler = filled(decision, reward)
    assembler.drop_incomplete()
    assembler.add(returns)
    assert assembler.collect() == ([], [])
    assert assembler.counts == {"missing returns": 1, "late returns": 1}


def test_the_first_of_two_equal_parts_counts():
    decision, returns, reward = parts(StepKey(0, 1, 0))
    assembler = filled(decision, returns, reward, dataclasses.replace(reward, reward=-99.0))
    assert assembler.collect()[0][0].reward == reward.reward
    assert assembler.counts == {"repeated reward": 1}


@pytest.mark.parametrize(
    ("staleness", "driven_by", "accepted"),
    [(0, 5, True), (0, 4, False), (0, 6, False), (2, 3, True), (2, 2, False), (2, 6, False)],
)
def test_weights_of_the_wrong_version_are_refused(staleness, driven_by, accepted):
    assembler = filled(*parts(StepKey(0, 1, 0), version=driven_by), max_staleness=staleness)
    assembler.policy_version = 5
    good, dropped = assembler.collect()
    assert len(good) == accepted
    if not accepted:
        assert dropped[0].reason == "policy version"
        assert f"driven by policy version {driven_by}, now 5" in dropped[0].detail
        assert assembler.counts == {"policy version": 1}


def test_parts_that_do_not_fit_are_refused_one_by_one():
    decision, returns, reward = parts(StepKey(0, 1, 0))
    short = dataclasses.replace(returns, returns=np.zeros(CANDIDATES - 1, np.float32))
    assembler = filled(decision, short, reward, *parts(StepKey(0, 1, 1)))
    good, dropped = assembler.collect()
    assert [t.key.step for t in good] == [1]
    assert dropped[0].reason == "malformed" and "returns is float32[6], expected float32[7]" in dropped[0].detail


def test_what_is_no_part_is_refused():
    with pytest.raises(ValueError, match="a str is no part of a transition"):
        TransitionAssembler().add("decision")
    with pytest.raises(ValueError, match="max_staleness is -1"):
        TransitionAssembler(max_staleness=-1)
