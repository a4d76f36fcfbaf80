"""What each sensor sends: one file a sensor, `measure(world, sensor) -> payloads` in each."""
