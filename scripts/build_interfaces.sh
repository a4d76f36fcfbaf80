#!/bin/bash
# Build the interface packages of ros_ws into the virtual environment, with Python and C typesupport only.
# usage: build_interfaces.sh <venv>
# On a machine with a ROS 2 installation use `colcon build` in ros_ws instead; this script is for the ROS wheels.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
venv=$(realpath "$1")
source_dir=$(dirname "$here")/ros_ws/src
# The environment is an ament prefix of its own. A ROS installation sourced in this shell must not leak into it.
export PATH=$venv/bin:$PATH CMAKE_PREFIX_PATH=$venv AMENT_PREFIX_PATH=$venv
unset PYTHONPATH COLCON_PREFIX_PATH

for package in carla_msgs derived_object_msgs craft_msgs; do
  build=$venv/build/$package
  mkdir -p "$build"
  if ! {
    cmake -S "$source_dir/$package" -B "$build" -DCMAKE_INSTALL_PREFIX="$venv" -DPython3_EXECUTABLE="$venv/bin/python" \
      -DPYTHON_ONLY=ON -DBUILD_TESTING=OFF \
      -DCMAKE_PROJECT_INCLUDE="$here/fix_wheel_targets.cmake" &&
      cmake --build "$build" -j"$(nproc)" --target install
  } >"$build/build.log" 2>&1; then
    tail -n 40 "$build/build.log" >&2
    echo "setup: building the messages of $package failed; the whole log is $build/build.log" >&2
    exit 1
  fi
  # Messages that were renamed or removed must not stay importable.
  find "$venv"/lib/python3.*/site-packages/"$package" -type f -not -name '*.pyc' | sort |
    comm -23 - <(sort "$build/install_manifest.txt") | xargs -r rm -f
  echo "built $package"
done
