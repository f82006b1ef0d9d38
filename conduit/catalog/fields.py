"""Fields of an entry in a catalogue file: what they may hold, checked strictly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from conduit.core.arms import Tier
from conduit.core.errors import ConfigurationError
from conduit.core.figures import brief, finite

Reader: TypeAlias = Callable[[object], Any]
"""Checks a value and returns it; a ValueError's text completes 'it must be …'."""

_PROVIDER = re.compile(r"[a-z][a-z0-9_-]*\Z")
_NAME = re.compile(r"[^\s,]+\Z")
_HTTP = re.compile(r"https?://\S+\Z")


def name(value: object) -> str:
    """A name without blanks or commas."""
    if not isinstance(value, str) or not _NAME.match(value):
        raise ValueError("a name without blanks or commas")
    return value


def provider(value: object) -> str:
    """A provider's short name."""
    if not isinstance(value, str) or not _PROVIDER.match(value):
        raise ValueError("a short name in lower case, such as openai")
    return value


def tier(value: object) -> Tier:
    """One of the tiers."""
    if not isinstance(value, str) or value not in list(Tier):
        raise ValueError(f"one of: {', '.join(Tier)}")
    return Tier(value)


def price(value: object) -> float:
    """USD per million tokens."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number of USD per million tokens")
    if not finite(value) or value < 0:
        raise ValueError("a finite number of at least 0 (USD per million tokens)")
    return float(value)


def tokens(value: object) -> int:
    """A number of tokens."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number of tokens, at least 1")
    return value


def address(value: object) -> str:
    """An HTTP address."""
    expected = "an address, such as http://localhost:1234/v1"
    if not isinstance(value, str) or not _HTTP.match(value):
        raise ValueError(expected)
    try:
        host = urlsplit(value).hostname
    except ValueError:
        host = None
    if host is None:
        raise ValueError(expected)
    return value


def read_fields(raw: object, readers: Mapping[str, Reader], *, where: str) -> dict[str, Any]:
    """Check every field of an entry.

    Args:
        raw: the entry as it was parsed.
        readers: per field that may occur, its reader.
        where: file and entry, which every error names.

    Raises:
        ConfigurationError: for an entry that is no mapping, an unknown field, or a wrong value.
    """
    if not isinstance(raw, Mapping):
        raise ConfigurationError(
            f"{where} is {brief(raw)}", remedy="write it as fields with values"
        )
    return {str(key): _read(key, value, readers, where=where) for key, value in raw.items()}


def _read(key: object, value: object, readers: Mapping[str, Reader], *, where: str) -> Any:
    reader = readers.get(key) if isinstance(key, str) else None
    if reader is None:
        raise ConfigurationError(
            f"{where} has an unknown field {key!r}", remedy=f"known are: {', '.join(readers)}"
        )
    try:
        return reader(value)
    except ValueError as expected:
        raise ConfigurationError(
            f"{where}: {key} is {brief(value)}", remedy=f"it must be {expected}"
        ) from None
