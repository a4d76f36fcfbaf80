from dataclasses import replace

import pytest

from craft.evaluation import ABILITIES
from craft.scene import LightState
from craft.world.episode import PlacementError
from craft.world.routes import SCENARIOS as ROUTE_SCENARIOS
from craft.world.routes import load_suite
from craft.world.scenarios import SCENARIOS, make_scenario
from craft.world.termination import FAILED
from route_follower import AttentiveFollower, RouteFollower

FIVE = {"Overtaking", "Merging", "Emergency_Brake", "Give_Way", "Traffic_Signs"}
COLLIDING = sorted(set(SCENARIOS) - {"VanillaSignalizedTurnEncounterRedLight"})
TRAINING = load_suite("training")


def drive(simulation, spec, seed, follower_type, speed_mps=8.0):
    """Drives to the end; returns the outcome and all frames."""
    route, frame = simulation.begin(spec, 1, seed)
    follower, frames = follower_type(route), [frame]
    while simulation.outcome is None:
        frames.append(simulation.tick(*follower.control(frames[-1], speed_mps)))
    return simulation.outcome, frames


def routes(scenario):
    return [spec for spec in TRAINING if spec.scenario == scenario]


def test_types_cover_the_five_abilities_and_the_suites():
    assert {ability for name in SCENARIOS for ability in ABILITIES[name]} == FIVE
    assert set(SCENARIOS) == set(ROUTE_SCENARIOS)


@pytest.mark.parametrize("suite", ["training", "held_out"])
def test_every_route_has_room_for_its_scenario_whatever_the_seed(simulation, suite):
    for spec in load_suite(suite):
        for seed in (spec.seed, 1):
            _, frame = simulation.begin(spec, 1, seed)
            assert frame.collisions == () and abs(frame.odometry.vx) < 0.01
    simulation.end()


@pytest.mark.parametrize("scenario", COLLIDING)
def test_driver_who_sees_nobody_usually_collides(simulation, scenario):
    specs = [(spec, seed) for spec in routes(scenario)[:4] for seed in (3, 4)]
    crashed = sum(drive(simulation, spec, seed, RouteFollower)[0].status == FAILED for spec, seed in specs)
    assert crashed >= len(specs) / 2


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_driver_who_pays_attention_never_collides(simulation, scenario):
    for spec in routes(scenario)[:2]:
        for seed in (3, 5):
            outcome, frames = drive(simulation, spec, seed, AttentiveFollower)
            assert outcome.status != FAILED, (spec.id, seed, frames[-1].collisions)


def test_light_is_red_when_an_ego_that_does_not_brake_arrives(simulation):
    for spec in routes("VanillaSignalizedTurnEncounterRedLight"):
        route, frame = simulation.begin(spec, 1, spec.seed)
        follower, seen = RouteFollower(route), set()
        while simulation.outcome is None:
            frame = simulation.tick(*follower.control(frame, 8.0))
            changed = {i for i, state in frame.lights.items() if state == LightState.RED}
            seen.add(frozenset(changed))
        assert len(seen) > 1  # the lights did change
        assert simulation.outcome.status == "Completed"


def test_seed_changes_the_episode_and_repeats_it(simulation):
    spec = routes("DynamicObjectCrossing")[0]

    def walker_path(seed):
        return [tuple(frame.objects.poses.ravel()) for frame in drive(simulation, spec, seed, AttentiveFollower)[1]]

    assert walker_path(11) == walker_path(11) != walker_path(12)


def test_given_parameter_is_used(simulation):
    spec = routes("HardBreakRoute")[0]
    _, frames = drive(simulation, replace(spec, params={"speed": 4.0}), 1, AttentiveFollower)
    fastest = max(float(abs(frame.objects.velocities).max(initial=0.0)) for frame in frames)
    assert 3.5 < fastest < 5.0


@pytest.mark.parametrize(
    ("scenario", "changes", "message"),
    [
        ("HardBreakRoute", {"params": {"sped": 4.0}}, "unknown parameter 'sped'; known are speed, headway, standing"),
        ("HardBreakRoute", {"params": {"speed": 99.0}}, "speed = 99 m/s is out of range; give 3 to 16"),
        ("DynamicObjectCrossing", {"scenario": "ParkedObstacle"}, "no lane of the same direction"),
        ("ParkedObstacle", {"scenario": "InvadingTurn"}, "no oncoming lane borders the route|ends at"),
        ("HardBreakRoute", {"scenario": "NonSignalizedJunctionRightTurn"}, "the route passes no junction after"),
        (
            "VanillaNonSignalizedTurnEncounterStopsign",
            {"scenario": "VanillaSignalizedTurnEncounterRedLight"},
            "has no traffic light for the route",
        ),
        (
            "VanillaSignalizedTurnEncounterRedLight",
            {"scenario": "VanillaNonSignalizedTurnEncounterStopsign"},
            "no stop sign stands before",
        ),
    ],
)
def test_scenario_that_does_not_fit_says_where_and_why(simulation, scenario, changes, message):
    spec = replace(routes(scenario)[0], **changes)
    with pytest.raises(PlacementError, match=message) as caught:
        simulation.begin(spec, 1, 1)
    assert spec.id in str(caught.value)
    simulation.end()


def test_unknown_scenario_type_is_refused():
    with pytest.raises(ValueError, match="unknown scenario type 'Nope'; known are"):
        make_scenario("Nope")
