"""Secrets: how they are shown (not at all), and which values only look like one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

MASK = "********"
"""What is shown in the place of a secret."""

# Greedy up to the last "@": an unescaped "@", "/" or "?" inside a password stays hidden.
_WITH_USER = re.compile(
    r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<user>[^:/@]*)(?P<colon>:?).*@(?P<rest>.*)"
)
_PLAIN = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<rest>.*)")
_PLACE = re.compile(r"(?P<shown>[A-Za-z0-9.-]*(:\d+)?(/[^?#]*)?)(?P<more>[?#].*)?\Z")

_PLACEHOLDER = re.compile(
    r"your[-_ ].*|<.*>|change[-_ ]?me|.*(\.\.\.|…)|x{3,}|\w+://([^/?#]*[.@])?your[-_].*",
    re.IGNORECASE,
)
_BRACKETED_PASSWORD = re.compile(r":\[[^\]]*password\]@", re.IGNORECASE)


def mask_url(url: str) -> str:
    """An address without its password, query and fragment; all hidden where that is in doubt."""
    parts = _WITH_USER.fullmatch(url) or _PLAIN.fullmatch(url)
    if parts is None:
        return MASK
    place = _PLACE.match(parts["rest"])
    if place is None:
        return MASK
    query = "?" + MASK if place["more"] else ""
    return parts["scheme"] + _shown_user(parts.groupdict()) + place["shown"] + query


def _shown_user(parts: Mapping[str, str]) -> str:
    if "user" not in parts:
        return ""
    return f"{parts['user']}:{MASK}@" if parts["colon"] else f"{MASK}@"


def passwords_in(url: str) -> tuple[str, ...]:
    """What may be the password inside an address, however badly it is escaped.

    That is all up to its last "@", as it is masked, and all up to the last "@" before its path.
    """
    rest = url.partition("://")[2]
    readings = {rest, re.split(r"[/?#]", rest, maxsplit=1)[0]}
    passwords = (reading.rpartition("@")[0].partition(":")[2] for reading in readings)
    return tuple(password for password in passwords if password)


def mask_place(text: str) -> str:
    """A path such as ``./mlruns`` or one bare word as it is; anything else as an address."""
    return mask_url(text) if re.search(r"[@?:=]", text) else text


def is_placeholder(text: str) -> bool:
    """Whether a key or address was copied from a template and never filled in.

    An address that still contains a bracketed password is none: its owner meant to fill it in,
    so it is refused (:func:`has_bracketed_password`) and not passed over.
    """
    return bool(_PLACEHOLDER.fullmatch(text)) and not has_bracketed_password(text)


def has_bracketed_password(url: str) -> bool:
    """Whether an address holds the literal ``[password]`` of a provider's template."""
    return bool(_BRACKETED_PASSWORD.search(url))


class Secrets(Mapping[str, str]):
    """A mapping that never shows its values.

    Args:
        values: what it holds.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({dict.fromkeys(self._values, MASK)})"
