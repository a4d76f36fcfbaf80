"""Trainer: conducts the run. Assembles transitions, updates the deployed policy, and reports before and after."""

from dataclasses import asdict
from pathlib import Path

import rclpy.node
import torch

from craft.algorithm import CraftConfig
from craft.evaluation import comparison_table
from craft.policies import load_policy
from craft.training import LearnerConfig
from craft.training.console import RunConsole
from craft.training.fine_tuning import FineTuning, FineTuningConfig
from craft.training.rollouts import RolloutError
from craft.training.run_folder import RunFolder
from craft_nodes.diagnostics import Health
from craft_nodes.external_rollouts import ExternalRollouts
from craft_nodes.graph_link import GraphLink
from craft_nodes.graph_rollouts import GraphRollouts
from craft_nodes.parameters import declare, declare_dataclass, refuse_unknown
from craft_nodes.running import run


class TrainerNode(rclpy.node.Node):
    """Parameters in, one `craft.training.FineTuning` run out."""

    def __init__(self):
        super().__init__("trainer")
        self._role = declare(self, "role_name", "hero", "role name of the ego vehicle")
        self._world = declare(self, "world", "carla_light", "label of the results", choices=("carla_light", "carla"))
        self._checkpoint = declare(self, "checkpoint", "vocabulary", "checkpoint folder, or the name of a shipped one")
        self._run_dir = declare(self, "run_dir", "runs/train", "folder of the run; resumed if it has a checkpoint")
        self._silence_s = declare(
            self, "silence_timeout", 120.0, "without a sign of life for so long the run ends [s]", low=1.0, high=36000.0
        )
        self._external = declare(
            self, "external_episodes", False, "nobody takes orders; train on what is driven anyway"
        )
        threads = declare(self, "threads", 2, "CPU threads of torch; the world waits meanwhile", low=1, high=256)
        seed = declare(self, "seed", 0, "seed of routes, episodes and minibatches", low=0, high=2**31 - 1)
        craft = declare_dataclass(self, CraftConfig, "craft.")
        learner = declare_dataclass(self, LearnerConfig, "", craft=craft, seed=seed)
        self.config = declare_dataclass(
            self, FineTuningConfig, "", learner=learner, seed=seed, evaluate=not self._external
        )
        refuse_unknown(self)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        self.health = Health(self)

    def work(self) -> int:
        """The whole run."""
        policy = load_policy(self._checkpoint)
        folder = RunFolder(Path(self._run_dir))
        config = self.config
        rollouts = self._rollouts(policy.family)
        settings = asdict(config) | {"checkpoint": self._checkpoint, "world": self._world, "role_name": self._role}
        with RunConsole(config.units) as console:
            try:
                tuning = FineTuning(policy, config, folder, rollouts, console)
                rollouts.wait_for_graph(training=True)
                summary = tuning.run(self._world, settings)
            except RolloutError as error:
                console.line(str(error))
                return 1
            finally:
                folder.close()
            rollouts.finish()
            if config.evaluate:
                console.show(comparison_table(tuning.before, tuning.after, self._world))
            console.line(
                f"{summary['transitions']} transitions in {summary['rounds']} rounds, "
                f"{summary['real_time_factor']:.1f}x real time on {self._world}; everything is in {folder.path}"
            )
        return 0

    def _rollouts(self, family: str) -> GraphLink:
        common = {"role_name": self._role, "family": family, "silence_s": self._silence_s}
        if self._external:
            return ExternalRollouts(self, self.health, **common)
        return GraphRollouts(self, self.health, **common, max_staleness=int(self.config.overlap))


def main():
    """Entry point of `ros2 run craft_nodes trainer`."""
    run(TrainerNode, TrainerNode.work)
