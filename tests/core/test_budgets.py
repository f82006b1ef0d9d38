"""Windows and scopes: where calendar periods begin and end, and what rolls."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.core.budgets import NANO, Budget, Period, Scope, ScopeKind, Window, nanos
from conduit.core.errors import InvalidInputError
from conduit.core.figures import brief

CALENDAR = [period for period in Period if period is not Period.TOTAL]
WINDOWS = [Window(period) for period in Period] + [Window(it, rolling=True) for it in CALENDAR]
MOMENTS = st.floats(0, 4e9)
LENGTHS = {
    Period.HOURLY: timedelta(hours=1),
    Period.DAILY: timedelta(days=1),
    Period.WEEKLY: timedelta(days=7),
    Period.MONTHLY: timedelta(days=30),
}


def at(*moment: int) -> float:
    return datetime(*moment, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("name", [42, 0, b"anna", ["anna"], None])
def test_a_scope_is_named_by_text(name: Any) -> None:
    """A number beside the text that spells it would be another account: the error says str()."""
    with pytest.raises(InvalidInputError, match=r"str\(user\)") as caught:
        Scope(ScopeKind.USER, name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period.HOURLY, at(2024, 2, 29, 23), at(2024, 3, 1)),
        (Period.DAILY, at(2024, 2, 29), at(2024, 3, 1)),
        (Period.WEEKLY, at(2024, 2, 26), at(2024, 3, 4)),
        (Period.MONTHLY, at(2024, 2, 1), at(2024, 3, 1)),
        (Period.TOTAL, 0.0, None),
    ],
)
def test_calendar_periods_are_those_of_utc(period: Period, start: float, end: float | None) -> None:
    """The last half hour of a leap day is in the hour, day, week and month that hold it."""
    now = at(2024, 2, 29, 23, 30)
    assert (period.starts(now), period.ends(now)) == (start, end)


@given(st.sampled_from(CALENDAR), MOMENTS)
def test_a_calendar_period_holds_its_moment_and_meets_the_next(period: Period, now: float) -> None:
    """Start ≤ now < end, and the end is the start of the next one."""
    start, end = period.starts(now), period.ends(now)
    assert end is not None
    assert start <= now < end
    assert period.starts(end) == end
    assert period.starts(start) == start


@given(st.sampled_from(WINDOWS), MOMENTS)
def test_a_slot_counts_until_it_lapses(window: Window, now: float) -> None:
    """Money of this moment counts now, and until the very moment that its slot lapses."""
    slot = window.slot(now)
    assert window.oldest(now) <= slot <= now
    lapses = window.lapses(slot)
    if lapses is None:
        assert window.period is Period.TOTAL
        return
    assert window.oldest(math.nextafter(lapses, 0)) <= slot < window.oldest(lapses)


@given(st.sampled_from([window for window in WINDOWS if window.rolling]), MOMENTS)
def test_a_rolling_window_holds_all_of_the_last_seconds(window: Window, now: float) -> None:
    """Whatever was spent within its length still counts, and nothing older than a grain more."""
    length = LENGTHS[window.period].total_seconds()
    assert window.slot(max(now - length, 0.0)) >= window.oldest(now)
    assert window.oldest(now) > now - length * 31 / 30 - 1


@given(st.floats(0, 2e6), st.floats(0, 2e6))
def test_nanodollars_keep_order_and_come_back(one: float, other: float) -> None:
    """What costs no more is no more nanodollars, and dollars made of nanodollars are the same ones."""
    small, large = sorted([one, other])
    assert nanos(small, what="x") <= nanos(large, what="x")
    assert nanos(nanos(one, what="x") / NANO, what="x") == nanos(one, what="x")


@pytest.mark.parametrize(
    "limit",
    [-0.01, math.nan, math.inf, 2e6 + 1, 10**400, -(10**5000), Decimal("NaN"), Decimal("sNaN")],
    ids=brief,
)
def test_a_limit_that_cannot_be_is_refused(limit: float) -> None:
    """Negative, no number, or beyond all sense: one short line, however long the number."""
    with pytest.raises(InvalidInputError, match=r"limit of \$.{1,41} cannot be"):
        Budget(scope=Scope(ScopeKind.USER, "anna"), window=Window(Period.DAILY), limit=limit)


def test_scopes_and_windows_are_read_as_they_are_written() -> None:
    """Names may hold colons; every kind and window comes back."""
    for kind in ScopeKind:
        scope = Scope(kind, "a:b ü")
        assert Scope.parse(str(scope)) == scope
    for window in WINDOWS:
        assert Window.parse(str(window)) == window


@pytest.mark.parametrize("text", ["", "user", "user:", "robot:1"])
def test_what_is_no_scope_is_refused(text: str) -> None:
    """A kind that is known, and a name."""
    with pytest.raises(InvalidInputError):
        Scope.parse(text)


@pytest.mark.parametrize("text", ["", "yearly", "rolling total", "rolling"])
def test_what_is_no_window_is_refused(text: str) -> None:
    """A period that is known; a total does not roll."""
    with pytest.raises(InvalidInputError):
        Window.parse(text)
