"""Finds the method of a call and wraps its result or error in the form that the client expects."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

from carla_light.errors import RpcError
from carla_light.service.actors import ActorService
from carla_light.service.batch import BatchService
from carla_light.service.episode import EpisodeService
from carla_light.service.lights import LightService
from carla_light.service.scenery import SceneryService
from carla_light.service.traffic_manager import TrafficManagerService
from carla_light.service.vehicles import VehicleService
from carla_light.service.walkers import WalkerService
from carla_light.session import Session
from carla_light.wire.replies import VOID, value, value_error, void_error

# The client reads the reply to a batch as it is; the errors are inside.
_BARE = ("apply_batch",)
# Unsupported calls whose reply the client reads as Response<void>.
_VOID_UNSUPPORTED = ("apply_color_texture_to_objects", "apply_float_color_texture_to_objects")


class Dispatcher:
    """All procedures by name."""

    def __init__(self, session: Session) -> None:
        """Procedures that act on a session."""
        self.session = session
        self._procedures: dict[str, tuple[Callable, bool]] = {}
        for service in (
            EpisodeService(session),
            ActorService(session),
            VehicleService(session),
            WalkerService(session),
            LightService(session),
            SceneryService(session),
            TrafficManagerService(),
        ):
            self._add(service)
        # A batch does what single calls do.
        self._add(BatchService(session, self._single))
        self._warned: set[str] = set()

    def _add(self, service: object) -> None:
        for name, function in vars(type(service)).items():
            if not name.startswith("_") and inspect.isfunction(function):
                returns_nothing = function.__annotations__.get("return", "") is None
                self._procedures[name] = (getattr(service, name), returns_nothing)

    def _single(self, method: str, *args: Any) -> Any:
        return self._procedures[method][0](*args)

    def call(self, method: str, args: list) -> Any:
        """The msgpack form of the reply to `method`; `args` starts with [is asynchronous].

        The client drops the replies to asynchronous calls: their errors are written to stderr, once for each text.
        """
        (asynchronous, *_), *args = args
        procedure, is_void = self._procedures.get(method, (None, method in _VOID_UNSUPPORTED))
        try:
            if procedure is None:
                raise RpcError(f"carla_light does not support '{method}'")
            result = procedure(*args)
        except RpcError as error:
            text = str(error)
        except (TypeError, ValueError, IndexError, KeyError) as error:
            text = f"carla_light cannot serve '{method}' with these arguments: {error!r}"
        else:
            if method in _BARE:
                return result
            return VOID if is_void else value(result)
        if asynchronous:
            self._warn(text if method in text else f"{method}: {text}")
        return void_error(text) if is_void else value_error(text)

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            print(f"carla_light: {text}", file=sys.stderr, flush=True)
