"""What a list price says of a call that nobody has made yet."""

from __future__ import annotations

import math

from conduit.bandits.targets import COST_FLOOR
from conduit.core.arms import Price

ORDINARY_INPUT, ORDINARY_OUTPUT = 100, 300
"""Tokens of an ordinary call, for a first guess of what it costs."""
UNPRICED = Price(input=1.0, output=1.0)
"""A first guess for recorded models that nobody priced, in USD per million tokens."""


def ordinary_call(price: Price, *, output_tokens: float = ORDINARY_OUTPUT) -> float:
    """USD of an ordinary call at that price."""
    return price.cost(input_tokens=ORDINARY_INPUT, output_tokens=output_tokens)


def log_list_price(price: Price | None) -> float:
    """Logarithm of the USD that an ordinary call costs at that price; at a guess without one."""
    return math.log(max(ordinary_call(price or UNPRICED), COST_FLOOR))


def log_price_change(old: Price | None, new: Price) -> float:
    """Logarithm of the factor by which calls become dearer when the list price changes.

    Exact where input and output change by the same factor, else that of an ordinary call. 0 where
    there was no price: what was paid until then followed none, and stays what was paid.
    """
    return 0.0 if old is None else log_list_price(new) - log_list_price(old)


def per_token(price: Price | None) -> tuple[float, float]:
    """USD per token of prompt and of answer; nothing without a price."""
    return (0.0, 0.0) if price is None else (price.input / 1e6, price.output / 1e6)
