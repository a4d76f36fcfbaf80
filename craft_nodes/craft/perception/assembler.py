"""Joins the pieces of a frame, which arrive in any order, by their stamps."""

from collections import Counter, OrderedDict

from craft.perception.inputs import Collision, Odometry, TrackedObjects, VehicleStatus, WorldFrame

MAX_WAITING = 8  # ours: frames that may wait for pieces at a time
LATE_S = 0.4  # ours: a piece at most this far behind the last frame is late [s]; further back, time itself jumped
PIECES = ("odometry", "status", "objects")


def _key(stamp_s: float) -> int:
    """Stamps as whole microseconds, so that the rounding of message times never splits a frame."""
    return round(stamp_s * 1e6)


class FrameAssembler:
    """Collects odometry, vehicle status and objects of one stamp into a WorldFrame, in the order of the stamps.

    Lights carry no stamp: a frame takes the latest ones and waits until there are some. Collisions may be absent; one
    that arrives after its frame was handed out goes with the next frame (it keeps its own stamp) and is counted.
    A stamp that lies further back than frames can wait is a jump back in time: it starts all over again.
    """

    def __init__(self):
        self._lights: dict[int, int] | None = None
        self._drops: Counter[str] = Counter()
        self.reset()

    def reset(self) -> None:
        """Forget all pieces (not the lights, which are latched, and not the counts)."""
        self._waiting: OrderedDict[int, dict[str, object]] = OrderedDict()
        self._collisions: list[Collision] = []
        self._last: int | None = None

    def add_odometry(self, piece: Odometry) -> None:
        """Take a frame's odometry; an unexpected one is counted and dropped."""
        self._add("odometry", piece)

    def add_status(self, piece: VehicleStatus) -> None:
        """Take a frame's vehicle status; an unexpected one is counted and dropped."""
        self._add("status", piece)

    def add_objects(self, piece: TrackedObjects) -> None:
        """Take a frame's objects; an unexpected one is counted and dropped."""
        self._add("objects", piece)

    def add_lights(self, lights: dict[int, int]) -> None:
        """Take the states of all lights (light id -> LightState); they hold until the next ones."""
        self._lights = dict(lights)

    def add_collision(self, collision: Collision) -> None:
        """Take one contact of the ego vehicle."""
        if self._last is not None and _key(collision.stamp_s) <= self._last:
            self._drops["collision after its frame, given to the next"] += 1
        self._collisions.append(collision)

    def _add(self, name, piece):
        key = _key(piece.stamp_s)
        if self._last is not None and key <= self._last:
            if key == self._last:
                self._drops[f"{name} repeated"] += 1
                return
            if self._last - key <= _key(LATE_S):
                self._drops[f"{name} late"] += 1
                return
            self._drops["jump back in time"] += 1
            self.reset()
        pieces = self._waiting.setdefault(key, {})
        if name in pieces:
            self._drops[f"{name} repeated"] += 1
            return
        pieces[name] = piece
        while len(self._waiting) > MAX_WAITING:
            self._drop_incomplete(min(self._waiting))

    def _drop_incomplete(self, key):
        pieces = self._waiting.pop(key)
        for name in PIECES:
            if name not in pieces:
                self._drops[f"{name} missing"] += 1

    def pop(self) -> WorldFrame | None:
        """The next complete frame, or None. Older frames that lack a piece are given up and counted."""
        complete = [key for key, pieces in self._waiting.items() if len(pieces) == len(PIECES)]
        if not complete:
            return None
        if self._lights is None:
            self._drops["lights missing"] += 1
            return None
        key = min(complete)
        for older in [other for other in self._waiting if other < key]:
            self._drop_incomplete(older)
        pieces = self._waiting.pop(key)
        due = tuple(c for c in self._collisions if _key(c.stamp_s) <= key)
        self._collisions = [c for c in self._collisions if _key(c.stamp_s) > key][-MAX_WAITING:]
        self._last = key
        return WorldFrame(
            stamp_s=pieces["odometry"].stamp_s,
            odometry=pieces["odometry"],
            status=pieces["status"],
            objects=pieces["objects"],
            lights=dict(self._lights),
            collisions=due,
        )

    def take_drops(self) -> dict[str, int]:
        """What was dropped or late since the last call: reason -> count."""
        drops, self._drops = dict(self._drops), Counter()
        return drops
