"""Checks that any policy keeps the contract: `check(policy)` for your own family's tests."""

import copy
import hashlib

import numpy as np
import torch

from craft.policies.batch import ObservationBatch
from craft.policies.contract import Policy
from craft.policies.decision import DecisionMode, decide
from craft.scene import (
    MAX_AGENTS,
    MAX_STOP_LINES,
    ROUTE_POINTS,
    AgentField,
    EgoField,
    LightState,
    Observation,
    RouteField,
    StopField,
    StopKind,
)
from craft.scene.candidates import Candidates
from craft.scene.observation import ROUTE_POINTS_BEHIND


class ContractError(AssertionError):
    """A policy breaks the contract; the message says which part."""


def random_observation(rng: np.random.Generator, frame: int = 0, agents: int = 6, stops: int = 2) -> Observation:
    """A well-formed observation with random content: a bent route, moving agents, lights and signs."""
    ego = np.zeros(len(EgoField), np.float32)
    ego[[EgoField.X, EgoField.Y, EgoField.YAW]] = rng.uniform(-3.0, 3.0, 3)
    ego[[EgoField.SPEED, EgoField.SPEED_LIMIT]] = rng.uniform(0.0, 12.0), rng.uniform(6.0, 14.0)
    ego[[EgoField.HALF_LENGTH, EgoField.HALF_WIDTH]] = 2.446, 0.918  # lincoln.mkz_2020

    arc = np.arange(ROUTE_POINTS) - ROUTE_POINTS_BEHIND
    bend = rng.uniform(-0.02, 0.02)  # [1/m]
    route = np.zeros((ROUTE_POINTS, len(RouteField)), np.float32)
    route[:, RouteField.X], route[:, RouteField.Y] = arc, 0.5 * bend * arc**2
    route[:, RouteField.YAW] = np.arctan(bend * arc)
    route[:, [RouteField.HALF_WIDTH, RouteField.SPEED_LIMIT]] = 1.75, ego[EgoField.SPEED_LIMIT]

    rows = np.zeros((MAX_AGENTS, len(AgentField)), np.float32)
    rows[:agents, [AgentField.X, AgentField.Y]] = rng.uniform(-20.0, 40.0, (agents, 2))
    rows[:agents, AgentField.YAW] = rng.uniform(-3.0, 3.0, agents)
    rows[:agents, [AgentField.VX, AgentField.VY]] = rng.uniform(-8.0, 8.0, (agents, 2))
    rows[:agents, [AgentField.HALF_LENGTH, AgentField.HALF_WIDTH]] = 2.4, 0.95
    rows[:agents, AgentField.KIND] = rng.integers(0, 3, agents)

    lines = np.zeros((MAX_STOP_LINES, len(StopField)), np.float32)
    lines[:stops, StopField.DISTANCE] = lines[:stops, StopField.X] = np.sort(rng.uniform(0.0, 50.0, stops))
    lines[:stops, StopField.HALF_WIDTH] = 1.75
    lines[:stops, StopField.KIND] = rng.choice([StopKind.LIGHT, StopKind.STOP], stops)
    lines[:stops, StopField.STATE] = rng.choice([LightState.RED, LightState.GREEN], stops)
    agent_valid, stop_valid = np.arange(MAX_AGENTS) < agents, np.arange(MAX_STOP_LINES) < stops
    return Observation(
        stamp_s=0.05 * frame,
        episode=1,
        frame=frame,
        ego=ego,
        agents=rows,
        agent_valid=agent_valid,
        agent_id=np.where(agent_valid, np.arange(MAX_AGENTS) + 100, 0),
        route=route,
        route_valid=np.ones(ROUTE_POINTS, bool),
        stop_lines=lines,
        stop_valid=stop_valid,
        stop_id=np.where(stop_valid, np.arange(MAX_STOP_LINES) + 1, 0),
        route_progress_m=20.0,
        route_length_m=300.0,
        route_offset_m=float(rng.normal(0.0, 0.3)),
    )


def check(policy: Policy, seed: int = 0) -> None:
    """Raises ContractError at the first part of the contract that `policy` breaks; its weights are as before.

    Args:
        policy: A loaded policy.
        seed: Of the random observations.
    """
    rng = np.random.default_rng(seed)
    observations = [random_observation(rng, frame=5 * index, agents=3 * index, stops=index) for index in range(4)]
    batch = ObservationBatch.from_observations(observations)
    features, candidates = _check_shapes(policy, batch)
    _check_determinism(policy, batch, observations, features, candidates)
    _check_padding(policy, batch, features, candidates)
    _check_gradient(policy, features, candidates)
    _check_copy(policy, features, candidates)
    _check_weights(policy, features, candidates)
    for mode in DecisionMode:
        choice = decide(policy, observations[0], mode, seed)
        _require(choice.log_prob <= 0.0, f"a decision has log-probability {choice.log_prob}, above 0")


def _require(condition, message: str) -> None:
    if not condition:
        raise ContractError(message)


def _check_shapes(policy: Policy, batch: ObservationBatch) -> tuple[torch.Tensor, Candidates]:
    states = len(batch)
    features, candidates = policy.encode(batch)
    want = (states, policy.feature_size)
    _require(
        features.shape == want and features.dtype == torch.float32,
        f"features must be flat float32 {list(want)}, not {features.dtype} {list(features.shape)}",
    )
    _require(torch.isfinite(features).all(), "features are not finite")
    _require(not features.requires_grad, "features carry a gradient: encode() belongs to the frozen part")
    shape = candidates.trajectories.shape
    _require(len(shape) == 3 or shape[0] == states, f"candidates {list(shape)} for {states} states")
    _require(candidates.valid.any(-1).all(), "a state has no valid candidate")
    if policy.vocabulary is not None:
        _require(
            torch.equal(policy.vocabulary.trajectories, candidates.trajectories),
            "the candidates of a state differ from the policy's vocabulary",
        )
    logits = policy.score(features, candidates)
    want = (states, shape[-3])
    _require(
        logits.shape == want and logits.dtype == torch.float32,
        f"logits must be float32 {list(want)}, not {logits.dtype} {list(logits.shape)}",
    )
    _require(torch.isfinite(logits).all(), "logits are not finite")
    return features, candidates


def _check_determinism(policy, batch, observations, features, candidates) -> None:
    again, _ = policy.encode(batch)
    _require(torch.equal(features, again), "encode() is not deterministic")
    logits = policy.score(features, candidates)
    _require(torch.equal(logits, policy.score(features, candidates)), "score() is not deterministic")
    alone, own = policy.encode(ObservationBatch.from_observations(observations[:1]))
    _require(torch.allclose(alone[0], features[0], atol=1e-4), "features depend on the other states of the batch")
    _require(
        torch.allclose(policy.score(alone, own)[0], logits[0], atol=1e-3),
        "logits depend on the other states of the batch",
    )


def _check_padding(policy: Policy, batch: ObservationBatch, features: torch.Tensor, candidates: Candidates) -> None:
    values = {name: getattr(batch, name).clone() for name in ObservationBatch.names()}
    for rows, valid in (("agents", "agent_valid"), ("stop_lines", "stop_valid")):
        values[rows][~values[valid]] = 7.0
    padded, _ = policy.encode(ObservationBatch(**values))
    _require(torch.equal(padded, features), "rows of agents or stop lines that are not valid change the features")

    trajectories, valid = candidates.trajectories.clone(), candidates.valid.clone()
    last = valid.shape[-1] - 1
    trajectories[..., last, :, :], valid[..., last] = torch.nan, False
    logits = policy.score(features, candidates)[:, :last]
    masked = policy.score(features, Candidates(trajectories, valid))[:, :last]
    unchanged = torch.allclose(masked, logits, atol=1e-5)
    _require(unchanged, "a candidate that is not valid changes the logits of the others")


def _check_gradient(policy: Policy, features: torch.Tensor, candidates: Candidates) -> None:
    parameters = [p for p in policy.trainable.parameters() if p.requires_grad]
    _require(parameters, "nothing in `trainable` requires a gradient")
    logits = policy.score(features, candidates)
    gradients = torch.autograd.grad(logits.square().mean(), parameters, allow_unused=True)
    reached = [gradient for gradient in gradients if gradient is not None and gradient.abs().sum() > 0]
    _require(reached, "no gradient of score() reaches `trainable`")
    _require(all(torch.isfinite(gradient).all() for gradient in reached), "a gradient of score() is not finite")


def _check_copy(policy: Policy, features: torch.Tensor, candidates: Candidates) -> None:
    """The EMA teacher is a copy of `trainable` that is called by itself."""
    logits = policy.score(features, candidates)
    teacher = copy.deepcopy(policy.trainable)
    _require(
        torch.equal(teacher(features, candidates), logits), "a copy of `trainable` does not score as the policy does"
    )


def _check_weights(policy: Policy, features: torch.Tensor, candidates: Candidates) -> None:
    original, version = policy.trainable_bytes(), policy.version
    logits = policy.score(features, candidates)
    try:
        with torch.no_grad():
            for parameter in policy.trainable.parameters():
                parameter.add_(0.1)
        changed, changed_logits = policy.trainable_bytes(), policy.score(features, candidates)
        _require(not torch.equal(logits, changed_logits), "other scoring weights give the same logits")
        again, _ = policy.encode(ObservationBatch.from_observations([random_observation(np.random.default_rng(1))]))
        policy.load_trainable_bytes(original, hashlib.sha256(original).hexdigest(), version)
        before, _ = policy.encode(ObservationBatch.from_observations([random_observation(np.random.default_rng(1))]))
        _require(torch.equal(again, before), "the scoring weights change the features")
        _require(torch.equal(policy.score(features, candidates), logits), "weights do not survive bytes and back")
        try:
            policy.load_trainable_bytes(changed, hashlib.sha256(original).hexdigest())
        except ValueError:
            pass
        else:
            raise ContractError("weights with a wrong hash were taken")
        _require(policy.trainable_bytes() == original, "refused weights replaced the old ones")
    finally:
        policy.load_trainable_bytes(original, hashlib.sha256(original).hexdigest(), version)
