"""Towns that carla_light brings along, as OpenDRIVE files next to the generators that wrote them."""

from pathlib import Path

NAMES = ("craft_town", "craft_highway")
DEFAULT_TOWN = "craft_town"


def path(name: str) -> Path:
    """Where the OpenDRIVE file of a town lies.

    Raises:
        ValueError: for a name that is not in NAMES.
    """
    if name not in NAMES:
        raise ValueError(f"no town is called {name!r}; there are: {', '.join(NAMES)}")
    return Path(__file__).parent / f"{name}.xodr"


def load(name: str = DEFAULT_TOWN) -> str:
    """The OpenDRIVE text of a town.

    Raises:
        ValueError: for a name that is not in NAMES.
    """
    return path(name).read_text(encoding="utf-8")
