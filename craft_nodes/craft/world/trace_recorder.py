"""Records how the vehicle moves in an episode of the closed loop."""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from craft.evaluation.trace import Trace
from craft.events import Event
from craft.perception import WorldFrame
from craft.scene import Observation
from craft.scene.timing import FRAME_DT_S
from craft.world.closed_loop import Listener

TRAFFIC_RANGE_M = 100.0  # ours: background cars farther away than this are not the traffic around [m]


class TraceRecorder(Listener):
    """Gathers the trace and the events of one episode.

    Args:
        background_ids: Tells the actor ids of the background cars on the road.
    """

    def __init__(self, background_ids: Callable[[], Collection[int]]):
        self._background_ids = background_ids
        self._rows: list[tuple[float, ...]] = []
        self._progress_m: list[float] = []
        self.events: list[Event] = []
        self.begin_s = 0.0

    def world(self, frame: WorldFrame, events: Sequence[Event]) -> None:
        """See Listener."""
        odometry, objects = frame.odometry, frame.objects
        if not self._rows:
            self.begin_s = frame.stamp_s
        cos, sin = np.cos(odometry.yaw), np.sin(odometry.yaw)
        vx, vy = cos * odometry.vx - sin * odometry.vy, sin * odometry.vx + cos * odometry.vy
        distance = np.hypot(objects.poses[:, 0] - odometry.x, objects.poses[:, 1] - odometry.y)
        around = np.isin(objects.ids, list(self._background_ids())) & (distance <= TRAFFIC_RANGE_M)
        traffic = np.hypot(*objects.velocities[around].T).mean() if around.any() else np.nan
        self._rows.append((odometry.x, odometry.y, odometry.yaw, vx, vy, odometry.yaw_rate, traffic))
        self.events += events

    def frame(self, observation: Observation) -> None:
        """See Listener."""
        self._progress_m.append(observation.route_progress_m)
        self._route_length_m = observation.route_length_m

    def trace(self) -> Trace:
        """Of the frames so far; at least one."""
        rows = np.array(self._rows, np.float64)
        velocity = rows[:, 3:5]
        return Trace(
            dt_s=FRAME_DT_S,
            pose=rows[:, :3],
            velocity=velocity,
            acceleration=np.diff(velocity, axis=0, prepend=velocity[:1]) / FRAME_DT_S,
            yaw_rate=rows[:, 5],
            traffic_mps=rows[:, 6],
            progress_m=np.array(self._progress_m),
            route_length_m=self._route_length_m,
        )
