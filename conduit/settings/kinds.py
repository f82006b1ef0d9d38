"""Kinds of value a setting can hold: how its text is read, and what to write instead."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from conduit.settings.masking import mask_place, mask_url

_SWITCH = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+\Z")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value.

    Args:
        name: as the documentation prints it.
        parse: text to value; raises ValueError for text that is no such value.
        remedy: what to write instead.
        mask: shows a value that may carry a password inside; None for kinds that cannot.
    """

    name: str
    parse: Callable[[str], object]
    remedy: str
    mask: Callable[[str], str] | None = None


def number(name: str, remedy: str, *, accept: Callable[[float], bool]) -> Kind:
    """A finite number that ``accept`` accepts."""

    def parse(text: str) -> float:
        value = float(text)
        if not math.isfinite(value) or not accept(value):
            raise ValueError(text)
        return value

    return Kind(name, parse, remedy)


def whole(name: str, remedy: str, *, least: int) -> Kind:
    """A whole number of at least ``least``."""

    def parse(text: str) -> int:
        value = int(text)
        if value < least:
            raise ValueError(text)
        return value

    return Kind(name, parse, remedy)


def choice(options: Sequence[str], *, synonyms: dict[str, str] | None = None) -> Kind:
    """One of a few words, in any case."""
    known = {option.lower(): option for option in options}
    known |= synonyms or {}

    def parse(text: str) -> str:
        try:
            return known[text.lower()]
        except KeyError:
            raise ValueError(text) from None

    return Kind(" / ".join(options), parse, f"choose one of: {', '.join(options)}")


def _switch(text: str) -> bool:
    try:
        return _SWITCH[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ValueError(text)
    return names


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(text) from None


def _url(text: str) -> str:
    if not _URL.match(text):
        raise ValueError(text)
    return text


def _http(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError(text)  # as reading a port does that is none
    return _url(text)


def _object(text: str) -> dict[str, object]:
    value = json.loads(text, object_pairs_hook=_distinct)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key is given twice")
    return value


TEXT = Kind("text", str, "give some text")
NAMES = Kind("comma list", _names, "separate names by commas, as in: gpt-4o-mini,gpt-4o")
PATH = Kind("path", _path, "give a path, and the whole of it for a user who has no home here")
SWITCH = Kind("true / false", _switch, "choose one of: true, false")
OBJECT = Kind("JSON object", _object, 'give one JSON object, as in {"gpt-4o-mini": …}')
URL = Kind("URL", _url, "give an address, as in scheme://host:port/path", mask=mask_url)
ADDRESS = Kind("path or URL", str, "give a path or an address", mask=mask_place)
HTTP = Kind("HTTP URL", _http, "give an address, as in http://localhost:1234/v1", mask=mask_url)
SECONDS = number("seconds > 0", "give a positive number of seconds", accept=lambda v: v > 0)
HALF_LIFE = Kind(
    "seconds > 0 / never",
    lambda text: math.inf if text.lower() == "never" else SECONDS.parse(text),
    "give a positive number of seconds, or: never",
)
USD = number("USD > 0", "give a positive number of USD, or leave it unset", accept=lambda v: v > 0)
SHARE = number("0..1", "give a number from 0 to 1", accept=lambda v: 0 <= v <= 1)
POSITIVE_SHARE = number(
    "above 0, at most 1", "give a number above 0 and at most 1", accept=lambda v: 0 < v <= 1
)
TEMPERATURE = number("0..2", "give a number from 0 to 2", accept=lambda v: 0 <= v <= 2)
COUNT = whole("whole number >= 0", "give a whole number of at least 0", least=0)
POSITIVE = whole("whole number >= 1", "give a whole number of at least 1", least=1)
