"""What callers name and pay, checked before anything is asked of a database."""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import cast

from conduit.core.budgets import nanos
from conduit.core.errors import InvalidInputError
from conduit.core.figures import brief, finite

MOST_TOKENS = 1_000_000_000
"""Of one call."""


def usd(amount: object, *, what: str) -> float:
    """An amount of money.

    Args:
        amount: USD.
        what: it is, for the error.

    Raises:
        InvalidInputError: for what is no number, is negative, NaN, or beyond all sense.
    """
    if not isinstance(amount, Real | Decimal) or isinstance(amount, bool):
        raise InvalidInputError(
            f"{what} of {brief(amount)} is no number", remedy="give USD as a number, such as 0.01"
        )
    nanos(cast("float", amount), what=what)
    return float(amount)


def name(value: object, *, what: str) -> str:
    """An id of the caller's.

    Args:
        value: the id.
        what: it is, for the error.

    Raises:
        InvalidInputError: for what is no text, or an empty one.
    """
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"{what}={brief(value)} names nobody", remedy="give a text")
    return value


def name_or_none(value: object, *, what: str) -> str | None:
    """Likewise, where it may be left out."""
    return None if value is None else name(value, what=what)


def count(tokens: object, *, what: str) -> int | None:
    """A number of tokens; None where nobody counted.

    Raises:
        InvalidInputError: for what is no whole number of 0 or more.
    """
    if tokens is None:
        return None
    if not isinstance(tokens, int) or isinstance(tokens, bool) or not 0 <= tokens <= MOST_TOKENS:
        raise InvalidInputError(f"{what}={brief(tokens)} cannot be", remedy="give a whole number")
    return tokens


def wait_of(seconds: object) -> float:
    """How long one waits for others.

    Raises:
        InvalidInputError: for what is no number of 0 or more.
    """
    found = moment(seconds, what="wait")
    if found is None or found < 0:
        raise InvalidInputError(
            f"wait={brief(seconds)} cannot be", remedy="give seconds, 0 or more"
        )
    return found


def moment(at: object, *, what: str) -> float | None:
    """A moment; None for none.

    Raises:
        InvalidInputError: for what is no number of seconds.
    """
    if at is None:
        return None
    if not isinstance(at, int | float) or isinstance(at, bool) or not finite(at):
        raise InvalidInputError(
            f"{what}={brief(at)} is no number of seconds",
            remedy="give one, since the epoch where a moment is meant, as time.time() does",
        )
    return float(at)
