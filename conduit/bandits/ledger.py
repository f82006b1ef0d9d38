"""What the steerings of several processes share: amounts that add up, and one price."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

NO_AMOUNTS: Mapping[str, float] = MappingProxyType({})
LARGEST = 300.0
"""Larger arguments of a hyperbolic sine overflow; prices are that many e-foldings apart, or fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The figures of a steering that hold for all processes together.

    Args:
        price: the price of money, in the steering's own unit.
        unit: price below which steps are sums, and above which they are factors; above 0.
        amounts: running totals.
        window: start of the window that the amounts belong to, in seconds since the epoch; amounts
            of an earlier one are void.
    """

    price: float
    unit: float
    amounts: Mapping[str, float] = field(default_factory=lambda: NO_AMOUNTS)
    window: float = 0.0


def together(shared: Ledger, *, before: Ledger, now: Ledger) -> Ledger:
    """What all know, and what this process has done since it last told: ``shared + now − before``.

    Amounts are added. Prices are added on the scale ``asinh(λ/λ₀)``, linear below the unit λ₀ and
    logarithmic above, on which the steps of all steerings are sums: processes that each take some
    of the traffic arrive where one that takes all of it would.
    """
    if shared.window > now.window:
        return shared
    if shared.window < now.window:
        return now
    since = before.amounts if before.window == now.window else NO_AMOUNTS
    names = shared.amounts.keys() | now.amounts.keys()
    return Ledger(
        price=_added(shared.price, before.price, now.price, unit=now.unit),
        unit=now.unit,
        amounts={
            name: shared.amounts.get(name, 0.0) + now.amounts.get(name, 0.0) - since.get(name, 0.0)
            for name in names
        },
        window=now.window,
    )


def undone(current: Ledger, *, before: Ledger, after: Ledger) -> Ledger:
    """``current`` as if what led from ``before`` to ``after`` had never been.

    Whatever came in between or since stays, on the same scales as in :func:`together`.
    """
    if before.window != after.window:  # the window began with it, at nothing
        before = replace(before, amounts=NO_AMOUNTS, window=after.window)
    return together(current, before=after, now=before)


def _added(shared: float, before: float, now: float, *, unit: float) -> float:
    scaled = math.asinh(shared / unit) + math.asinh(now / unit) - math.asinh(before / unit)
    return unit * math.sinh(min(max(scaled, 0.0), LARGEST))
