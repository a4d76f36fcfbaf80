"""A server that does not offer the town of the routes is given its OpenDRIVE file."""

from pathlib import Path

import carla_light
from craft.world.routes import load_suite
from craft.world.simulation import Simulation, WorldConfig

TOWN_FILE = Path(carla_light.__file__).parent / "towns/craft_town.xodr"


def test_routes_of_a_town_are_driven_on_the_map_made_from_its_file(light_server):
    simulation = Simulation(WorldConfig(port=light_server.port, background_vehicles=0, town=str(TOWN_FILE)))
    try:
        assert simulation.town == "OpenDriveMap"
        route, frame = simulation.begin(load_suite("held_out", town="craft_town")[0], episode=1, seed=0)
        assert simulation.town == "OpenDriveMap"  # no other town was asked for
        assert abs(frame.odometry.x - route.points[0, 0]) < 0.5 and abs(frame.odometry.y - route.points[0, 1]) < 0.5
    finally:
        simulation.close()
