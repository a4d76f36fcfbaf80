"""The CARLA-facing part: towns as road maps, routes, episodes, scenarios, traffic, the closed loop and the expert."""
