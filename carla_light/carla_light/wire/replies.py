"""How carla::rpc::Response<T> lies in msgpack.

Response<T> is a variant (error, T): [[index, value]]. Response<void> is an optional error: [[false]] or
[[true, [text]]].
"""

from typing import Any

import msgpack

RPC_REQUEST, RPC_REPLY = 0, 1

pack = msgpack.Packer(use_bin_type=True).pack

VOID = [[False]]


def value(result: Any) -> list:
    """A successful Response<T>."""
    return [[1, result]]


def value_error(text: str) -> list:
    """A failed Response<T>."""
    return [[0, [text]]]


def void_error(text: str) -> list:
    """A failed Response<void>."""
    return [[True, [text]]]
