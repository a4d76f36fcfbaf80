"""CRAFT: counterfactual-to-interactive reinforcement fine-tuning of driving policies, free of ROS and CARLA."""
