"""What must hold of the counterfactual world in every scene, on random ones; in the kernel bit for bit."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfactual_scenes import road_map, strip
from craft.counterfactual import CounterfactualConfig, CounterfactualWorld, Scene
from craft.counterfactual.reference import ReferenceWorld
from craft.scene import AgentField, EgoField, LaneKind, LightState, StopField, StopKind
from craft.scene.candidates import Candidates
from random_scenes import ROADS, random_batch, random_candidates, random_groups, random_scene
from torch_world import TorchWorld

WORLD = CounterfactualWorld(threads=1)
FLAGS = ("collision", "red_light", "stop_sign", "off_road")
FIELDS = ("returns", "valid", "progress_m", *FLAGS)
MASKS = {"agents": "agent_valid", "route": "route_valid", "stop_lines": "stop_valid"}

seeds = st.integers(0, 2**32 - 1)
roads = st.sampled_from(sorted(ROADS))
few = st.integers(0, 5)


def assert_equal(one, other, at=slice(None)):
    """`at` picks those candidates of `other` that `one` has."""
    for name in FIELDS:
        assert torch.equal(getattr(one, name), getattr(other, name)[:, at]), name


def garbage(rng, shape):
    """Rows that nobody may read: some would do something, others are poison."""
    plausible = rng.choice([0.0, 1.0, 2.0, 7.0], shape)
    poison = rng.choice([np.nan, np.inf, -np.inf, 1.0], shape)
    poisoned = rng.random(shape[:2] + (1,) * (len(shape) - 2)) < 0.5
    return torch.from_numpy(np.where(poisoned, poison, plausible).astype(np.float32))


def woven(rng, rows, valid):
    """The rows in their order with rows that are not valid between them, and where each one went."""
    count, more = rows.shape[1], int(rng.integers(0, 6))
    places = np.sort(rng.permutation(count + more)[:count])
    padded = garbage(rng, (rows.shape[0], count + more, *rows.shape[2:]))
    mask = torch.zeros(padded.shape[:2], dtype=torch.bool)
    padded[:, places], mask[:, places] = rows, valid
    return padded, mask, places


@settings(max_examples=40, deadline=None)
@given(seeds, roads, few, few)
def test_rows_that_are_not_valid_change_nothing_wherever_they_stand(seed, road, agents, lines):
    rng = np.random.default_rng(seed)
    state, group = random_batch(rng, ROADS[road], 2, agents, lines), random_groups(rng, 2, 5)
    more = {}
    for name, mask in MASKS.items():
        more[name], more[mask], _ = woven(rng, getattr(state, name), getattr(state, mask))
    trajectories, valid, places = woven(rng, group.trajectories, group.valid)
    one, other = WORLD.evaluate(state, group), WORLD.evaluate(replace(state, **more), Candidates(trajectories, valid))
    assert_equal(one, other, places)
    for name in FIELDS:
        assert not getattr(other, name)[~valid].any(), f"{name} of what is not valid is 0"


@settings(max_examples=40, deadline=None)
@given(seeds, roads, few)
def test_a_row_that_is_not_valid_is_as_one_that_is_not_there(seed, road, agents):
    rng = np.random.default_rng(seed)
    state, group = random_scene(rng, ROADS[road], agents, 3), random_candidates(rng, 5)
    bare = {}
    for name, mask in MASKS.items():
        bare[name] = getattr(state, name)[:, getattr(state, mask)[0]]
        bare[mask] = torch.ones(bare[name].shape[:2], dtype=torch.bool)
    kept = group.valid.nonzero()[:, 0]
    less = WORLD.evaluate(replace(state, **bare), Candidates(group.trajectories[kept], group.valid[kept]))
    assert_equal(less, WORLD.evaluate(state, group), kept)


@settings(max_examples=40, deadline=None)
@given(seeds, roads, st.integers(2, 8), st.integers(2, 5))
def test_the_order_of_agents_lines_and_candidates_does_not_matter(seed, road, agents, lines):
    rng = np.random.default_rng(seed)
    state, group = random_batch(rng, ROADS[road], 6, agents, lines), random_candidates(rng, 24)
    state.agents[..., [AgentField.X, AgentField.Y]] *= 0.5  # a throng: several contacts at a time
    shuffled = {}
    for name, count in (("agents", agents), ("stop_lines", lines)):
        order = rng.permutation(count)
        shuffled[name], shuffled[MASKS[name]] = getattr(state, name)[:, order], getattr(state, MASKS[name])[:, order]
    order = rng.permutation(24)
    other = WORLD.evaluate(replace(state, **shuffled), Candidates(group.trajectories[order], group.valid[order]))
    assert_equal(WORLD.evaluate(state, group), other, np.argsort(order))


def with_pieces(road, pieces, order=None):
    """The road with further pieces, all of them in another order."""
    more = road_map(pieces)
    columns = {f.name: np.concatenate([getattr(road, f.name), getattr(more, f.name)]) for f in fields(road)
               if f.name.startswith("quad")}  # fmt: skip
    return replace(road, **{name: column if order is None else column[order(len(column))]
                            for name, column in columns.items()})  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from(["straight", "crossing"]), few)
def test_pieces_far_away_sidewalks_and_the_order_of_pieces_do_not_matter(seed, road, agents):
    rng = np.random.default_rng(seed)
    state, group = random_scene(rng, ROADS[road], agents, 1), random_candidates(rng, 6)
    corner = rng.uniform(200.0, 600.0, 2) * rng.choice([-1.0, 1.0], 2)  # beyond it: another origin of the grid
    far = strip(corner, rng.uniform(-3, 3), 30.0, 2.0, -2.0, kind=rng.choice([LaneKind.DRIVING, LaneKind.SHOULDER]))
    under = strip((-20.0, 0.0), 0.0, 60.0, 6.0, -6.0, kind=LaneKind.SIDEWALK)
    order = rng.permutation(len(state.road.quads) + len(far) + len(under))
    road = with_pieces(state.road, far + under, lambda count: order)
    assert_equal(WORLD.evaluate(state, group), WORLD.evaluate(replace(state, road=road), group))


@settings(max_examples=15, deadline=None)
@given(seeds, roads, few, st.integers(1, 4), st.integers(1, 12))
def test_parts_threads_and_batches_give_the_same_bits(seed, road, agents, threads, cut):
    rng = np.random.default_rng(seed)
    state, group = random_batch(rng, ROADS[road], 5, agents, 2), random_groups(rng, 5, 13)
    whole = WORLD.evaluate(state, group)
    assert_equal(whole, CounterfactualWorld(threads=threads).evaluate(state, group))
    parts = [slice(0, cut), slice(cut, None)]
    for part in parts:  # of the candidates
        some = Candidates(group.trajectories[:, part], group.valid[:, part])
        assert_equal(CounterfactualWorld(threads=threads).evaluate(state, some), whole, part)
    rows = [field.name for field in fields(Scene) if field.name != "road"]
    for i in range(5):  # one state at a time, with candidates that are all states' as well as with its own
        alone = replace(state, **{name: getattr(state, name)[i : i + 1] for name in rows})
        own = CounterfactualWorld(threads=threads).evaluate(alone, Candidates(group.trajectories[i], group.valid[i]))
        for name in FIELDS:
            assert torch.equal(getattr(own, name)[0], getattr(whole, name)[i]), name


@pytest.mark.parametrize("evaluate", [WORLD.evaluate, ReferenceWorld().evaluate, TorchWorld().evaluate])
@pytest.mark.parametrize("candidates", [0, 1, 3])
@pytest.mark.parametrize("lacking", ["agents", "route", "stop_lines", "road", "everything"])
def test_what_is_not_there_is_defined(lacking, candidates, evaluate):
    rng = np.random.default_rng(4)
    state, group = random_scene(rng, ROADS["straight"], 3, 2), random_candidates(rng, candidates)
    for name, mask in MASKS.items():
        if lacking in (name, "everything"):
            state = replace(state, **{name: getattr(state, name)[:, :0], mask: getattr(state, mask)[:, :0]})
    if lacking in ("road", "everything"):
        state = replace(state, road=ROADS["none"])
    result = evaluate(state, group)
    assert all(getattr(result, name).shape == (1, candidates) for name in FIELDS)
    assert torch.equal(result.valid[0], group.valid)
    assert torch.isfinite(result.returns).all() and torch.isfinite(result.progress_m).all()
    if lacking in ("agents", "everything"):
        assert not result.collision.any()
    if lacking in ("stop_lines", "everything"):
        assert not result.red_light.any() and not result.stop_sign.any()
    if lacking in ("route", "everything"):
        assert not result.progress_m.any()
    if lacking in ("road", "everything"):
        assert torch.equal(result.off_road, result.valid)


def test_one_point_is_no_route():
    rng = np.random.default_rng(6)
    state, group = random_scene(rng, ROADS["straight"], 2, 1), random_candidates(rng, 6)
    one = replace(state, route_valid=torch.zeros_like(state.route_valid).index_fill(1, torch.tensor([7]), True))
    none = replace(state, route_valid=torch.zeros_like(state.route_valid))
    assert_equal(WORLD.evaluate(one, group), WORLD.evaluate(none, group))


def moved(state, angle, shift):
    """The scene with road and ego turned around the origin of the map and shifted; all else is in the ego's frame."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    quads = (state.road.quads.astype(float) @ turn + shift).astype(np.float32)
    road = replace(state.road, quads=quads, quad_yaw=(state.road.quad_yaw + angle).astype(np.float32))
    ego = state.ego.clone()
    place = state.ego[:, [EgoField.X, EgoField.Y]].double().numpy() @ turn + shift
    ego[:, [EgoField.X, EgoField.Y]] = torch.from_numpy(place.astype(np.float32))
    ego[:, EgoField.YAW] += angle
    return replace(state, road=road, ego=ego)


def test_a_rigid_motion_of_the_map_changes_nothing():
    """Coordinates of some 300 m are float32, so that borders of pieces move by up to 0.03 mm and angles by 1e-7: of
    3,840 rollouts at most 1 in 200 may change a flag, all others keep their return to 0.01.
    """
    rng = np.random.default_rng(12)
    total = changed = 0
    for _ in range(10):
        for road in ("straight", "crossing"):
            state, group = random_batch(rng, ROADS[road], 12, 3, 2), random_candidates(rng, 16)
            there = moved(state, rng.uniform(-3.1, 3.1), rng.uniform(-300.0, 300.0, 2))
            one, other = WORLD.evaluate(state, group), WORLD.evaluate(there, group)
            same = ~torch.stack([getattr(one, flag) != getattr(other, flag) for flag in FLAGS]).any(0)
            for flag in ("collision", "red_light", "stop_sign"):  # in the ego frame nothing moved
                assert torch.equal(getattr(one, flag), getattr(other, flag))
            same &= (one.returns - other.returns).abs() < 0.01  # a lane's border costs without a flag
            total, changed = total + same.numel(), changed + int((~same).sum())
            torch.testing.assert_close(one.progress_m, other.progress_m, rtol=0, atol=0)
    assert changed <= total / 200, (changed, total)


PRICED = {
    "collision_cost": "collision",
    "red_light_cost": "red_light",
    "stop_sign_cost": "stop_sign",
    "off_road_cost": "off_road",
    "opposite_lane_cost": None,  # without a flag
    "off_route_cost": None,
    "emergency_lane_cost": None,
}


@settings(max_examples=25, deadline=None)
@given(seeds, roads, few, st.sampled_from(sorted(PRICED)))
def test_a_higher_price_lowers_what_pays_it_and_nothing_else(seed, road, agents, price):
    rng = np.random.default_rng(seed)
    state, group = random_batch(rng, ROADS[road], 3, agents, 3), random_candidates(rng, 16)
    config = CounterfactualConfig()
    dearer = CounterfactualWorld(replace(config, **{price: getattr(config, price) + 10.0}), threads=1)
    before, after = WORLD.evaluate(state, group), dearer.evaluate(state, group)
    assert (after.returns <= before.returns).all()
    for name in ("valid", "progress_m", *FLAGS):
        assert torch.equal(getattr(before, name), getattr(after, name)), name
    if flag := PRICED[price]:
        # the least that it can lower: once, in the last step
        paid = torch.where(getattr(before, flag), 10.0 * config.gamma ** (config.steps - 1), 0.0)
        assert (before.returns - after.returns >= paid - 1e-3).all()
        assert torch.equal(before.returns != after.returns, getattr(before, flag))


@settings(max_examples=40, deadline=None)
@given(seeds, roads, st.integers(1, 5))
def test_another_agent_only_adds_collisions_and_only_shortens(seed, road, agents):
    rng = np.random.default_rng(seed)
    state, group = random_batch(rng, ROADS[road], 3, agents, 3), random_candidates(rng, 16)
    fewer = replace(state, agents=state.agents[:, 1:], agent_valid=state.agent_valid[:, 1:])
    with_it, without = WORLD.evaluate(state, group), WORLD.evaluate(fewer, group)
    assert not (without.collision & ~with_it.collision).any()
    for name in ("progress_m", "red_light", "stop_sign", "off_road"):
        assert (getattr(with_it, name) <= getattr(without, name)).all(), name
    for name in FIELDS:
        same = ~with_it.collision
        assert torch.equal(getattr(with_it, name)[same], getattr(without, name)[same]), name


@settings(max_examples=40, deadline=None)
@given(seeds, roads, st.integers(1, 5))
def test_a_collision_never_raises_the_return_on_road_and_route(seed, road, agents):
    """What it ends is worth -1.2 a step at least, -18.7 together, and it costs 27 at least. Off the road and off the
    route it may be the lesser evil, and it may end a rollout before a red light or a harder collision.
    """
    rng = np.random.default_rng(seed)
    state, group = random_batch(rng, ROADS[road], 3, agents, 0), random_candidates(rng, 16)
    alone = replace(state, agents=state.agents[:, :0], agent_valid=state.agent_valid[:, :0])
    world = CounterfactualWorld(CounterfactualConfig(off_road_cost=0.0, off_route_cost=0.0), threads=1)
    result, free = world.evaluate(state, group), world.evaluate(alone, group)
    assert (result.returns <= free.returns).all()
    assert torch.equal(result.returns < free.returns, result.collision)


@settings(max_examples=25, deadline=None)
@given(seeds, roads, few)
def test_a_light_that_turns_red_costs_its_price_where_its_line_is_crossed(seed, road, agents):
    rng = np.random.default_rng(seed)
    state, group = random_scene(rng, ROADS[road], agents, 3), random_candidates(rng, 16)
    lines = state.stop_lines.clone()
    lines[..., StopField.KIND] = float(StopKind.LIGHT)
    light = {}
    for colour in (LightState.RED, LightState.GREEN):
        lines[..., StopField.STATE] = float(colour)
        light[colour] = WORLD.evaluate(replace(state, stop_lines=lines.clone()), group)
    red, green = light[LightState.RED], light[LightState.GREEN]
    assert not green.red_light.any()
    torch.testing.assert_close(green.returns - red.returns, 40.0 * red.red_light, rtol=0, atol=1e-4)
    assert torch.equal(red.returns != green.returns, red.red_light)


@settings(max_examples=25, deadline=None)
@given(seeds, roads, few, few)
def test_returns_lie_within_what_the_reward_allows(seed, road, agents, lines):
    rng = np.random.default_rng(seed)
    state, group = random_batch(rng, ROADS[road], 4, agents, lines), random_candidates(rng, 16)
    result, discounts = WORLD.evaluate(state, group), sum(0.98**k for k in range(20))
    recovery = 0.1 * (0.4 + 0.2 + 0.4)
    assert result.returns.max() <= (8.0 + recovery) * discounts
    assert result.returns.min() >= -(1.5 + 0.1 + 1.5 + 1.0 + recovery) * discounts - 40.0 * 3.0 - 40.0 - 40.0
    assert result.progress_m.min() >= 0.0 and result.progress_m.max() <= 20 * 1.2 + 1e-5


def test_an_agent_out_of_reach_changes_nothing():
    rng = np.random.default_rng(8)
    for _ in range(20):
        state, group = random_batch(rng, ROADS["crossing"], 2, 3, 2), random_candidates(rng, 8)
        far = state.agents[:, :2].clone()
        far[..., [AgentField.VX, AgentField.VY]] *= 0.5
        far[..., AgentField.X] += 150.0
        more = replace(
            state,
            agents=torch.cat([far, state.agents], 1),
            agent_valid=torch.cat([torch.ones(2, 2, dtype=torch.bool), state.agent_valid], 1),
        )
        assert_equal(WORLD.evaluate(state, group), WORLD.evaluate(more, group))
