"""Numbers on the command line: a mistake names what was written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import typer

_SECONDS: Mapping[str, int] = MappingProxyType(
    {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
)


def number(text: str) -> float:
    """Read a number.

    Raises:
        typer.BadParameter: for other text.
    """
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no number; write it as in 0.5") from None


def whole_number(text: str) -> int:
    """Read a whole number.

    Raises:
        typer.BadParameter: for other text.
    """
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no whole number; write it as in 80") from None


def age(text: str) -> float:
    """Read an age, in seconds: a number and its unit.

    Raises:
        typer.BadParameter: for other text.
    """
    digits, unit = text[:-1], text[-1:]
    try:
        seconds = float(digits) * _SECONDS[unit]
    except (KeyError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise typer.BadParameter(f"{text!r} is no age; write it as in 90s, 15m, 12h, 30d or 8w")
    return seconds
