"""The torch engine on torch's CPU device, where CounterfactualWorld itself would take the compiled kernel."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from craft.counterfactual import CandidateReturns, CounterfactualConfig, Scene
from craft.counterfactual.surface import build_surface
from craft.counterfactual.torch_engine import BUDGET_BYTES, TorchEngine
from craft.counterfactual.torch_surface import TorchSurface
from craft.scene import RoadMap
from craft.scene.candidates import Candidates
from craft.vehicle.tracking import TrackingConfig


class TorchWorld:
    """The same interface as CounterfactualWorld."""

    def __init__(self, config=None, tracking=None, budget_bytes=BUDGET_BYTES):
        self.config = config or CounterfactualConfig()
        self.engine = TorchEngine(self.config, tracking or TrackingConfig(), "cpu", budget_bytes)

    def evaluate(self, scene: Scene, candidates: Candidates) -> CandidateReturns:
        return self.engine.evaluate(scene, candidates, self.surface(scene.road))

    def surface(self, road: RoadMap) -> TorchSurface:
        return self.engine.surface(build_surface(road, self.config.surface_margin_m))


class LiveBytes(TorchDispatchMode):
    """Counts the bytes that tensors made within the block hold; `peak` is the most at once."""

    def __init__(self):
        super().__init__()
        self.live = self.peak = 0
        self._holders: dict[int, int] = {}  # address of a storage -> tensors that view it
        self._from_before: set[int] = set()  # addresses of storages that were there already

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given = [tensor.untyped_storage().data_ptr() for tensor in tree_iter(args) if isinstance(tensor, torch.Tensor)]
        self._from_before.update(address for address in given if address not in self._holders)
        result = func(*args, **(kwargs or {}))
        for tensor in tree_iter(result):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                address, size = storage.data_ptr(), storage.nbytes()
                if not size or address in self._from_before:
                    continue
                if address not in self._holders:
                    self._holders[address] = 0
                    self.live += size
                    self.peak = max(self.peak, self.live)
                self._holders[address] += 1
                weakref.finalize(tensor, self._dropped, address, size)
        return result

    def _dropped(self, address, size):
        self._holders[address] -= 1
        if not self._holders[address]:
            del self._holders[address]
            self.live -= size
