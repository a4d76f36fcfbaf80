"""The clock of the closed loop (CRAFT: policy inference every 5 simulator frames)."""

FRAME_DT_S = 0.05  # one simulation frame [s]: 20 Hz, as the CARLA leaderboard
FRAMES_PER_DECISION = 5  # the policy decides on frames 0, 5, 10, ...
DECISION_DT_S = FRAME_DT_S * FRAMES_PER_DECISION  # [s]


def elapsed_s(since_s: float, until_s: float) -> float:
    """Time between two stamps [s], to a microsecond.

    The plain difference varies in its last bits with the place on the clock; what an episode gives would then depend on
    how many were driven before it.
    """
    return round(until_s - since_s, 6)
