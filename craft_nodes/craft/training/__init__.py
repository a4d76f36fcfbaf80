"""From parts of transitions to new weights: assembly, rollout buffer, learner, checkpoint, and the folder of a run."""

from craft.algorithm.rollout import RolloutBatch
from craft.training.assembler import TransitionAssembler
from craft.training.buffer import RolloutBuffer
from craft.training.checkpoint import load_checkpoint, save_checkpoint
from craft.training.learner import Learner, LearnerConfig, Weights
from craft.training.progress import TimeLeft
from craft.training.transition import DecisionPart, ReturnsPart, RewardPart, StepKey, Transition

__all__ = [
    "DecisionPart",
    "Learner",
    "LearnerConfig",
    "ReturnsPart",
    "RewardPart",
    "RolloutBatch",
    "RolloutBuffer",
    "StepKey",
    "TimeLeft",
    "Transition",
    "TransitionAssembler",
    "Weights",
    "load_checkpoint",
    "save_checkpoint",
]
