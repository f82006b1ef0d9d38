"""Pressure: spending ahead of its time makes money dear, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.budgets.pressure import MOST, pressure, strongest
from conduit.core.budgets import Budget, Period, Scope, ScopeKind, Window
from conduit.core.spending import Spend

MIDNIGHT = 1_763_683_200.0
NOON = MIDNIGHT + 43_200.0
DAILY, TOTAL = Window(Period.DAILY), Window(Period.TOTAL)
ROLLING = Window(Period.DAILY, rolling=True)
SHARES = st.floats(0.0, 0.999)


def spent(settled: float, window: Window = DAILY, *, reserved: float = 0.0) -> Spend:
    budget = Budget(scope=Scope(ScopeKind.USER, "anna"), window=window, limit=2.0)
    return Spend(budget=budget, id="b", settled=settled, reserved=reserved, resets_at=None)


def pressed(settled: float, window: Window = DAILY, **more: float) -> float:
    return pressure(
        spent(settled, window, reserved=more.get("reserved", 0.0)),
        now=more.get("now", NOON),
        billed=more.get("billed", 0.5),
    )


@given(SHARES)
def test_who_spends_evenly_or_less_is_never_pressed(share: float) -> None:
    """At any time of the day, up to the share of the day that has passed."""
    found = pressed(2.0 * share, now=MIDNIGHT + 86_400.0 * share)
    assert found == pytest.approx(0.0, abs=1e-7)  # clocks have 0.2 microseconds


def test_the_pressure_is_one_where_as_much_was_spent_too_soon_as_is_left() -> None:
    """At noon, with three quarters of the day's money gone."""
    assert pressed(1.5) == pytest.approx(1.0)
    assert pressed(1.9) == pytest.approx(9.0)


@pytest.mark.parametrize("window", [TOTAL, ROLLING])
def test_without_a_pace_half_is_spent_freely(window: Window) -> None:
    """A session's total has no clock: it presses from the middle on, at any time."""
    assert pressed(1.0, window, now=MIDNIGHT) == 0.0
    assert pressed(1.5, window, now=MIDNIGHT) == pytest.approx(1.0)


@given(SHARES, SHARES)
def test_more_spent_presses_more_and_later_presses_less(one: float, other: float) -> None:
    """The pressure grows with spending, and a while of saving takes it away."""
    low, high = sorted((one, other))
    assert pressed(2 * low) <= pressed(2 * high)
    early, late = (MIDNIGHT + 86_400 * share for share in (low, high))
    assert pressed(1.9, now=late) <= pressed(1.9, now=early)


def test_nothing_left_presses_as_much_as_anything_can() -> None:
    """The limit, beyond it, and a budget of nothing at all; always a number."""
    assert pressed(2.0) == pressed(3.0) == MOST
    none = Budget(scope=Scope(ScopeKind.USER, "anna"), window=DAILY, limit=0.0)
    spend = Spend(budget=none, id="b", settled=0.0, reserved=0.0, resets_at=None)
    assert pressure(spend, now=NOON, billed=0.5) == MOST


def test_calls_under_way_count_at_what_they_are_expected_to_cost() -> None:
    """Not at the upper bound that is set aside for them."""
    assert pressed(1.0, reserved=1.0, billed=0.5) == pytest.approx(1.0)
    assert pressed(1.0, reserved=1.0, billed=0.0) == 0.0


def test_the_tightest_of_some_budgets_presses() -> None:
    """And none, where there is none."""
    some = [spent(0.1), spent(1.5), spent(1.0)]
    assert strongest(some, now=NOON, billed=0.5) == pytest.approx(1.0)
    assert strongest([], now=NOON, billed=0.5) == 0.0
