"""Compiles all kernels into numba's cache, by a short drive that uses every one of them."""

from craft_nodes.cli.bench import drive, score

if __name__ == "__main__":
    _, road, observations = drive(decisions=2, background_vehicles=2)
    score(road, observations)
