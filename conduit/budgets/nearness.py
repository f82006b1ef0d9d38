"""Budgets that are nearly spent: said before they refuse."""

from __future__ import annotations

from collections.abc import Iterable

from conduit.core.budgets import NANO
from conduit.core.spending import Spend

WARNED = 0.8
"""Share of a limit from which a check warns: :func:`is_near` compares it in whole nanodollars."""


def warnings_of(spends: Iterable[Spend], estimate: float = 0.0) -> list[str]:
    """One sentence for each budget of which :data:`WARNED` would be spent or set aside.

    Args:
        spends: budgets as they stand.
        estimate: USD that are about to be spent of all of them.
    """
    return [
        _warning(spend)
        for spend in spends
        if is_near(spend.settled + spend.reserved + estimate, spend.budget.limit)
    ]


def is_near(used: float, limit: float) -> bool:
    """Whether :data:`WARNED` of a limit is used, both in USD; exact to a nanodollar.

    As floats, 0.8 of $3 is more than $2.40.
    """
    return 5 * round(used * NANO) >= 4 * round(limit * NANO)


def _warning(spend: Spend) -> str:
    used = spend.settled + spend.reserved
    return (
        f"the {spend.budget.name} has ${used:.6g} of ${spend.budget.limit:.6g} spent or set aside"
    )
