"""Collision events, put back into the frame in which they happened.

CARLA delivers them on a thread of its own, at some time after the tick. Where the boxes touch, `during` therefore waits
for the event of that frame, so that the same episode reports the same collisions at the same frames every time.
"""

import math
import threading
import time

import carla

LAYOUT_ID = 0  # the other party is a part of the map, a parked vehicle too
NEAR_M = 0.05  # boxes closer than this may be in contact: physics shapes differ a little from the boxes [m]
WAIT_S = 0.25  # longest wait for one frame's event; a local server needs 1 ms [s]
CLOSER_M = 1e-4  # a gap that shrank by less is the gap whose wait already found nothing [m]


class CollisionLog:
    """Events of one ego vehicle, by frame."""

    def __init__(self):
        self._arrived = threading.Condition()
        self._events: list[tuple[int, int, float]] = []  # frame, other id, impulse [N s]
        self._quiet_gap_m: dict[int, float] = {}  # other id -> gap at which no event came

    def listen(self, sensor: carla.Sensor) -> None:
        """Record the events of a collision sensor."""
        sensor.listen(self._record)

    def during(self, frame: int, gaps_m: dict[int, float]) -> list[tuple[int, float]]:
        """Contacts up to a frame that were not yet reported: (other id, impulse [N s]), one for each other, by id.

        Args:
            frame: The server's frame number of the tick just made.
            gaps_m: Other actor's id -> gap between its box and the ego's in that frame, for those nearer than NEAR_M;
                negative where they overlap [m].
        """
        expected = {other for other, gap in gaps_m.items() if gap < self._quiet_gap_m.get(other, math.inf) - CLOSER_M}
        self._quiet_gap_m = {other: gap for other, gap in self._quiet_gap_m.items() if other in gaps_m}
        with self._arrived:
            deadline = time.monotonic() + WAIT_S
            while expected and (missing := expected - self._others_of(frame)):
                remaining_s = deadline - time.monotonic()
                if remaining_s <= 0.0:
                    self._quiet_gap_m.update((other, gaps_m[other]) for other in missing)
                    break
                self._arrived.wait(remaining_s)
            due = [event for event in self._events if event[0] <= frame]
            self._events = [event for event in self._events if event[0] > frame]
        strongest: dict[int, float] = {}
        for _, other, impulse in due:
            strongest[other] = max(impulse, strongest.get(other, 0.0))
            self._quiet_gap_m.pop(other, None)
        return sorted(strongest.items())

    def _others_of(self, frame: int) -> set[int]:
        return {other for at, other, _ in self._events if at == frame}

    def _record(self, event: carla.CollisionEvent) -> None:
        other = event.other_actor
        is_actor = other is not None and other.type_id.split(".")[0] in ("vehicle", "walker", "static")
        impulse = event.normal_impulse
        entry = (event.frame, other.id if is_actor else LAYOUT_ID, math.hypot(impulse.x, impulse.y, impulse.z))
        with self._arrived:
            self._events.append(entry)
            self._arrived.notify_all()


def box_gap(pose, half_size, other_pose, other_half_size) -> float:
    """Gap between two rectangles along the axis that separates them best [m]; negative where they overlap.

    Args:
        pose, other_pose: x [m], y [m], yaw [rad] of the centres.
        half_size, other_half_size: Half length and half width [m].

    Returns:
        The largest gap over the four box axes (separating-axis theorem): at most the true distance.
    """
    cos, sin = math.cos(other_pose[2] - pose[2]), math.sin(other_pose[2] - pose[2])
    ego_x, ego_y = _local(pose, other_pose)
    other_x, other_y = _local(other_pose, pose)
    length, width = half_size
    other_length, other_width = other_half_size
    return max(
        abs(ego_x) - length - other_length * abs(cos) - other_width * abs(sin),
        abs(ego_y) - width - other_length * abs(sin) - other_width * abs(cos),
        abs(other_x) - other_length - length * abs(cos) - width * abs(sin),
        abs(other_y) - other_width - length * abs(sin) - width * abs(cos),
    )


def _local(frame_pose, point) -> tuple[float, float]:
    cos, sin = math.cos(frame_pose[2]), math.sin(frame_pose[2])
    dx, dy = point[0] - frame_pose[0], point[1] - frame_pose[1]
    return cos * dx + sin * dy, cos * dy - sin * dx
