"""How fast the counterfactual world is, on a road and traffic made up for it; `craft bench counterfactual`."""

from craft.counterfactual.benchmark.measurement import Measurement, measure, warm_up

__all__ = ["Measurement", "measure", "warm_up"]
