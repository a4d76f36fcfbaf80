"""Drives the vehicle along the chosen trajectory: every frame, one control."""

import numpy as np

from craft.scene.frames import to_local, wrap_angle
from craft.scene.timing import elapsed_s
from craft.vehicle.tracking import PATH_COLUMNS, TrackingConfig, fill_path, track


class TrajectoryController:
    """The tracking law of craft.vehicle.tracking with its memory, for one vehicle in the map frame.

    Args:
        config: Gains and limits; the counterfactual world uses the same.
    """

    def __init__(self, config: TrackingConfig | None = None):
        self._config = config or TrackingConfig()
        self._gains = self._config.gains
        self.reset()

    def reset(self) -> None:
        """Forget the errors of the past; call it at the start of an episode."""
        self._memory = self._config.new_memory()

    def follow(
        self,
        trajectory: np.ndarray,
        origin: tuple[float, float, float],
        pose: tuple[float, float, float],
        age_s: float,
        speed: float,
    ) -> tuple[float, float, float]:
        """The control of this frame.

        Args:
            trajectory: [T, 3], x [m], y [m], yaw [rad] in the ego frame at the time of the decision.
            origin: Pose (x, y, yaw) of the vehicle at the time of the decision, map frame.
            pose: Its pose now, map frame.
            age_s: Time since the decision [s].
            speed: Forward speed now [m/s].

        Returns:
            throttle (0..1), steer (-1..1, CARLA's sign: right positive), brake (0..1).

        Raises:
            ValueError: The trajectory has another shape or a value is not finite.
        """
        trajectory = np.asarray(trajectory, np.float64)
        if trajectory.ndim != 2 or trajectory.shape[1] != 3 or len(trajectory) == 0:
            raise ValueError(f"a trajectory to follow must be [T, 3], not {list(trajectory.shape)}")
        if not (np.isfinite(trajectory).all() and np.isfinite([*origin, *pose, age_s, speed]).all()):
            raise ValueError("a trajectory to follow, or the pose to follow it from, has values that are not finite")
        if age_s < 0.0:
            raise ValueError(f"a trajectory cannot be followed {-age_s:.3f} s before it was decided")
        path = np.empty((len(trajectory) + 1, PATH_COLUMNS))
        fill_path(trajectory, path, self._gains)
        x, y = to_local(np.array(pose[:2]), *origin)
        yaw = float(wrap_angle(pose[2] - origin[2]))
        age_s = elapsed_s(0.0, age_s)
        throttle, steer, brake = track(path, age_s, x, y, yaw, max(speed, 0.0), self._memory, self._gains)
        return float(throttle), float(steer), float(brake)
