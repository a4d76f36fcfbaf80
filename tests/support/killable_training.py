"""A training process that a test kills: `killable_training.py <run folder> <rounds>`. Resumes where it can."""

import sys
from pathlib import Path

import torch

from craft.training import Learner, LearnerConfig, RolloutBuffer
from craft.training.run_folder import RunFolder
from small_training import VOCABULARY, SmallPolicy, transitions

torch.set_num_threads(1)


def main(folder: Path, rounds: int) -> None:
    run = RunFolder(folder)
    learner = Learner(SmallPolicy(), LearnerConfig(rounds=rounds, epochs=2, minibatch_size=16, learning_rate=1e-2))
    if run.has_checkpoint:
        learner.load_state_dict(run.load_checkpoint())
    print("begins at", learner.round, flush=True)
    while learner.round < rounds:
        buffer = RolloutBuffer(30, VOCABULARY)
        buffer.extend(transitions(range(learner.round * 3 + 1, learner.round * 3 + 4), learner.round))
        report = learner.update(buffer.take())
        run.write_weights(learner.weights())
        run.append_metrics(report.round, report.metrics)
        run.save_checkpoint(learner.state_dict())
        print("ended round", learner.round, flush=True)
    run.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
