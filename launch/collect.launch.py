"""Lets the expert drive and records it for imitation.

All arguments: `ros2 launch craft_bringup collect.launch.py --show-args`.
"""

from pathlib import Path

from craft_nodes.launching import describe

# launch/ and config/ lie side by side, in the source tree as well as installed.
PARAMS_FILE = Path(__file__).parent.parent / "config" / "craft.yaml"


def generate_launch_description():
    """Called by `ros2 launch`."""
    return describe("collect", PARAMS_FILE)
