"""Evaluator: drives one suite with the top-1 of a policy and writes its scores."""

import json
from pathlib import Path

import rclpy.node

from craft.evaluation import aggregate
from craft.evaluation.storage import scores_to_dict
from craft.evaluation.table import scores_table
from craft.files import write_atomically
from craft.policies import load_policy
from craft.training.console import RunConsole
from craft.training.rollouts import EvaluationOrder, RolloutError
from craft_nodes.diagnostics import Health
from craft_nodes.graph_rollouts import GraphRollouts
from craft_nodes.parameters import declare, refuse_unknown
from craft_nodes.running import run


class EvaluatorNode(rclpy.node.Node):
    """One evaluation; the policy node has loaded the checkpoint itself."""

    def __init__(self):
        super().__init__("evaluator")
        self._role = declare(self, "role_name", "hero", "role name of the ego vehicle")
        self._world = declare(self, "world", "carla_light", "label of the results", choices=("carla_light", "carla"))
        self._checkpoint = declare(self, "checkpoint", "vocabulary", "checkpoint folder, or the name of a shipped one")
        self._run_dir = declare(self, "run_dir", "runs/evaluate", "folder that evaluation.json is written to")
        self._silence_s = declare(
            self, "silence_timeout", 120.0, "without a sign of life for so long the run ends [s]", low=1.0, high=36000.0
        )
        self._suite = declare(self, "suite", "held_out", "routes to drive", choices=("held_out", "training"))
        self._episodes = declare(self, "episodes", 0, "episodes to drive; 0: every route once", low=0, high=10**6)
        self._seed = declare(self, "seed", 20_000, "seed of the episodes", low=0, high=2**31 - 1)
        refuse_unknown(self)
        self.health = Health(self)

    def work(self) -> int:
        """The whole evaluation."""
        rollouts = GraphRollouts(
            self,
            self.health,
            role_name=self._role,
            family=load_policy(self._checkpoint).family,
            silence_s=self._silence_s,
            max_staleness=0,
        )
        with RunConsole(1) as console:
            try:
                rollouts.wait_for_graph(training=False)
                order = EvaluationOrder(self._suite, self._episodes, self._seed, first_episode=1)
                driven = rollouts.evaluate(order, console.step(f"evaluation on {self._suite} routes"))
            except RolloutError as error:
                console.line(str(error))
                return 1
            rollouts.finish()
            console.finished(1)
            scores = aggregate(driven.records)
            result = {"world": self._world, "suite": self._suite, "seed": self._seed} | scores_to_dict(scores)
            path = Path(self._run_dir) / "evaluation.json"
            write_atomically(path, (json.dumps(result, indent=2) + "\n").encode())
            console.show(scores_table(scores, self._world))
            console.line(f"{path} holds the scores")
        return 0


def main():
    """Entry point of `ros2 run craft_nodes evaluator`."""
    run(EvaluatorNode, EvaluatorNode.work)
