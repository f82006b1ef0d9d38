"""JSON values as bytes: equal values give equal bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping


def canonical(value: object) -> bytes:
    """A JSON value, whatever kind its objects are and in whichever order their fields come."""
    return json.dumps(value, sort_keys=True, default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
