"""What the heads learn in logarithms, and what is learned in the place of ln(0)."""

from __future__ import annotations

import numpy as np

from conduit.core.outcomes import Head
from conduit.core.statistics import Array

COST_FLOOR = 1e-9
"""USD. A free call is learned as this, a tenth of a token at $0.01 per million, since ln(0) is
not a number."""

LATENCY_FLOOR = 1e-3
"""Seconds. A shorter measurement is learned as this: below it is the clock's resolution."""

TOKENS_FLOOR = 1.0
"""Tokens. An empty answer is learned as this."""

_FLOORS = {
    Head.LOG_TOKENS: TOKENS_FLOOR,
    Head.LOG_COST: COST_FLOOR,
    Head.LOG_LATENCY: LATENCY_FLOOR,
}


def targets_of(head: Head, values: Array) -> Array:
    """What a head learns of values in tokens, USD, seconds or 0..1; NaN stays NaN."""
    floor = _FLOORS.get(head)
    return values if floor is None else np.log(np.maximum(values, floor))
