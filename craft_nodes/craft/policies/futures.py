"""Where a vehicle really went: future trajectories looked up in the recorded poses."""

import numpy as np

from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS
from craft.scene.frames import to_local, wrap_angle
from craft.scene.timing import FRAME_DT_S


def futures(poses: np.ndarray, stamps_s: np.ndarray, noisy: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Future trajectories of one episode, in the ego frame of each of its frames.

    Args:
        poses: float64 [N, 3], x, y [m], yaw [rad], map frame.
        stamps_s: float64 [N], rising [s].
        noisy: bool [N], frames whose control was disturbed. A future that contains one shows the disturbance, not the
            driver's intention, and is not valid; a future that begins at one, and shows the recovery, is.

    Returns:
        Trajectories float32 [N, T, 3], and their validity bool [N]: a frame exists at each of the T times. Trajectories
        that are not valid are zero.

    Raises:
        ValueError: Shapes do not fit, or stamps do not rise.
    """
    count = len(stamps_s)
    noisy = np.zeros(count, bool) if noisy is None else noisy
    if poses.shape != (count, 3) or noisy.shape != (count,) or (np.diff(stamps_s) <= 0.0).any():
        raise ValueError(
            f"futures need poses [N, 3] and noise flags [N] at N rising stamps, not {list(poses.shape)} and "
            f"{list(noisy.shape)} at {list(stamps_s.shape)}"
        )
    times = stamps_s[:, None] + TRAJECTORY_DT_S * np.arange(1, TRAJECTORY_STEPS + 1)
    frames = np.searchsorted(stamps_s, times - 0.5 * FRAME_DT_S).clip(max=max(count - 1, 0))
    valid = (np.abs(stamps_s[frames] - times) < 0.5 * FRAME_DT_S).all(axis=1)
    disturbed = np.concatenate([[0], np.cumsum(noisy)])
    valid &= disturbed[frames[:, -1] + 1] == disturbed[np.arange(count) + 1]

    position = to_local(poses[frames, :2], *(poses[:, None, column] for column in range(3)))
    yaw = wrap_angle(poses[frames, 2] - poses[:, None, 2])
    trajectories = np.concatenate([position, yaw[..., None]], axis=-1)
    return np.where(valid[:, None, None], trajectories, 0.0).astype(np.float32), valid
