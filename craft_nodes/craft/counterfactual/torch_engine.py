"""The torch engine behind CounterfactualWorld(device=...): devices, chunks and memory."""

import torch

from craft.counterfactual.config import CounterfactualConfig
from craft.counterfactual.returns import CandidateReturns
from craft.counterfactual.scene import Scene
from craft.counterfactual.surface import Surface
from craft.counterfactual.torch_rollout import roll_out
from craft.counterfactual.torch_surface import TorchSurface
from craft.scene.candidates import Candidates
from craft.vehicle.tracking import TrackingConfig

BUDGET_BYTES = 1 << 30  # what the tensors of a chunk may hold at once; the map's own tables come on top


class TorchEngine:
    """The engine behind CounterfactualWorld(device=...) for every device but the CPU."""

    def __init__(
        self, config: CounterfactualConfig, tracking: TrackingConfig, device: str, budget_bytes: int = BUDGET_BYTES
    ):
        """Take the configurations.

        Args:
            config: World and reward.
            tracking: The tracking law.
            device: A torch device.
            budget_bytes: What the tensors of a chunk may hold at once. A single rollout is always simulated, whatever
                it takes.

        Raises:
            ValueError: torch cannot compute in float64 on the device.
        """
        self.numbers, self.gains = config.numbers, tracking.gains
        self.device, self.budget_bytes = _usable(device), budget_bytes

    def surface(self, surface: Surface) -> TorchSurface:
        """The road surface on this engine's device."""
        return TorchSurface(surface, self.device)

    @torch.no_grad()
    def evaluate(self, scene: Scene, candidates: Candidates, surface: TorchSurface) -> CandidateReturns:
        """See CounterfactualWorld.evaluate, which has checked the arguments."""
        states = scene.ego.shape[0]
        trajectories = candidates.trajectories.expand(states, *candidates.trajectories.shape[-3:])
        valid = candidates.valid.expand(states, -1).cpu()
        rollouts = valid.nonzero()
        result = CandidateReturns(
            returns=torch.zeros(valid.shape),
            valid=valid.clone(),
            progress_m=torch.zeros(valid.shape),
            **{name: torch.zeros_like(valid) for name in ("collision", "red_light", "stop_sign", "off_road")},
        )
        size = max(self.budget_bytes // self.bytes_per_rollout(scene, trajectories.shape[-2], surface), 1)
        for low in range(0, len(rollouts), size):
            state, candidate = rollouts[low : low + size].unbind(1)
            which, row = state.unique(return_inverse=True)
            outcomes = roll_out(
                self._on_device(trajectories[state, candidate]),
                self._on_device(row),
                self._on_device(scene.ego[which]),
                self._on_device(scene.agents[which]),
                self._on_device(scene.agent_valid[which]),
                self._on_device(scene.route[which]),
                self._on_device(scene.route_valid[which]),
                self._on_device(scene.stop_lines[which]),
                self._on_device(scene.stop_valid[which]),
                surface,
                self.numbers,
                self.gains,
            )
            for name, values in outcomes._asdict().items():
                into = getattr(result, name)
                into[state, candidate] = values.to("cpu", into.dtype)
        return result

    def _on_device(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device, torch.float64 if tensor.is_floating_point() else tensor.dtype)

    def bytes_per_rollout(self, scene: Scene, points: int, surface: TorchSurface) -> int:
        """What the tensors of a rollout in a state of its own hold at most [bytes].

        The factors are counts of float64 numbers that live at once, measured and rounded up; rollouts that share a
        state hold half of it.
        """
        numbers = 100 + 18 * (points + 1) + 2 * self.gains.window + 18 * surface.fullest
        numbers += 44 * scene.agents.shape[1] + 30 * scene.route.shape[1] + 24 * scene.stop_lines.shape[1]
        return 8 * numbers


def _usable(device: str) -> torch.device:
    """The device, if torch can compute in float64 on it."""
    try:
        torch.zeros(1, dtype=torch.float64, device=device).cpu()
    except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
        raise ValueError(
            f"the counterfactual world cannot use device {device!r} ({str(error).splitlines()[0]}); "
            'device "cpu" needs no GPU, "cuda" needs an NVIDIA GPU and a torch built for it'
        ) from error
    return torch.device(device)
