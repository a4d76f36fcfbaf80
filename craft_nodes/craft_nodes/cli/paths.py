"""Where the shipped files lie."""

import os
from pathlib import Path


def config_folder() -> Path:
    """The folder config/: that of the source tree, or the one that craft_bringup installed.

    Raises:
        FileNotFoundError: Neither exists.
    """
    source = Path(__file__).resolve().parents[3] / "config"
    shares = [Path(p) / "share/craft_bringup/config" for p in os.environ.get("AMENT_PREFIX_PATH", "").split(":") if p]
    for folder in (source, *shares):
        if (folder / "craft.yaml").is_file():
            return folder
    raise FileNotFoundError(
        f"config/craft.yaml is neither at {source} nor in an installed craft_bringup; build ros_ws and source its setup"
    )
