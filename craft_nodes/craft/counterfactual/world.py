"""The counterfactual world: what would have happened, had the vehicle followed each candidate."""

import os
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from craft.counterfactual import kernel
from craft.counterfactual.config import CounterfactualConfig
from craft.counterfactual.returns import CandidateReturns
from craft.counterfactual.scene import Scene
from craft.counterfactual.stop_lines import MAX_LINES
from craft.counterfactual.surface import Surface, build_surface
from craft.counterfactual.torch_engine import TorchEngine
from craft.counterfactual.torch_surface import TorchSurface
from craft.scene import RoadMap
from craft.scene.candidates import Candidates
from craft.vehicle.tracking import TrackingConfig


class CounterfactualWorld:
    """Simulates all candidates of visited states for a short horizon (CRAFT Eq. 37).

    The ego tracks each candidate with the executed controller's law and the executed vehicle's response; other agents
    make a decay rollout that does not react. States are processed one at a time per thread, so memory does not grow
    with their number. The result does not depend on the number of threads.

    Nothing is known past the horizon: a candidate that collides just after it looks as good as one that does not.
    """

    def __init__(
        self,
        config: CounterfactualConfig | None = None,
        tracking: TrackingConfig | None = None,
        threads: int | None = None,
        device: str = "cpu",
    ):
        """Take the configurations.

        Args:
            config: World and reward.
            tracking: The tracking law; the same as the executed controller's.
            threads: Cores to use on the CPU; all that this process may use when None.
            device: "cpu" runs the compiled kernel; any other torch device, such as "cuda", the same computation in
                torch (craft.counterfactual.torch_rollout), in float64.

        Raises:
            ValueError: threads is below 1, or torch cannot use the device.
        """
        self.config = config or CounterfactualConfig()
        self.tracking = tracking or TrackingConfig()
        self.threads = threads or len(os.sched_getaffinity(0))
        if self.threads < 1:
            raise ValueError(f"the counterfactual world needs at least one thread, not {self.threads}")
        self._torch = None if device.partition(":")[0] == "cpu" else TorchEngine(self.config, self.tracking, device)
        self._surfaces: dict[int, tuple[weakref.ref, Surface | TorchSurface]] = {}

    def evaluate(self, scene: Scene, candidates: Candidates) -> CandidateReturns:
        """Returns of G candidates in each of B states.

        Args:
            scene: B states.
            candidates: [G, T, 3] for all states or [B, G, T, 3], ego frame of each state.

        Returns:
            CandidateReturns with [B, G] tensors on the CPU.

        Raises:
            ValueError: the candidates are of another number of states, have no points, or a valid one is not finite; or
                there are more than MAX_LINES stop lines.
        """
        states = scene.ego.shape[0]
        trajectories, valid = candidates.trajectories, candidates.valid
        if trajectories.ndim == 4 and trajectories.shape[0] != states:
            raise ValueError(f"candidates are for {trajectories.shape[0]} states, the scene has {states}")
        if trajectories.shape[-2] < 1:
            raise ValueError("candidate trajectories have no points")
        if not torch.isfinite(trajectories[valid]).all():
            raise ValueError("a valid candidate trajectory has values that are not finite")
        if scene.stop_lines.shape[1] > MAX_LINES:
            raise ValueError(f"a state has {scene.stop_lines.shape[1]} stop lines; give the nearest {MAX_LINES}")
        if self._torch is not None:
            return self._torch.evaluate(scene, candidates, self._surface(scene.road))
        group = trajectories.shape[-3]
        trajectories = _array(trajectories, torch.float32)
        valid = _array(valid, torch.bool)
        shared = trajectories.ndim == 3

        returns = np.zeros((states, group), np.float32)
        flags = np.zeros((states, group), np.uint8)
        progress = np.zeros((states, group), np.float32)
        rows = [
            _array(tensor, None)
            for tensor in (
                scene.ego,
                scene.agents,
                scene.agent_valid,
                scene.route,
                scene.route_valid,
                scene.stop_lines,
                scene.stop_valid,
            )
        ]
        surface, numbers, gains = self._surface(scene.road), self.config.numbers, self.tracking.gains

        def work(state, part):
            kernel.evaluate_state(
                *(row[state] for row in rows),
                surface,
                (trajectories if shared else trajectories[state])[part],
                (valid if shared else valid[state])[part],
                numbers,
                gains,
                returns[state, part],
                flags[state, part],
                progress[state, part],
            )

        # A state is the unit of work, or a part of its candidates where there are fewer states than threads.
        parts = 1 if states >= self.threads else -(-self.threads // max(states, 1))
        size = max(-(-group // parts), 1)
        units = [(state, slice(low, low + size)) for state in range(states) for low in range(0, group, size)]
        if self.threads == 1 or len(units) < 2:
            for unit in units:
                work(*unit)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                for done in [pool.submit(work, *unit) for unit in units]:
                    done.result()

        flag = torch.from_numpy(flags)
        return CandidateReturns(
            returns=torch.from_numpy(returns),
            valid=torch.from_numpy(np.broadcast_to(valid, (states, group)).copy()),
            collision=(flag & kernel.COLLISION) != 0,
            red_light=(flag & kernel.RED_LIGHT) != 0,
            stop_sign=(flag & kernel.STOP_SIGN) != 0,
            off_road=(flag & kernel.OFF_ROAD) != 0,
            progress_m=torch.from_numpy(progress),
        )

    def _surface(self, road: RoadMap) -> Surface | TorchSurface:
        """The road map's surface, built once for each map object."""
        key = id(road)
        kept = self._surfaces.get(key)
        if kept is None or kept[0]() is not road:
            surface = build_surface(road, self.config.surface_margin_m)
            if self._torch is not None:
                surface = self._torch.surface(surface)
            kept = weakref.ref(road, lambda _: self._surfaces.pop(key, None)), surface
            self._surfaces[key] = kept
        return kept[1]


def _array(tensor: torch.Tensor, dtype: torch.dtype | None) -> np.ndarray:
    """The tensor on the CPU as a C-ordered array."""
    return tensor.detach().to("cpu", dtype or tensor.dtype).contiguous().numpy()
