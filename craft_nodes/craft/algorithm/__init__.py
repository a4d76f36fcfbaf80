"""The CRAFT objective, one file per concept; `update.py` reads like the paper's Algorithm 1.

Torch tensors in and out. Shapes: B states, G candidates of a state, T steps in time order, N samples. Masked entries
carry no gradient and no NaN. A refused input raises ValueError naming it.
"""

from craft.algorithm.checks import NotFiniteError
from craft.algorithm.correction import corrective_advantage, discounted_return
from craft.algorithm.diagnostics import (
    ProxyAlignment,
    coefficient_of_variation,
    expected_advantage,
    optimal_coefficient,
    proxy_alignment,
)
from craft.algorithm.distillation import distillation
from craft.algorithm.distribution import masked_entropy, masked_log_prob
from craft.algorithm.grounded import grounded_loss, grounded_utility
from craft.algorithm.group_advantage import group_advantage
from craft.algorithm.objective import CraftBatch, CraftConfig, CraftObjective
from craft.algorithm.proxy import proxy_loss
from craft.algorithm.rollout import RolloutBatch
from craft.algorithm.teacher import EmaTeacher
from craft.algorithm.update import craft_update

__all__ = [
    "CraftBatch",
    "CraftConfig",
    "CraftObjective",
    "EmaTeacher",
    "NotFiniteError",
    "ProxyAlignment",
    "RolloutBatch",
    "coefficient_of_variation",
    "corrective_advantage",
    "craft_update",
    "discounted_return",
    "distillation",
    "expected_advantage",
    "grounded_loss",
    "grounded_utility",
    "group_advantage",
    "masked_entropy",
    "masked_log_prob",
    "optimal_coefficient",
    "proxy_alignment",
    "proxy_loss",
]
