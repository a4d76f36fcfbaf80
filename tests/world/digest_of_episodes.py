"""Drives a few episodes on a server of its own and prints a digest of every frame; run as a program by the tests."""

import hashlib
import sys

import carla_light
from craft.world.routes import load_suite
from craft.world.simulation import Simulation, WorldConfig
from route_follower import RouteFollower

TICKS = (160, 90, 240, 130)  # most are cut short, as the trainer does when its buffer is full
SCENARIOS = (
    "HardBreakRoute",
    "StaticCutIn",
    "NonSignalizedJunctionRightTurn",
    "VanillaSignalizedTurnEncounterRedLight",
)


def update(digest, frame) -> None:
    """Add everything of a frame: one changed bit changes the digest."""
    objects = frame.objects
    digest.update(repr((frame.stamp_s, frame.odometry, frame.status, sorted(frame.lights.items()))).encode())
    digest.update(repr(frame.collisions).encode())
    for table in (objects.ids, objects.kinds, objects.poses, objects.velocities, objects.yaw_rates):
        digest.update(table.tobytes())
    digest.update(objects.accelerations.tobytes() + objects.half_sizes.tobytes())


def main(background_vehicles: int) -> None:
    """Print one digest for each episode."""
    with carla_light.Server() as server:
        simulation = Simulation(WorldConfig(port=server.port, background_vehicles=background_vehicles))
        for episode, (scenario, ticks) in enumerate(zip(SCENARIOS, TICKS, strict=True), 1):
            spec = next(spec for spec in load_suite("training") if spec.scenario == scenario)
            route, frame = simulation.begin(spec, episode, seed=spec.seed)
            follower, digest = RouteFollower(route), hashlib.sha256()
            update(digest, frame)
            for _ in range(ticks):
                frame = simulation.tick(*follower.control(frame, 8.0))
                update(digest, frame)
                if simulation.outcome is not None:
                    break
            digest.update(repr(simulation.truncate()).encode())
            print(episode, len(frame.objects.ids), digest.hexdigest())
        simulation.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
