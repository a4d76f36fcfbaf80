"""carla_light: a light, headless server for the unmodified CARLA 0.9.16 client, on one CPU core.

`python -m carla_light` starts it; `with carla_light.Server() as server:` runs it beside a program, at `server.port`.
"""

from carla_light.child_process import Server
from carla_light.errors import MapError, ServerError
from carla_light.version import CARLA_VERSION

__all__ = ["CARLA_VERSION", "MapError", "Server", "ServerError"]
