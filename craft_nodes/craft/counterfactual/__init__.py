"""The counterfactual world: dense returns of all candidates of visited states (CRAFT, "dense counterfactual proxy")."""

from craft.counterfactual.config import CounterfactualConfig
from craft.counterfactual.returns import CandidateReturns
from craft.counterfactual.scene import Scene
from craft.counterfactual.world import CounterfactualWorld

__all__ = ["CandidateReturns", "CounterfactualConfig", "CounterfactualWorld", "Scene"]
