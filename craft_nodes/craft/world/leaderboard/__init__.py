"""What the CARLA leaderboard loads. The agent's file lies alone here: the leaderboard puts its folder on the path."""
