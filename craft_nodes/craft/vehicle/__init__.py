"""The ego vehicle: how it answers its controls, and the law that tracks a trajectory with them."""
