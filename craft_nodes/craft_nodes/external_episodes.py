"""Episodes in a stack that nobody announces them in: a route begins one, its end or the next route ends it."""

import math

from craft_msgs.msg import EpisodeEnd, EpisodeStart
from rclpy.node import Node

from craft.perception.inputs import WorldFrame
from craft.scene import Observation
from craft.world.termination import COMPLETED, TerminationConfig
from craft_nodes import messages, qos, topics

SUITE = "external"  # what EpisodeStart.suite says: the routes are the stack's own
REPLACED = "Route replaced"  # status of an episode whose route gave way to another one


class ExternalEpisodes:
    """Announces the episodes of one vehicle, which the stack around us drives as it likes.

    An episode begins at the first whole frame after its route arrived. It is "Completed" by the leaderboard's rule for
    the end of a route; nothing else that happens on the road ends it, for only the stack can put the vehicle elsewhere.
    """

    def __init__(self, node: Node, worker: int):
        """Creates the two topics that the world node would publish."""
        self._worker = worker
        self._limits = TerminationConfig()
        self._start: EpisodeStart | None = None  # of the running episode
        self._count = 0
        self._last: Observation | None = None
        self._driven_m = 0.0
        self._publish_start = node.create_publisher(EpisodeStart, topics.EPISODE_START, qos.LATCHED).publish
        self._publish_end = node.create_publisher(EpisodeEnd, topics.EPISODE_END, qos.RECORD).publish

    @property
    def next_episode(self) -> int:
        """Number of the episode that `begin` will announce."""
        return self._count + 1

    def begin(self, frame: WorldFrame, town: str) -> EpisodeStart:
        """Announces an episode whose frame 0 this is."""
        self._count += 1
        start = EpisodeStart(worker=self._worker, episode=self._count, suite=SUITE, town=town)
        start.header.stamp = messages.to_time(frame.stamp_s)
        self._start, self._last, self._driven_m = start, None, 0.0
        self._publish_start(start)
        return start

    def observed(self, observation: Observation) -> bool:
        """Takes a frame of the running episode before it is published; True if it is the last one."""
        if self._last is not None:
            self._driven_m += math.hypot(*(float(observation.ego[i] - self._last.ego[i]) for i in (0, 1)))
        self._last = observation
        length, progress = observation.route_length_m, observation.route_progress_m
        if progress > self._limits.goal_share * length and length - progress < self._limits.goal_distance_m:
            self._end(COMPLETED, truncated=False)
            return True
        return False

    def interrupt(self) -> None:
        """Another route or another town has come: the running episode, if there is one, ended with its last frame."""
        if self._start is not None and self._last is not None:
            self._end(REPLACED, truncated=True)

    def _end(self, status: str, truncated: bool) -> None:
        last, start = self._last, self._start
        end = EpisodeEnd(worker=self._worker, episode=start.episode, status=status, truncated=truncated)
        end.header.stamp = messages.to_time(last.stamp_s)
        completed = status == COMPLETED
        end.route_completion = 100.0 if completed else 100.0 * last.route_progress_m / last.route_length_m
        end.driven = self._driven_m
        end.duration = last.stamp_s - messages.from_time(start.header.stamp)
        self._publish_end(end)
        self._start = None
