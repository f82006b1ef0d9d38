"""Figures that callers give: whether a float can hold them, and how errors show them."""

from __future__ import annotations

import math
from typing import SupportsFloat

_LETTERS = 40
_BITS = 10_000
"""Of an int; Python refuses to spell out much longer ones in decimal."""


def finite(value: SupportsFloat) -> bool:
    """Whether a number is finite as a float: no int of 400 digits is, and no kind of NaN."""
    try:
        return math.isfinite(value)
    except (OverflowError, ValueError):  # ValueError: of a NaN that signals
        return False


def brief(value: object) -> str:
    """A value as an error names it, in some 40 letters.

    Example:
        >>> brief(-0.5), brief("anna"), brief(10**400)
        ('-0.5', "'anna'", '1000000000000000000000000000000000000000…')
    """
    long = isinstance(value, int) and value.bit_length() > _BITS
    said = hex(value) if long else repr(value)  # type: ignore[arg-type]
    return said if len(said) <= _LETTERS else f"{said[:_LETTERS]}…"
