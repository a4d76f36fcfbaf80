"""Whether Bench2Drive's own mistakes are repeated, for figures that stand beside theirs."""

from enum import Enum


class Quirks(Enum):
    """NONE measures what the definitions say; BENCH2DRIVE what Bench2Drive's scripts compute."""

    NONE = "none"
    BENCH2DRIVE = "bench2drive"
