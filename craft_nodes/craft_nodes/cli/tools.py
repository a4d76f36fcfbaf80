"""The subcommands that need no graph of nodes. Each imports what it needs only when it is used."""

import argparse
import sys
from collections.abc import Callable


def _pretrain(arguments: list[str]) -> int:
    from craft.policies.pretrain import main

    return main(arguments) or 0


def collect_in_process(arguments: list[str]) -> int:
    """`craft collect --in-process`: the same recording without the graph, several times as fast."""
    from craft.world.collect import main

    return main(arguments)


def evaluate_in_process(arguments: list[str]) -> int:
    """`craft evaluate --in-process`: the same episodes without the graph, with all of Bench2Drive's measures."""
    from craft.world.evaluate import main

    return main(arguments)


def _study(arguments: list[str]) -> int:
    from craft.world.study import main

    return main(arguments)


def _report(arguments: list[str]) -> int:
    from craft.report.command import main

    return main(arguments)


def _film(arguments: list[str]) -> int:
    from craft.world.film import main

    return main(arguments)


def _record(arguments: list[str]) -> int:
    from craft_nodes.cli.record import main

    return main(arguments)


def _replay(arguments: list[str]) -> int:
    from craft_nodes.cli.replay import main

    return main(arguments)


def _bench(arguments: list[str]) -> int:
    from craft_nodes.cli.bench import main

    return main(arguments)


def _world(arguments: list[str]) -> int:
    from carla_light.__main__ import main

    # carla_light reads the command line itself; it shall name itself as it was called.
    sys.argv = ["craft world", *arguments]
    return main() or 0


def _doctor(arguments: list[str]) -> int:
    from craft_nodes.cli.doctor import main

    argparse.ArgumentParser(
        prog="craft doctor", description="Checks the installation; each failure says its cure."
    ).parse_args(arguments)
    return main()


_TOOLS: dict[str, tuple[str, Callable[[list[str]], int]]] = {
    "pretrain": ("make a policy checkpoint from recorded expert driving", _pretrain),
    "study": ("fine-tune with several seeds in process and compare with the pre-trained policy", _study),
    "report": ("show what fine-tuning changed, as one HTML page with videos", _report),
    "film": ("drive one episode and film it from above, candidates and all", _film),
    "record": ("write what running nodes publish into a recording (rosbag2)", _record),
    "replay": ("play a recording (rosbag2) into running nodes", _replay),
    "bench": ("measure how fast this machine simulates, decides and scores", _bench),
    "world": ("run the embedded simulator alone, for any CARLA 0.9.16 client", _world),
    "doctor": ("check the installation and say what is wrong", _doctor),
}


def add_parsers(subparsers) -> None:
    """Adds the subcommands; what follows their name is left to the tool, --help included."""
    for name, (text, tool) in _TOOLS.items():
        parser = subparsers.add_parser(name, help=text, add_help=False)
        parser.set_defaults(tool=tool)
