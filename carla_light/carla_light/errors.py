"""Errors that reach a person: each message names the thing, the place and the cure."""


class MapError(ValueError):
    """An OpenDRIVE map that cannot be loaded."""


class ServerError(RuntimeError):
    """The server could not start or did not answer."""


class RpcError(Exception):
    """A call that is refused; its text is what the client raises."""
