# `make train` and `make test` set everything up first; `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup train test lint clean

# A ROS installation sourced in this shell has other versions of the same libraries; the environment has its own.
unexport PYTHONPATH LD_LIBRARY_PATH AMENT_PREFIX_PATH COLCON_PREFIX_PATH CMAKE_PREFIX_PATH

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'
	@echo '  ARGS="..." is passed on: make train ARGS="--rounds 2 --seed 1", make test ARGS="-k stack"'

setup:  ## create .venv with exact pins, build the messages, install the packages
	@scripts/setup.sh

train: setup  ## fine-tune the shipped policy in the closed loop (the main job)
	@.venv/bin/craft train $(ARGS)

test: setup  ## run every test
	@.venv/bin/python -m pytest tests $(ARGS)

lint: setup  ## check format, style and spelling
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/codespell

clean:  ## remove the environment and everything that was built; runs/ stays
	rm -rf .venv ros_ws/build ros_ws/install ros_ws/log .pytest_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
