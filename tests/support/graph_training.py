"""A short training run of the whole graph."""

import random
from pathlib import Path

from graph_processes import Process

ROUNDS, DECISIONS = 2, 48
TRAINER = {"rounds": ROUNDS, "decisions": DECISIONS, "evaluation_episodes": 1, "seed": 7}


def train(params: Path, folder: Path, domain: int, *arguments) -> Process:
    """`craft train` on the embedded world; what the user sees goes to a log beside the folder."""
    command = ("train", "--params-file", params, "--run-dir", folder, *arguments)
    log = folder.parent / f"{folder.name}-{random.getrandbits(32):08x}.log"
    return Process("craft_nodes.cli", *command, log=log, domain=domain)
