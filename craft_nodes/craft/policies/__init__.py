"""Policies: the contract, families, decisions, checkpoints, and how the pre-trained ones are made."""

from craft.policies.batch import ObservationBatch
from craft.policies.contract import Policy
from craft.policies.decision import Choice, DecisionMode, decide
from craft.policies.registry import PRETRAINED_VOCABULARY, load_policy, policy_families

__all__ = [
    "PRETRAINED_VOCABULARY",
    "Choice",
    "DecisionMode",
    "ObservationBatch",
    "Policy",
    "decide",
    "load_policy",
    "policy_families",
]
