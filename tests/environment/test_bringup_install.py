"""What `colcon build` installs of craft_bringup."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_launch_and_config_files_are_installed_as_files_not_as_links_to_nowhere(tmp_path):
    prefix = Path(sys.prefix)
    env = os.environ | {"CMAKE_PREFIX_PATH": str(prefix), "AMENT_PREFIX_PATH": str(prefix)}
    env["PATH"] = f"{prefix / 'bin'}:{env['PATH']}"
    configure = ["cmake", "-S", ROOT / "ros_ws/src/craft_bringup", "-B", tmp_path / "build"]
    configure += [f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'install'}", f"-DPython3_EXECUTABLE={sys.executable}"]
    for command in (configure, ["cmake", "--install", tmp_path / "build"]):
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    share = tmp_path / "install/share/craft_bringup"
    for folder, pattern in (("launch", "*.launch.py"), ("config", "*")):
        installed = {p.name: p.read_bytes() for p in (share / folder).iterdir() if not p.is_symlink()}
        assert installed == {p.name: p.read_bytes() for p in (ROOT / folder).glob(pattern) if p.is_file()}
        assert installed and not (share / folder).is_symlink()
