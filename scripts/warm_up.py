"""Compiles all kernels into numba's cache, by a short drive that uses every one of them."""

from craft.counterfactual.benchmark.breakdown import break_down
from craft_nodes.cli.bench import drive, score

if __name__ == "__main__":
    _, road, observations = drive(decisions=2, background_vehicles=2)
    score(road, observations)
    break_down(candidates=1, steps=1, agents=1, states=1, repeats=1)  # the benchmark's stages
