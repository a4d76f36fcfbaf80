"""The agent for the leaderboard 2.0, driven through that interface by a stand-in for it."""

import json
import math
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import carla
import numpy as np
import pytest

import carla_light
import craft.world
from craft.evaluation.comfort import motion_of
from craft.policies import DecisionMode, load_policy
from craft.world.carla_frames import carla_transform
from craft.world.closed_loop import ClosedLoop, PolicyDriver
from craft.world.leaderboard_plan import route_from_plan
from craft.world.routes import load_suite, trace_route
from craft.world.simulation import Simulation, WorldConfig
from leaderboard_runner import load_agent_class, plan_of, run

AGENT = Path(craft.world.__file__).parent / "leaderboard" / "craft_agent.py"
SPEC = next(spec for spec in load_suite("held_out") if spec.scenario == "InvadingTurn")


@pytest.fixture(scope="module")
def world():
    """A server of its own, with traffic, and its simulation."""
    with carla_light.Server() as server:
        simulation = Simulation(WorldConfig(port=server.port, background_vehicles=3))
        yield SimpleNamespace(port=server.port, simulation=simulation)
        simulation.close()


@pytest.fixture(scope="module")
def drive(world, tmp_path_factory):
    """One route driven by the agent: its controls, the outcome, and the folder that it saved to."""
    folder = tmp_path_factory.mktemp("saved")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAVE_PATH", str(folder))
        agent = load_agent_class(AGENT)("127.0.0.1", world.port, False)
        controls, outcome = run(agent, world.simulation, SPEC, "vocabulary+route_a+route_b", 200)
    return SimpleNamespace(controls=controls, outcome=outcome, folder=folder)


def test_it_drives_as_in_our_own_closed_loop(drive, world, monkeypatch):
    """Same route and seed; the plan's float32 places are the only difference, so the first seconds agree closely."""
    simulation, given = world.simulation, []
    tick = simulation.tick

    def watch(throttle, steer, brake):
        given.append((throttle, steer, brake))
        return tick(throttle, steer, brake)

    begin = simulation.begin

    def begin_late(*arguments):  # the stand-in makes one tick before it asks for the first time
        route, _ = begin(*arguments)
        return route, tick(0.0, 0.0, 1.0)

    monkeypatch.setattr(simulation, "tick", watch)
    monkeypatch.setattr(simulation, "begin", begin_late)
    driver = PolicyDriver(load_policy("vocabulary"), DecisionMode.TOP_1, 0)
    ClosedLoop(simulation).drive(driver, SPEC, 1, SPEC.seed, max_decisions=16)
    assert len(given) == 80
    assert np.array(drive.controls[:80]) == pytest.approx(np.array(given), abs=0.02)


def test_it_gets_on_without_a_mistake(drive):
    assert len(drive.controls) == 200 and drive.outcome.driven_m > 40.0
    throttle, steer, brake = np.array(drive.controls).T
    assert throttle.max() > 0.3 and abs(steer).max() > 0.001 and ((brake >= 0.0) & (brake <= 1.0)).all()


def test_metric_info_lies_where_the_scripts_look(drive):
    info = json.loads((drive.folder / "route_b" / "metric_info.json").read_text())
    assert list(info) == [str(k) for k in range(0, 200, 2)], "0.1 s apart"
    for row in info.values():
        assert {len(vector) for vector in row.values()} == {3} and len(row) == 6
    places = np.array([row["location"] for row in info.values()])
    assert np.hypot(*np.diff(places[:, :2], axis=0).T).sum() == pytest.approx(drive.outcome.driven_m, abs=1.5)
    motion = motion_of(info)
    yaw = np.unwrap(np.radians([row["rotation"][2] for row in info.values()]))
    # The angular velocity is in deg/s and turns as the yaw does; directions are those of the yaw.
    turn = (yaw[2:] - yaw[:-2]) / 0.2
    assert np.ptp(turn) > 0.2 and np.polyfit(turn, motion.yaw_rate[1:-1], 1)[0] == pytest.approx(1.0, abs=0.15)
    assert motion.forward == pytest.approx(np.stack([np.cos(yaw), np.sin(yaw)], axis=1), abs=1e-4)


def test_a_frame_asked_twice_is_answered_alike(world):
    agent = load_agent_class(AGENT)("127.0.0.1", world.port)
    route, _ = world.simulation.begin(SPEC, 1, SPEC.seed)
    agent.set_global_plan(*plan_of(route))
    agent.setup("vocabulary")
    frame = world.simulation.tick(0.0, 0.0, 1.0)
    first, second = agent.run_step({}, frame.stamp_s), agent.run_step({}, frame.stamp_s)
    assert (first.throttle, first.steer, first.brake) == (second.throttle, second.steer, second.brake)
    agent.destroy()
    world.simulation.end()


def test_it_derives_from_the_leaderboards_agent_where_there_is_one(monkeypatch):
    called = []

    class AutonomousAgent:
        def __init__(self, host, port, debug):
            called.append((host, port, debug))

        def set_global_plan(self, gps, places):
            called.append(len(places))

    module = types.ModuleType("leaderboard.autoagents.autonomous_agent")
    module.AutonomousAgent, module.Track = AutonomousAgent, SimpleNamespace(SENSORS="the track of sensors")
    for name in ("leaderboard", "leaderboard.autoagents"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "craft_agent", raising=False)
    made = load_agent_class(AGENT)("there", 2000, True)
    monkeypatch.delitem(sys.modules, "craft_agent")
    assert isinstance(made, AutonomousAgent) and made.track == "the track of sensors"
    made.set_global_plan(*plan_of(SimpleNamespace(points=np.array([[0.0, 0.0], [1.0, 0.0]]), yaw=np.zeros(2))))
    assert called == [("there", 2000, True), 2]
    assert made.get_ros_version() == -1


def test_a_checkpoint_that_is_not_there_is_an_error():
    agent = load_agent_class(AGENT)("127.0.0.1", 1)
    with pytest.raises(ValueError, match="nowhere"):
        agent.setup("nowhere+RouteScenario_1_rep0")


def test_a_plan_is_the_route_that_it_was_made_from(world):
    route = trace_route(world.simulation.carla_map, SPEC)
    again = route_from_plan(plan_of(route)[1])
    assert again.points == pytest.approx(route.points, abs=5e-3)
    assert np.cos(again.yaw - route.yaw).min() > math.cos(0.08)


def test_a_jump_to_the_next_lane_becomes_a_change_over_20_m():
    """Along x at y = 0 up to 50 m, then at y = 3.5."""
    places = [(carla_transform(float(x), 0.0 if x <= 50 else 3.5, 0.0), 5) for x in range(101)]
    route = route_from_plan([places[0], *places])  # a repeated point is dropped
    x, y = route.points.T
    assert np.interp([30.0, 39.0, 62.0, 90.0], x, y) == pytest.approx([0.0, 0.0, 3.5, 3.5], abs=1e-6)
    # From 40 or 41 m to 61 or 62 m evenly.
    assert np.interp(51.0, x, y) == pytest.approx(1.75, abs=0.1)
    assert np.abs(route.yaw).max() < 0.2
    assert np.diff(x).max() == pytest.approx(1.0, abs=0.02)


def test_a_plan_without_length_is_refused():
    with pytest.raises(ValueError, match="no length"):
        route_from_plan([(carla.Transform(), 4)] * 3)
