"""The subcommands that need no graph of nodes."""

import argparse


def add_parsers(subparsers) -> None:
    """Adds the subcommands."""
    doctor = subparsers.add_parser("doctor", help="check the installation and say what is wrong")
    doctor.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    # Imported late: each command loads only what it needs.
    from craft_nodes.cli import doctor

    return doctor.main()
