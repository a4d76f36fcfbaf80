"""`craft train`, `craft evaluate` and `craft collect`: the stacks of the launch files, without a ROS installation."""

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path

from craft_nodes import stack
from craft_nodes.cli import launcher
from craft_nodes.cli.environment import dds_environment
from craft_nodes.cli.paths import config_folder

_HELP = {
    "train": "fine-tune a policy in the closed loop",
    "evaluate": "drive routes with a policy and score it",
    "collect": "let the expert drive and record it for imitation",
}


def add_parsers(subparsers) -> None:
    """Adds one subcommand a stack, with the arguments of its launch file."""
    for name, text in _HELP.items():
        parser = subparsers.add_parser(name, help=text, description=f"{text.capitalize()}.")
        for argument in stack.ARGUMENTS[name]:
            parser.add_argument(
                f"--{argument.name.replace('_', '-')}",
                dest=argument.name,
                metavar=None if argument.choices else argument.name.upper(),
                choices=argument.choices or None,
                default=argparse.SUPPRESS,
                help=argument.description + (f" (default: {argument.default})" if argument.default else ""),
            )
        if name in ("collect", "evaluate"):
            parser.add_argument("--in-process", action="store_true", help="without the graph; has options of its own")
        parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Builds the stack and runs it to its end."""
    name = options.command
    given = {a.name: getattr(options, a.name) for a in stack.ARGUMENTS[name] if hasattr(options, a.name)}
    run_dir = Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    config = config_folder()
    try:
        built = stack.build(name, given, str(config / "craft.yaml"), str(run_dir))
    except (stack.ArgumentError, OSError) as error:
        print(f"craft {error}", file=sys.stderr)
        return 2
    params_file = Path(built.nodes[0].params_file)
    if not params_file.is_file():
        print(f"craft {name}: there is no params file {params_file}; give the path of one", file=sys.stderr)
        return 2
    env = dict(os.environ)
    if given.get("world") != "external":  # a running stack is met where the user's own variables say
        env |= dds_environment(os.environ, config / "fastdds_loopback.xml")
    log_folder = Path(built.run_dir) / "log"
    try:
        log_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(
            f"craft {name}: cannot make the run's folder {built.run_dir} ({error.strerror}); give another run_dir",
            file=sys.stderr,
        )
        return 2
    return launcher.run(launcher.stack_commands(built), built.main, log_folder, env)
