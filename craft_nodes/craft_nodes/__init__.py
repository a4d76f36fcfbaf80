"""The ROS 2 nodes of CRAFT: they translate messages and delegate to `craft`."""
