"""The command `craft`: everything that the project can do, on one command line."""

import argparse
import sys

from craft_nodes.cli import stacks, tools


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="craft",
        description="CRAFT fine-tunes driving policies in a closed loop over ROS 2 and CARLA.",
        epilog="`craft <command> --help` explains a command.",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="<command>", required=True)
    stacks.add_parsers(subparsers)
    tools.add_parsers(subparsers)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `craft`; returns the exit code."""
    if arguments is None:
        arguments = sys.argv[1:]
    in_process = {"collect": tools.collect_in_process, "evaluate": tools.evaluate_in_process}
    if arguments and arguments[0] in in_process and "--in-process" in arguments:
        return in_process[arguments[0]]([a for a in arguments[1:] if a != "--in-process"])
    parser = make_parser()
    options, rest = parser.parse_known_args(arguments)
    if hasattr(options, "tool"):
        return options.tool(rest)
    if rest:
        parser.error(f"{options.command} does not know {' '.join(rest)}; see `craft {options.command} --help`")
    return options.run(options)
