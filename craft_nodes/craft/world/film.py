"""Filming one episode from above, in one process: `craft film`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from craft.counterfactual import CounterfactualWorld, Scene
from craft.evaluation.birdseye import BirdsEye
from craft.evaluation.video import VideoFile
from craft.events import EpisodeRecord, GroundedReward
from craft.files import write_atomically
from craft.policies import DecisionMode, load_policy
from craft.scene import EgoField, Observation
from craft.scene.candidates import Candidates
from craft.scene.frames import to_local, to_map
from craft.scene.timing import DECISION_DT_S, FRAME_DT_S, FRAMES_PER_DECISION
from craft.world.closed_loop import ClosedLoop, Listener, PolicyDriver
from craft.world.routes import RouteSpec

EVENT_SHOWN_S = 1.0  # an event stays in the picture this long [s]
END_SHOWN_S = 1.5  # the last picture stays this long, with the outcome [s]
KMH_PER_MPS = 3.6
NARROW_PX = 600  # narrower pictures have the caption in shorter lines


class Film(Listener):
    """Draws an episode, one picture a frame.

    Args:
        view: Draws the pictures.
        driver: Whose decisions are drawn.
        title: First line of every picture.
        write: Takes the pictures in order, uint8 [height, width, 3], BGR.
        counterfactual: Judges all candidates of every decision, which are then drawn; else only the chosen one is.
        every: One picture in so many frames.
        considered: Draws no more candidates than this, the most probable ones; without it all of them.
    """

    def __init__(
        self,
        view: BirdsEye,
        driver: PolicyDriver,
        title: str,
        write: Callable[[np.ndarray], None],
        counterfactual: CounterfactualWorld | None = None,
        every: int = 1,
        considered: int | None = None,
    ):
        self._every, self._considered = every, considered
        self._view, self._driver, self._title, self._write = view, driver, title, write
        self._counterfactual = counterfactual
        self._seen: Observation | None = None  # drawn once it is known what was decided on it
        self._decided: Observation | None = None
        self._returns: torch.Tensor | None = None
        self._alert, self._alert_ends_s = "", -np.inf

    def frame(self, observation: Observation) -> None:
        """See Listener."""
        if self._seen is not None and self._seen.frame % self._every == 0:
            self._write(self._draw(self._alert if self._seen.stamp_s < self._alert_ends_s else ""))
        self._seen = observation

    def decided(self, observation: Observation) -> None:
        """See Listener."""
        self._decided = observation
        if self._counterfactual is not None:
            scene = Scene.from_observations(self._view.road, [observation])
            self._returns = self._counterfactual.evaluate(scene, self._driver.choice.candidates).returns[0]

    def rewarded(self, step: int, reward: GroundedReward, done: bool, truncated: bool) -> None:
        """See Listener."""
        if reward.events:
            self._alert = ", ".join(_words(kind) for kind in reward.events)
            self._alert_ends_s = self._seen.stamp_s + EVENT_SHOWN_S

    def end(self, record: EpisodeRecord) -> None:
        """Draw the last frame, with what became of the episode."""
        infractions = ", ".join(_words(kind) for kind in record.infractions) or "no infraction"
        score = f"route {record.route_completion:.0f} %, driving score {record.driving_score:.0f}"
        picture = self._draw(f"{record.status}: {score}, {infractions}")
        for _ in range(round(END_SHOWN_S / (FRAME_DT_S * self._every))):
            self._write(picture)

    def _draw(self, alert):
        observation, choice = self._seen, self._driver.choice
        ego = observation.ego
        done = min(observation.route_progress_m / observation.route_length_m, 1.0)
        parts = (
            f"{observation.frame * FRAME_DT_S:5.2f} s     {round(float(ego[EgoField.SPEED]) * KMH_PER_MPS)} of "
            f"{ego[EgoField.SPEED_LIMIT] * KMH_PER_MPS:.0f} km/h     route {100.0 * done:.0f} %",
            f"throttle {ego[EgoField.THROTTLE]:.2f}  brake {ego[EgoField.BRAKE]:.2f}  steer {ego[EgoField.STEER]:+.2f}",
        )
        narrow = self._view.size_px[0] < NARROW_PX
        caption = f"{self._title}\n" + ("\n" if narrow else "     ").join(parts)
        if self._decided is None:
            return self._view.draw(observation, caption=caption, alert=alert)
        poses = self._decided.ego[: EgoField.YAW + 1], ego[: EgoField.YAW + 1]
        candidates = shown = None
        if self._returns is not None:
            moved = _moved(choice.candidates.trajectories.numpy(), *poses)
            candidates = Candidates(torch.from_numpy(moved), choice.candidates.valid)
            shown = _most_probable(choice, self._considered)
        return self._view.draw(
            observation,
            trajectory=_moved(choice.trajectory.numpy(), *poses),
            candidates=candidates,
            returns=self._returns,
            shown=shown,
            caption=caption,
            alert=alert,
        )


def _moved(trajectories, origin, pose):
    """Trajectories [..., 3] given in the frame of the pose `origin`, in the frame of `pose`."""
    points = to_local(to_map(trajectories[..., :2], *origin), *pose)
    return np.concatenate([points, trajectories[..., 2:] + (origin[2] - pose[2])], axis=-1).astype(np.float32)


def _most_probable(choice, count):
    """Mask [G] of the `count` valid candidates with the highest probability; None for all."""
    if count is None or count >= len(choice.logits):
        return None
    shown = torch.zeros_like(choice.candidates.valid)
    shown[choice.logits.masked_fill(~choice.candidates.valid, -torch.inf).topk(count).indices] = True
    return shown


def _words(kind):
    return kind.name.replace("_", " ").lower()


@dataclass(frozen=True)
class Arguments:
    """Drive one episode with a policy's top-1 on the embedded world, and film it from above."""

    route: str  # id of the route, as in the suite and in evaluations/*.jsonl
    checkpoint: str = "vocabulary"  # checkpoint folder, or the name of a shipped one
    suite: str = "held_out"  # a suite's name or path
    seed: int = 0  # of the episode, as in evaluations/*.jsonl
    output: Path = Path("film.mp4")  # the film, or with --at the picture (.png)
    candidates: bool = False  # draw all candidates, coloured by their counterfactual advantage
    at: float | None = None  # one picture, of the decision at this time, instead of a film [s]


class _Still:
    """Takes the pictures of an episode and keeps one."""

    def __init__(self, number: int):
        self._left = number
        self.picture: np.ndarray | None = None

    def __call__(self, picture: np.ndarray) -> None:
        if self._left == 0:
            self.picture = picture
        self._left -= 1


def film(loop: ClosedLoop, spec: RouteSpec, given: Arguments) -> str:
    """Film an episode, or take one picture of it.

    Returns:
        What was written, for people.

    Raises:
        ValueError: The output's name or the moment does not fit, or the checkpoint cannot be used.
        OSError: The output cannot be written.
    """
    driver = PolicyDriver(load_policy(given.checkpoint), DecisionMode.TOP_1, given.seed)
    view = BirdsEye(loop.road)
    title = f"{spec.scenario}     {spec.id}     seed {given.seed}"
    counterfactual = CounterfactualWorld() if given.candidates else None
    if given.at is None:
        with VideoFile(given.output, view.size_px, 1.0 / FRAME_DT_S) as video:
            listener = Film(view, driver, title, video.write, counterfactual)
            record = loop.drive(driver, spec, 1, given.seed, listener)
            listener.end(record)
        return f"{record.duration_s:.1f} s, {record.status}, driving score {record.driving_score:.1f}"
    if given.at < 0.0 or given.output.suffix != ".png":
        raise ValueError(f"--at {given.at:g} and --output {given.output}: expected a time from 0 on and a .png file")
    decision = round(given.at / DECISION_DT_S)
    still = _Still(decision * FRAMES_PER_DECISION)
    record = loop.drive(driver, spec, 1, given.seed, Film(view, driver, title, still, counterfactual), decision + 1)
    if still.picture is None:
        raise ValueError(
            f"--at {given.at:g}: the episode ended after {record.duration_s:.2f} s; give an earlier moment"
        )
    write_atomically(given.output, cv2.imencode(".png", still.picture)[1].tobytes())
    return f"the decision at {decision * DECISION_DT_S:.2f} s"


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `craft film`."""
    import tyro

    from craft.world.embedded import embedded_loop
    from craft.world.routes import load_suite

    given = tyro.cli(Arguments, args=arguments, prog="craft film")
    try:
        routes = {spec.id: spec for spec in load_suite(given.suite)}
        if given.route not in routes:
            raise ValueError(
                f"--route {given.route}: suite {given.suite} has no such route; it has {', '.join(routes)}"
            )
        with embedded_loop() as loop:
            text = film(loop, routes[given.route], given)
    except (ValueError, OSError) as error:
        print(f"craft film: {error}", file=sys.stderr)
        return 2
    print(f"{given.output}: {text}")
    return 0
