#!/bin/bash
# Makes .venv ready: Python packages with exact pins, the interface packages, our own packages, compiled kernels.
# Each step leaves a stamp with the hash of what it was made from, so a second call has nothing to do and an interrupted
# one goes on where it stopped.
# Environment: PYTHON=<interpreter> to use a certain one; pip's own variables (PIP_INDEX_URL, ...) are respected.
set -euo pipefail

cd "$(dirname "$0")/.."
root=$PWD
venv=$root/.venv
stamps=$venv/stamps

fail() {
  echo "setup: $*" >&2
  exit 1
}

# Hash of files (folders: of every file in them) together with the place, because an environment cannot be moved.
hash_of() {
  { echo "$root"; find "$@" -type f -not -path '*/__pycache__/*' -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -d' ' -f1
}

is_done() { [ "$(cat "$stamps/$1" 2>/dev/null)" = "$2" ]; }

set_done() {
  mkdir -p "$stamps"
  echo "$2" >"$stamps/$1"
}

supported() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; }

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    supported "$PYTHON" || fail "PYTHON=$PYTHON is not a working Python 3.10, 3.11 or 3.12; give the path of one."
    echo "$PYTHON"
    return
  fi
  for candidate in python3.12 python3.11 python3.10 python3; do
    # A name can exist and still not run (version managers leave such files).
    if supported "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  found=$(python3 --version 2>/dev/null || echo "no python3")
  fail "Python 3.10, 3.11 or 3.12 is needed (the carla client has no build for others), but there is $found;" \
    "install one (Debian, Ubuntu: sudo apt install python3 python3-venv python3-dev)" \
    "or name one: make setup PYTHON=/path/to/python3.11"
}

check_machine() {
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
    fail "the carla client exists for Linux on x86_64 only, but this is $(uname -s) on $(uname -m); use the Dockerfile on such a machine."
  command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
    fail "no C++ compiler found, and the message packages have to be compiled; install one" \
      "(Debian, Ubuntu: sudo apt install build-essential) and run the same command again."
}

check_python() {
  local version
  version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  "$1" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "Python $version has no venv module; install it (Debian, Ubuntu: sudo apt install python$version-venv)" \
      "and run the same command again."
  "$1" -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
    fail "Python $version has no C headers (Python.h), and the message packages need them; install them" \
      "(Debian, Ubuntu: sudo apt install python$version-dev) and run the same command again."
}

# Runs pip with its output in a log; explains the failures that a user can mend.
pip_install() {
  local log=$venv/pip.log
  if ! "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@" >"$log" 2>&1; then
    # Every pin exists, so "none" means that no index answered.
    if grep -qiE 'from versions: none|NewConnectionError|ConnectTimeout|ReadTimeout|name resolution|Network is unreachable|ProxyError|Connection (refused|reset|broken)|SSLError' "$log"; then
      fail "packages could not be downloaded; check the network connection (behind a proxy or with a mirror set HTTPS_PROXY" \
        "or PIP_INDEX_URL) and run the same command again. pip's words are in $log"
    fi
    if grep -q 'No space left on device' "$log"; then
      fail "the disk is full; make 8 GB free in $root and run the same command again."
    fi
    grep '^ERROR' "$log" | cut -c1-300 | tail -n 3 >&2 || true
    fail "pip could not install the packages; all of its words are in $log"
  fi
}

if ! [ -x "$venv/bin/python" ] || ! supported "$venv/bin/python"; then
  check_machine
  python=$(find_python)
  check_python "$python"
  echo "setup: creating .venv with $("$python" --version)"
  "$python" -m venv --clear "$venv" || fail "could not create $venv; see the lines above."
fi

pins=$(hash_of requirements.txt requirements-dev.txt scripts/ros_jazzy_constraints.txt)
if ! is_done pins "$pins"; then
  echo "setup: installing the pinned packages (once; some minutes and 2 to 6 GB)"
  pip_install -r requirements-dev.txt
  set_done pins "$pins"
fi

interfaces=$(hash_of ros_ws/src/craft_msgs ros_ws/src/carla_msgs ros_ws/src/derived_object_msgs ros_ws/cmake \
  scripts/build_interfaces.sh scripts/fix_wheel_targets.cmake)
if ! is_done interfaces "$interfaces"; then
  check_machine
  echo "setup: building the messages (about a minute)"
  scripts/build_interfaces.sh "$venv"
  set_done interfaces "$interfaces"
fi

packages=$(hash_of scripts/setup.sh craft_nodes/setup.py craft_nodes/package.xml carla_light/pyproject.toml)
if ! is_done packages "$packages"; then
  echo "setup: installing craft_nodes and carla_light (editable)"
  # "compat": a plain path, so that modules added later are found without another installation.
  pip_install --no-deps --no-build-isolation --use-pep517 --config-settings editable_mode=compat \
    -e craft_nodes -e carla_light
  set_done packages "$packages"
fi

kernels=$(hash_of scripts/warm_up.py craft_nodes/craft/counterfactual craft_nodes/craft/vehicle craft_nodes/craft/scene \
  craft_nodes/craft/world/expert_rollout.py)
if ! is_done kernels "$kernels"; then
  echo "setup: compiling the kernels (about a minute)"
  "$venv/bin/python" scripts/warm_up.py >"$venv/warm_up.log" 2>&1 ||
    fail "compiling the kernels failed; run .venv/bin/craft doctor. What was said is in $venv/warm_up.log"
  set_done kernels "$kernels"
fi
