"""Frames from pieces in any order."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from craft.perception import Collision, FrameAssembler
from frames_by_hand import frame

PIECES = ("odometry", "status", "objects")


def give(assembler, stamp_s, names=PIECES):
    whole = frame(stamp_s, x=stamp_s)
    for name in names:
        getattr(assembler, f"add_{name}")(getattr(whole, name))


def ready():
    assembler = FrameAssembler()
    assembler.add_lights({1: 0})
    return assembler


@pytest.mark.parametrize("order", list(itertools.permutations(PIECES)))
def test_any_order_of_pieces_makes_the_frame(order):
    assembler = ready()
    give(assembler, 0.05, order[:2])
    assert assembler.pop() is None
    give(assembler, 0.05, order[2:])
    got = assembler.pop()
    assert got.stamp_s == got.odometry.stamp_s == got.status.stamp_s == got.objects.stamp_s == 0.05
    assert got.lights == {1: 0}
    assert assembler.pop() is None
    assert assembler.take_drops() == {}


def test_a_frame_waits_for_the_first_lights_and_keeps_those_it_was_given():
    assembler = FrameAssembler()
    give(assembler, 0.05)
    assert assembler.pop() is None
    assert assembler.take_drops() == {"lights missing": 1}
    lights = {1: 2}
    assembler.add_lights(lights)
    got = assembler.pop()
    lights[1] = 0
    assert got.lights == {1: 2}


def test_frames_come_out_in_the_order_of_time():
    assembler = ready()
    for stamp in (0.15, 0.05, 0.10):
        give(assembler, stamp)
    assert [assembler.pop().stamp_s for _ in range(3)] == [0.05, 0.10, 0.15]


def test_an_older_frame_that_lacks_a_piece_is_given_up_and_named():
    assembler = ready()
    give(assembler, 0.05, ("odometry",))
    give(assembler, 0.10)
    assert assembler.pop().stamp_s == 0.10
    assert assembler.take_drops() == {"status missing": 1, "objects missing": 1}
    assert assembler.take_drops() == {}


def test_late_and_repeated_pieces_are_counted_by_name():
    assembler = ready()
    give(assembler, 0.05, ("odometry", "odometry"))
    give(assembler, 0.10)
    assembler.pop()
    assembler.take_drops()
    give(assembler, 0.05, ("status",))
    give(assembler, 0.10, ("objects",))
    assert assembler.pop() is None
    assert assembler.take_drops() == {"status late": 1, "objects repeated": 1}


def test_waiting_pieces_are_bounded():
    assembler = ready()
    for k in range(1000):
        give(assembler, 0.05 * k, ("odometry",))
    assert len(assembler._waiting) <= 8
    assert assembler.take_drops() == {"status missing": 992, "objects missing": 992}


def test_a_jump_back_in_time_starts_anew():
    assembler = ready()
    give(assembler, 10.0)
    assembler.pop()
    give(assembler, 10.05, ("odometry",))
    give(assembler, 0.05)
    assert assembler.pop().stamp_s == 0.05
    assert assembler.take_drops() == {"jump back in time": 1}


def test_collisions_go_with_their_frame_and_late_ones_with_the_next():
    assembler = ready()
    assembler.add_collision(Collision(0.05, 3, 10.0))
    assembler.add_collision(Collision(0.10, 4, 10.0))
    give(assembler, 0.05)
    assert [c.other_id for c in assembler.pop().collisions] == [3]
    assembler.add_collision(Collision(0.05, 5, 10.0))
    give(assembler, 0.10)
    got = assembler.pop().collisions
    assert [(c.other_id, c.stamp_s) for c in got] == [(4, 0.10), (5, 0.05)]
    assert assembler.take_drops() == {"collision after its frame, given to the next": 1}


@settings(deadline=None)
@given(st.permutations([(name, k) for k in range(4) for name in PIECES]))
def test_whatever_the_order_no_frame_is_mixed_or_repeated(order):
    assembler = ready()
    stamps = []
    for name, k in order:
        give(assembler, 0.05 * (k + 1), (name,))
        while (got := assembler.pop()) is not None:
            assert got.odometry.stamp_s == got.status.stamp_s == got.objects.stamp_s == got.stamp_s
            stamps.append(got.stamp_s)
    assert stamps == sorted(set(stamps))
    assert stamps  # the frame that completes first is always handed out
