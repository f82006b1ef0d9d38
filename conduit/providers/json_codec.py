"""JSON to bytes and back, by orjson where it is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class JsonCodec:
    """Both ways; text that is no JSON is a ``ValueError``.

    Args:
        encode: a value to bytes; ``TypeError`` or ``ValueError`` for one that JSON cannot hold.
        decode: bytes to a value.
    """

    encode: Callable[[object], bytes]
    decode: Callable[[bytes], Any]


def json_codec() -> JsonCodec:
    """The fastest there is; mappings of any kind are objects."""
    try:
        import orjson  # noqa: PLC0415 - an extra
    except ImportError:
        return JsonCodec(_encode, json.loads)
    return JsonCodec(lambda value: orjson.dumps(value, default=dict), orjson.loads)


def _encode(value: object) -> bytes:
    return json.dumps(value, default=dict, separators=(",", ":"), allow_nan=False).encode()
