"""A small vocabulary and random-weight policies over it."""

import numpy as np

from craft.policies.vocabulary import VocabularyConfig, VocabularyPolicy
from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS
from synthetic_driving import arc_pose


def arcs(speeds=(0.0, 2.0, 5.0, 9.0), curvatures=(-0.05, 0.0, 0.05)):
    """Trajectories [len(speeds) len(curvatures), T, 3] at constant speed and curvature."""
    time = TRAJECTORY_DT_S * np.arange(1, TRAJECTORY_STEPS + 1)
    return np.stack([arc_pose(speed * time, k) for speed in speeds for k in curvatures]).astype(np.float32)


def small_policy(seed=0, trajectories=None):
    """A vocabulary policy with random weights."""
    return VocabularyPolicy(VocabularyConfig(), arcs() if trajectories is None else trajectories, seed)
