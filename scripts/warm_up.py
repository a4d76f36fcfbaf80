"""Compiles all kernels into numba's cache: drives two decisions with the expert on carla_light and scores candidates."""

import torch
from carla_light import Server
from craft.counterfactual import CounterfactualWorld, Scene
from craft.scene.candidates import TRAJECTORY_DT_S, TRAJECTORY_STEPS, Candidates
from craft.world.closed_loop import ClosedLoop, Listener
from craft.world.expert import Expert
from craft.world.routes import load_suite
from craft.world.simulation import Simulation, WorldConfig

_DECISIONS = 2
_CANDIDATES = 8
_SPEED_MPS = 5.0  # of the straight candidates


class _LastObservation(Listener):
    observation = None

    def frame(self, observation):
        self.observation = observation


def _straight_candidates() -> Candidates:
    trajectories = torch.zeros(_CANDIDATES, TRAJECTORY_STEPS, 3)
    trajectories[:, :, 0] = _SPEED_MPS * TRAJECTORY_DT_S * torch.arange(1, TRAJECTORY_STEPS + 1)
    return Candidates(trajectories, torch.ones(_CANDIDATES, dtype=torch.bool))


def main():
    """Uses every compiled function once, the way the nodes do."""
    with Server() as server:
        simulation = Simulation(WorldConfig(port=server.port, background_vehicles=2))
        try:
            loop, seen = ClosedLoop(simulation), _LastObservation()
            spec = load_suite("training")[0]
            loop.drive(Expert(loop.road), spec, episode=1, seed=0, listener=seen, max_decisions=_DECISIONS)
        finally:
            simulation.close()
    scene = Scene.from_observations(loop.road, [seen.observation])
    CounterfactualWorld(threads=1).evaluate(scene, _straight_candidates())


if __name__ == "__main__":
    main()
