"""Amounts of callers: whatever number is given, an answer or one short line."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from conduit.core.errors import InvalidInputError
from conduit.core.figures import brief
from conduit.simple.amounts import count, moment, usd, wait_of

HUGE = [10**400, -(10**400), 10**5000]
CHECKS: dict[str, Callable[[object], object]] = {
    "usd": lambda it: usd(it, what="a cost"),
    "moment": lambda it: moment(it, what="since"),
    "wait": wait_of,
    "count": lambda it: count(it, what="prompt_tokens"),
}


@pytest.mark.parametrize("value", [*HUGE, Decimal("sNaN"), Fraction(10**400)], ids=brief)
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_no_number_is_too_long_to_be_refused(
    check: Callable[[object], object], value: object
) -> None:
    """What no float can hold is bad input as any other, and is not spelled out."""
    with pytest.raises(InvalidInputError) as caught:
        check(value)
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize("value", [2, 0.5, Decimal("0.5"), Fraction(1, 4)])
def test_every_kind_of_number_is_money(value: Decimal) -> None:
    """Whole numbers, floats, decimals and fractions are USD."""
    assert usd(value, what="a cost") == float(value)
