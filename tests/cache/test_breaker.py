"""The circuit breaker, as a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.cache.breaker import Breaker

OPEN = Breaker(failures=5, opened_at=1000.0)


def after(breaker: Breaker, *, failures: int, now: float = 0.0) -> Breaker:
    """A breaker through which that many calls in a row failed."""
    for _ in range(failures):
        breaker = breaker.called().failed(now, trial=breaker.is_open)
    return breaker


@pytest.mark.parametrize(("failures", "is_open"), [(4, False), (5, True)])
def test_five_failures_in_a_row_open_it(failures: int, is_open: bool) -> None:
    """Four do not; once open, nobody calls."""
    breaker = after(Breaker(), failures=failures)
    assert breaker.is_open == is_open
    assert breaker.allows(0.0) != is_open


def test_a_success_in_between_starts_the_count_again() -> None:
    """Only failures in a row count."""
    breaker = after(Breaker(), failures=4).called().succeeded(trial=False)
    assert not after(breaker, failures=4).is_open


@pytest.mark.parametrize(("waited", "allowed"), [(0.0, False), (299.9, False), (300.0, True)])
def test_it_stays_open_for_five_minutes(waited: float, allowed: bool) -> None:
    """Then one call may try."""
    assert OPEN.allows(1000.0 + waited) == allowed


def test_one_call_tries_and_the_others_wait_for_its_outcome() -> None:
    """Half-open, the breaker lets a single call through."""
    assert not OPEN.called().allows(1300.0)


def test_a_trial_that_succeeds_closes_it() -> None:
    """As if nothing had been."""
    assert OPEN.called().succeeded(trial=True) == Breaker()


def test_a_trial_that_fails_keeps_it_open_for_as_long_again() -> None:
    """The wait begins anew when the trial has failed."""
    again = OPEN.called().failed(1300.25, trial=True)
    assert not again.allows(1600.0)
    assert again.allows(1600.25)


def test_a_trial_that_is_given_up_leaves_room_for_the_next() -> None:
    """Or a cancelled request would keep the breaker open for ever."""
    assert OPEN.called().abandoned(trial=True).allows(1300.0)


def test_calls_begun_before_it_opened_change_nothing() -> None:
    """Neither do they close it, nor prolong the wait, nor end somebody's trial."""
    for breaker in (OPEN, OPEN.called()):
        assert breaker.succeeded(trial=False) == breaker
        assert breaker.failed(1299.0, trial=False) == breaker
        assert breaker.abandoned(trial=False) == breaker


def test_a_clock_set_back_ends_the_wait() -> None:
    """Nobody waits for hours because a clock was corrected."""
    assert OPEN.allows(999.0)


EVENTS = st.lists(
    st.tuples(st.booleans(), st.floats(0, 400, allow_nan=False)), min_size=1, max_size=60
)


@given(EVENTS)
def test_a_server_that_is_away_is_called_once_in_five_minutes_at_most(
    events: list[tuple[bool, float]],
) -> None:
    """In any history of outcomes and pauses, failed calls through an open breaker are 300 s apart."""
    breaker, now = Breaker(), 0.0
    opened_at = 0.0
    for succeeds, gap in events:
        now += gap
        if not breaker.allows(now):
            continue
        trial = breaker.is_open
        assert not trial or now - opened_at >= 300
        breaker = breaker.called()
        assert not trial or not breaker.allows(now)
        if succeeds:
            breaker = breaker.succeeded(trial=trial)
            assert breaker == Breaker()
        else:
            breaker = breaker.failed(now, trial=trial)
            opened_at = now


@given(st.lists(st.booleans(), max_size=40))
def test_it_is_open_exactly_when_the_last_five_failed(outcomes: list[bool]) -> None:
    """Without waiting, calls stop at the first five failures in a row, and not before."""
    breaker, in_a_row = Breaker(), 0
    for succeeds in outcomes:
        if in_a_row >= 5:
            assert not breaker.allows(0.0)
            return
        assert breaker.allows(0.0)
        breaker = breaker.called()
        breaker = breaker.succeeded(trial=False) if succeeds else breaker.failed(0.0, trial=False)
        in_a_row = 0 if succeeds else in_a_row + 1
