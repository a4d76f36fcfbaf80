"""Judged episodes on disk, so that any later comparison can be made episode by episode."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from craft.events import EpisodeRecord, EventKind
from craft.files import write_atomically

_KINDS = ("infractions", "events")


def write_records(path: Path, records: Sequence[EpisodeRecord]) -> None:
    """Write one JSON object a line, atomically."""
    lines = []
    for record in records:
        row = asdict(record) | {name: [kind.name for kind in getattr(record, name)] for name in _KINDS}
        lines.append(json.dumps(row) + "\n")
    write_atomically(path, "".join(lines).encode())


def read_records(path: Path) -> list[EpisodeRecord]:
    """Inverse of `write_records`.

    Raises:
        ValueError: The file is missing, or a line of it is no record; names the line.
    """
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError as error:
        raise ValueError(f"there are no episode records at {path}; evaluate first") from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            kinds = {name: tuple(EventKind[kind] for kind in row[name]) for name in _KINDS}
            records.append(EpisodeRecord(**(row | kinds)))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"{path}, line {number}: not an episode record ({error}); evaluate again") from error
    return records
