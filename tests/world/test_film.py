import cv2
import numpy as np
import pytest

from counterfactual_scenes import straight_road
from craft.counterfactual import CounterfactualWorld
from craft.evaluation import palette
from craft.evaluation.birdseye import BirdsEye
from craft.events import EpisodeRecord, EventKind, GroundedReward
from craft.policies import DecisionMode
from craft.world.closed_loop import ClosedLoop, PolicyDriver
from craft.world.film import Arguments, Film, film, main
from craft.world.routes import load_suite
from craft.world.simulation import Simulation, WorldConfig
from craft.world.termination import TerminationConfig
from small_vocabulary import small_policy
from synthetic_driving import arc_scene

SPEC = next(spec for spec in load_suite("held_out") if spec.scenario == "HardBreakRoute")


def drive(counterfactual=None, frames=8, event_at=None):
    """Pictures of a straight drive at 5 m/s, and the driver; it decides on frame 0 only."""
    view, pictures = BirdsEye(straight_road()), []
    driver = PolicyDriver(small_policy(), DecisionMode.TOP_1, 0)
    listener = Film(view, driver, "a title", pictures.append, counterfactual)
    for frame in range(frames):
        observation = arc_scene(speed=5.0, limit=10.0, curvature=0.0, frame=frame, pose=(0.25 * frame, 0.0, 0.0))
        listener.frame(observation)
        if frame == 0:
            trajectory = driver.decide(observation)
            listener.decided(observation)
        if frame == event_at:
            reward = GroundedReward(-2.0, (EventKind.RED_LIGHT,), 0.25)
            listener.rewarded(0, reward, done=False, truncated=False)
    return view, listener, pictures, trajectory


def alerted(picture):
    return (picture[42:58, -4:] == palette.ALERT).all()  # the third line, right of its text


def test_each_frame_becomes_one_picture_and_the_last_one_stays():
    _, listener, pictures, _ = drive()
    assert len(pictures) == 7  # the last frame waits for what comes after it
    record = EpisodeRecord(
        episode=1, status="Failed", route_completion=50.0, infraction_score=0.5, driving_score=25.0, success=False,
        driven_m=2.0, duration_s=0.4, truncated=False, infractions=(EventKind.COLLISION_VEHICLE,), events=(),
        outside_percentage=0.0, scenario="", route_id="", seed=0,
    )  # fmt: skip
    listener.end(record)
    assert len(pictures) == 7 + 30  # 1.5 s
    assert alerted(pictures[-1]) and not alerted(pictures[6])


def test_an_event_is_told_for_a_second():
    _, _, pictures, _ = drive(frames=30, event_at=4)
    assert [frame for frame, picture in enumerate(pictures) if alerted(picture)] == list(range(4, 24))


def test_the_decided_trajectory_stays_on_the_road_while_the_vehicle_drives_along_it():
    view, _, pictures, trajectory = drive()
    end = trajectory[-1, :2]
    assert end[0] > 6.0  # it is not hidden by the vehicle
    for frame in (0, 3, 6):
        column, row = np.round(view.pixels(end - [0.25 * frame, 0.0])).astype(int)
        assert tuple(pictures[frame][row, column]) == palette.UNJUDGED, frame


def test_candidates_are_judged_once_a_decision_and_drawn():
    class Counting(CounterfactualWorld):
        calls = 0

        def evaluate(self, scene, candidates):
            self.calls += 1
            return super().evaluate(scene, candidates)

    world = Counting(threads=1)
    _, _, with_candidates, _ = drive(world)
    _, _, without, _ = drive()
    assert world.calls == 1
    assert all((a != b).any(axis=-1).sum() > 300 for a, b in zip(with_candidates, without, strict=True))


def test_every_second_frame_and_only_the_most_probable_candidates():
    view, pictures = BirdsEye(straight_road()), []
    driver = PolicyDriver(small_policy(), DecisionMode.TOP_1, 0)
    drawn = []
    view.draw = lambda observation, **given: drawn.append(given.get("shown")) or np.zeros((2, 2, 3), np.uint8)
    listener = Film(view, driver, "a title", pictures.append, CounterfactualWorld(threads=1), every=2, considered=3)
    for frame in range(8):
        observation = arc_scene(speed=5.0, limit=10.0, curvature=0.0, frame=frame)
        listener.frame(observation)
        if frame == 0:
            driver.decide(observation)
            listener.decided(observation)
    assert len(pictures) == 4  # frames 0, 2, 4, 6
    best = driver.choice.logits.topk(3).indices.tolist()
    assert sorted(best) == drawn[-1].nonzero().flatten().tolist()


def test_an_episode_is_filmed_and_one_decision_drawn(light_server, tmp_path):
    checkpoint, short = tmp_path / "policy", TerminationConfig(max_ticks=24)
    small_policy().save(checkpoint)
    simulation = Simulation(WorldConfig(port=light_server.port, background_vehicles=0, termination=short))
    try:
        loop = ClosedLoop(simulation)
        common = {"route": SPEC.id, "checkpoint": str(checkpoint), "candidates": True}
        path = tmp_path / "drive.mp4"
        film(loop, SPEC, Arguments(**common, output=path))
        video, frames = cv2.VideoCapture(str(path)), 0
        while video.read()[0]:
            frames += 1
        assert frames == 24 + 30  # frames 0 to 24, the last one for 1.5 s
        still = tmp_path / "still.png"
        assert "1.00 s" in film(loop, SPEC, Arguments(**common, output=still, at=1.1))  # decisions are 0.25 s apart
        assert cv2.imread(str(still)).shape == (720, 720, 3)
        with pytest.raises(ValueError, match="ended after"):
            film(loop, SPEC, Arguments(**common, output=still, at=30.0))
        with pytest.raises(ValueError, match="png"):
            film(loop, SPEC, Arguments(**common, output=path, at=1.0))
    finally:
        simulation.close()


def test_an_unknown_route_is_refused_with_those_that_there_are(capsys):
    assert main(["--route", "nowhere"]) == 2
    assert SPEC.id in capsys.readouterr().err
