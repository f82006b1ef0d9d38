"""Budgets that are nearly spent: said before they refuse."""

from __future__ import annotations

from collections.abc import Iterable

from conduit.core.spending import Spend

WARNED = 0.8
"""Share of a limit from which a check warns."""


def warnings_of(spends: Iterable[Spend], estimate: float = 0.0) -> list[str]:
    """One sentence for each budget of which :data:`WARNED` would be spent or set aside.

    Args:
        spends: budgets as they stand.
        estimate: USD that are about to be spent of all of them.
    """
    return [_warning(spend) for spend in spends if _is_near(spend, estimate)]


def _is_near(spend: Spend, estimate: float) -> bool:
    return spend.settled + spend.reserved + estimate >= WARNED * spend.budget.limit


def _warning(spend: Spend) -> str:
    used = spend.settled + spend.reserved
    return (
        f"the {spend.budget.name} has ${used:.6g} of ${spend.budget.limit:.6g} spent or set aside"
    )
