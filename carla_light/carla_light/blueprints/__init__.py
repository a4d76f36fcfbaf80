"""What can be spawned: vehicles, walkers, props, sensors."""
