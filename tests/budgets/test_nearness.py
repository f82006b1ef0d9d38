"""Nearness: from which cent on a budget is said to be nearly spent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.budgets.nearness import is_near, warnings_of
from conduit.core.budgets import NANO, Budget, Period, Scope, ScopeKind, Window
from conduit.core.spending import Spend


def spend(*, limit: float, settled: float, reserved: float) -> Spend:
    scope = Scope(ScopeKind.USER, "anna")
    budget = Budget(scope=scope, window=Window(Period.TOTAL), limit=limit)
    return Spend(budget=budget, id="b", settled=settled, reserved=reserved, resets_at=None)


@pytest.mark.parametrize(("used", "limit"), [(2.4, 3.0), (0.24, 0.3), (0.56, 0.7), (0.0, 0.0)])
def test_four_fifths_are_near(used: float, limit: float) -> None:
    """Four fifths to the nanodollar are near, and a nanodollar less is not, whatever floats say."""
    assert is_near(used, limit)
    assert not used or not is_near(used - 1 / NANO, limit)


@given(st.integers(0, 2_000_000 * NANO // 5))
def test_every_limit_has_its_four_fifths(fifth: int) -> None:
    """It holds for every limit that can be set, up to millions."""
    assert is_near(4 * fifth / NANO, 5 * fifth / NANO)
    assert is_near((4 * fifth - 1) / NANO, 5 * fifth / NANO) is False


def test_what_is_about_to_be_spent_counts() -> None:
    """Spent, set aside and estimated together make a budget near."""
    some = spend(limit=3.0, settled=1.1, reserved=0.7)
    assert warnings_of([some], 0.599999999) == []
    (said,) = warnings_of([some], 0.6)
    assert "$1.8 of $3" in said
