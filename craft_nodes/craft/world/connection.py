"""Reaching a CARLA server and loading a town on it, with errors that say what to do."""

import socket
from pathlib import Path
from xml.etree import ElementTree

import carla

ROAD_VERTEX_DISTANCE_M = 2.0  # mesh resolution that a rendering server uses for a town given as OpenDRIVE [m]


class WorldError(RuntimeError):
    """The world stopped working while an episode ran. The message names the server and how to go on."""


def connect(host: str, port: int, timeout_s: float) -> carla.Client:
    """Connect to the CARLA server at host:port.

    Args:
        host: Name or address of the machine.
        port: RPC port of the server.
        timeout_s: Longest wait for any single answer of the server [s].

    Returns:
        A client that has exchanged versions with the server.

    Raises:
        ConnectionError: No server answers there, or it has another version than the client.
    """
    where = f"{host}:{port}"
    start = f"start one (`python -m carla_light --port {port}`, or CARLA itself) or give its address"
    try:
        socket.create_connection((host, port), timeout=timeout_s).close()
    except OSError as error:
        raise ConnectionError(f"no CARLA server at {where} ({error}); {start}") from None
    client = carla.Client(host, port)
    client.set_timeout(timeout_s)
    try:
        server_version = client.get_server_version()
    except RuntimeError as error:
        raise ConnectionError(f"{where} does not answer as a CARLA server ({error}); {start}") from None
    client_version = client.get_client_version()
    if server_version != client_version:
        raise ConnectionError(
            f"the CARLA server at {where} has version {server_version}, but the installed client has "
            f"{client_version}; use a server of version {client_version}, or install carla=={server_version}"
        )
    return client


def load_town(client: carla.Client, town: str) -> carla.World:
    """The world of a town; it is loaded only when the server is in another one.

    Args:
        client: From `connect`.
        town: Name of a town that the server offers, or the path of an OpenDRIVE file (.xodr).

    Raises:
        ValueError: The server does not offer the town, or the file is missing or is not OpenDRIVE.
    """
    if town.endswith(".xodr"):
        return client.generate_opendrive_world(
            _read_opendrive(Path(town)),
            carla.OpendriveGenerationParameters(vertex_distance=ROAD_VERTEX_DISTANCE_M),
        )
    world = client.get_world()
    if town_name(world.get_map()) == town:
        return world
    offered = sorted(name.rsplit("/", 1)[-1] for name in client.get_available_maps())
    if town not in offered:
        raise ValueError(
            f"the CARLA server does not offer the town {town!r}, only {', '.join(offered)}; "
            f"choose one of them or give the path of an OpenDRIVE file (.xodr)"
        )
    return client.load_world(town)


def town_name(carla_map: carla.Map) -> str:
    """Last part of a map's name: Town01 for Carla/Maps/Town01."""
    return carla_map.name.rsplit("/", 1)[-1]


def _read_opendrive(path: Path) -> str:
    try:
        text = path.read_text()
    except OSError as error:
        raise ValueError(f"cannot read the OpenDRIVE file {path}: {error.strerror}; check the path") from None
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} is not well-formed OpenDRIVE: {error}; write the file anew") from None
    if root.tag != "OpenDRIVE" or root.find("road") is None:
        raise ValueError(f"{path} holds no OpenDRIVE roads (root element <{root.tag}>); give an .xodr road network")
    return text
