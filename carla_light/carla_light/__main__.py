"""`python -m carla_light`: starts the server in the foreground."""

import argparse
import asyncio
import sys

from carla_light.errors import MapError, ServerError
from carla_light.server import serve
from carla_light.version import CARLA_VERSION


def main() -> int:
    """Runs the server; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="carla_light", description=f"A light, headless server that speaks the CARLA {CARLA_VERSION} wire protocol."
    )
    parser.add_argument("--map", help="an OpenDRIVE file, or the name of a town that carla_light brings along")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=2000, help="port; streams use the next one; 0 takes free ports")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
    options = parser.parse_args()
    if not 0 <= options.port < 65535:
        parser.error(f"--port {options.port} is not between 0 and 65534")
    try:
        asyncio.run(serve(options.map, options.host, options.port, options.until_stdin_closes))
    except (MapError, ServerError) as error:
        print(f"carla_light: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the signal handler stood
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
