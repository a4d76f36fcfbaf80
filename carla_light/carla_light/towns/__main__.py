"""Regenerates the towns' OpenDRIVE files: `python -m carla_light.towns`."""

import os

from carla_light.towns import NAMES, path
from carla_light.towns.craft_highway import craft_highway
from carla_light.towns.craft_town import craft_town
from carla_light.towns.network import Network
from carla_light.towns.opendrive import to_opendrive

GENERATORS = {"craft_town": craft_town, "craft_highway": craft_highway}


def summary(network: Network) -> str:
    """One line about a town: number of roads and junctions, length of its roads."""
    streets = [road for road in network.roads if road.junction is None]
    kilometres = sum(road.length for road in streets) / 1000.0
    return f"{network.name}: {len(streets)} streets, {kilometres:.2f} km, {len(network.junctions)} junctions"


def main() -> None:
    """Write every town."""
    for name in NAMES:
        network = GENERATORS[name]()
        target = path(name)
        temporary = target.with_suffix(".xodr.tmp")
        temporary.write_text(to_opendrive(network), encoding="utf-8")
        os.replace(temporary, target)
        print(summary(network))


if __name__ == "__main__":
    main()
