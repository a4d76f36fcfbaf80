"""The same episode driven by both policies, side by side."""

import base64
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from craft.counterfactual import CounterfactualWorld
from craft.evaluation.birdseye import BirdsEye
from craft.evaluation.video import VideoFile
from craft.events import EpisodeRecord, GroundedReward
from craft.policies import DecisionMode, Policy
from craft.report.decision import DecisionLog
from craft.report.markup import text
from craft.report.runs import Run
from craft.scene import Observation
from craft.scene.timing import DECISION_DT_S, FRAME_DT_S
from craft.world.closed_loop import ClosedLoop, Listener, PolicyDriver
from craft.world.film import Film
from craft.world.routes import RouteSpec

SIZE_PX, METRES_PER_PX = (400, 400), 0.17  # [m]
EVERY = 2  # one picture in so many frames
RATE_HZ = 1.0 / (FRAME_DT_S * EVERY)
CONSIDERED = 64  # candidates that are drawn; all of them would hide the road
_FOLLOWS_S = 1.5 * DECISION_DT_S
_SAME = 0.05  # driving scores that differ by less are one outcome [%]


@dataclass(frozen=True)
class Clip:
    """One drive.

    Attributes:
        video: WebM.
        record: How it ended.
        marks: (time [s], what) of the events.
    """

    video: bytes
    record: EpisodeRecord
    marks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Pair:
    """One episode driven by both policies.

    Attributes:
        evaluated: The records of the evaluations before and after.
        clips: The drives anew of the pre-trained and of the fine-tuned policy.
    """

    evaluated: tuple[EpisodeRecord, EpisodeRecord]
    clips: tuple[Clip, Clip]


def choose(run: Run, count: int) -> list[int]:
    """Row numbers of the episodes whose driving score changed most, as many scenarios as possible first."""
    gain = [abs(b.driving_score - a.driving_score) for b, a in zip(run.before, run.after, strict=True)]
    order = sorted(range(len(gain)), key=lambda i: -gain[i])
    seen, first, rest = set(), [], []
    for i in order:
        (rest if run.before[i].scenario in seen else first).append(i)
        seen.add(run.before[i].scenario)
    return (first + rest)[:count]


class _All(Listener):
    """Tells several listeners, and keeps the events' times."""

    def __init__(self, listeners: Sequence[Listener]):
        self._listeners = listeners
        self._begin_s = self._now_s = None
        self.marks: list[tuple[float, str]] = []

    def frame(self, observation: Observation) -> None:
        self._begin_s = observation.stamp_s if self._begin_s is None else self._begin_s
        self._now_s = observation.stamp_s
        for listener in self._listeners:
            listener.frame(observation)

    def decided(self, observation: Observation) -> None:
        for listener in self._listeners:
            listener.decided(observation)

    def rewarded(self, step: int, reward: GroundedReward, done: bool, truncated: bool) -> None:
        self.marks += [(self._now_s - self._begin_s, kind.name.replace("_", " ").lower()) for kind in reward.events]
        for listener in self._listeners:
            listener.rewarded(step, reward, done, truncated)


def drive_pair(
    loop: ClosedLoop,
    spec: RouteSpec,
    evaluated: tuple[EpisodeRecord, EpisodeRecord],
    policies: tuple[Policy, Policy],
    counterfactual: CounterfactualWorld,
    on_drive: Callable[[], None] = lambda: None,
    max_decisions: int | None = None,
) -> tuple[Pair, DecisionLog]:
    """Drives one episode with both policies, as they were evaluated, and films it.

    Args:
        loop: The world.
        spec: The route.
        evaluated: The records of the episode, before and after.
        policies: Pre-trained and fine-tuned.
        counterfactual: Judges the candidates.
        on_drive: Called after each drive.
        max_decisions: Ends the drives early.

    Returns:
        The films, and the decisions of the pre-trained policy's drive.
    """
    clips, log = [], None
    for number, (record, policy) in enumerate(zip(evaluated, policies, strict=True)):
        driver = PolicyDriver(policy, DecisionMode.TOP_1, 0)
        view = BirdsEye(loop.road, SIZE_PX, METRES_PER_PX)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "drive.webm"
            with VideoFile(path, SIZE_PX, RATE_HZ) as video:
                title = f"{('pre-trained', 'fine-tuned')[number]}     {spec.scenario}"
                film = Film(view, driver, title, video.write, counterfactual, EVERY, CONSIDERED)
                listeners: list[Listener] = [film]
                if number == 0:
                    log = DecisionLog(driver, *policies, counterfactual, loop.road)
                    listeners.append(log)
                everyone = _All(listeners)
                driven = loop.drive(driver, spec, record.episode, record.seed, everyone, max_decisions)
                film.end(driven)
            clips.append(Clip(path.read_bytes(), driven, tuple(everyone.marks)))
        on_drive()
    return Pair(evaluated, tuple(clips)), log


def spans(marks: Sequence[tuple[float, str]]) -> list[tuple[float, float, str]]:
    """Events as (begin [s], end [s], what): of one kind in decisions that follow each other are one."""
    joined: list[tuple[float, float, str]] = []
    for time, what in marks:
        row = next((i for i, (_, end, kind) in enumerate(joined) if kind == what and time - end <= _FOLLOWS_S), None)
        if row is None:
            joined.append((time, time, what))
        else:
            joined[row] = (joined[row][0], time, what)
    return joined


def html(pairs: Sequence[Pair]) -> str:
    """The videos, with one set of controls for both drives of an episode."""
    return "".join(map(_figure, pairs))


def _figure(pair):
    before, after = pair.evaluated
    title = f"{before.scenario or 'unknown scenario'}: {before.driving_score:.1f} → {after.driving_score:.1f}"
    clips = "".join(
        _clip(name, clip, record)
        for name, clip, record in zip(("pre-trained", "fine-tuned"), pair.clips, pair.evaluated, strict=True)
    )
    return (
        f'<figure class="pair"><figcaption><b>{text(title)}</b><br><small>{text(before.route_id)}, seed '
        f'{before.seed}</small></figcaption><div class="clips">{clips}</div></figure>'
    )


def _clip(name, clip, evaluated):
    record = clip.record
    outcome = f"{record.status}, driving score {record.driving_score:.1f}, route {record.route_completion:.0f} %"
    note = ""
    if abs(record.driving_score - evaluated.driving_score) > _SAME:
        note = f"<p class='warn'>The evaluation's drive of this episode had {evaluated.driving_score:.1f}.</p>"
    marks = "".join(
        f'<button type="button" class="mark" data-time="{begin:.2f}">{begin:.1f}'
        f"{f' to {end:.1f}' if end > begin else ''} s {text(what)}</button>"
        for begin, end, what in spans(clip.marks)
    )
    source = "data:video/webm;base64," + base64.b64encode(clip.video).decode()
    return (
        f'<div class="clip"><video controls muted playsinline preload="auto" width="{SIZE_PX[0]}" '
        f'height="{SIZE_PX[1]}" aria-label="{text(name)}" src="{source}"></video>'
        f"<p><b>{text(name)}</b>: {text(outcome)}</p>{note}<p>{marks}</p></div>"
    )
