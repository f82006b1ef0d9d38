"""Budgets per day and month: what may be spent, when, and what clocks can do to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.floor import Floor
from conduit.bandits.ledger import together
from conduit.bandits.rules import Thompson
from conduit.bandits.selection import select
from conduit.bandits.window import AHEAD, Arrivals, BudgetPerWindow, Period
from tests.bandits.builders import ask_of, estimates_of

DAY = 86400.0
NOON = 20_000.5 * DAY
COST = np.array([1e-4, 1e-2])
"""USD of a call to a poor and to a good model."""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def served(budget: BudgetPerWindow, times: np.ndarray, *, seed: int = 0) -> BudgetPerWindow:
    """Route one request at each of these times, at the price and headroom of that moment."""
    rng = np.random.default_rng(seed)
    for now in times.tolist():
        budget = budget.at(now)
        estimates = estimates_of(
            np.array([0.6, 0.9]) + 0.1 * rng.standard_normal(2), cost=COST, cost_high=2 * COST
        )
        ask = ask_of(
            2,
            price_of_money=budget.price_of_money,
            budget=budget.budget,
            headroom=budget.headroom,
        )
        chosen = select(estimates, ask, rule=Thompson(), floor=Floor(), rng=rng)
        assert chosen is not None
        expected = float(COST[chosen.arm])
        budget = budget.decided(estimates, chosen).spend(expected)
        budget = budget.spend(expected * float(rng.lognormal(-0.125, 0.5)) - expected)
    return budget


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        (Period.DAY, "2026-03-01T23:59:59", "2026-03-01", "2026-03-02"),
        (Period.DAY, "2026-03-02T00:00:00", "2026-03-02", "2026-03-03"),
        (Period.MONTH, "2026-02-28T12:00:00", "2026-02-01", "2026-03-01"),
        (Period.MONTH, "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
    ],
)
def test_windows_are_calendar_days_and_months_in_utc(
    period: Period, now: str, start: str, end: str
) -> None:
    """A window starts at midnight UTC, its end is the start of the next."""
    assert period.window(at(now)) == (at(start), at(end))


@pytest.mark.parametrize("requests", [300, 2000])
def test_a_day_of_even_traffic_spends_the_days_money(requests: int) -> None:
    """However many requests come, between 80% and 100% of the second day's money is spent."""
    amount = 0.2 * requests * COST[1]
    midnight = 20_000 * DAY
    step = DAY / requests
    budget = BudgetPerWindow.begin(amount, Period.DAY, now=midnight, spent=0.0)
    budget = served(budget, midnight + step * np.arange(2 * requests))
    assert budget.start == midnight + DAY
    assert 0.8 * amount < budget.spent <= 1.001 * amount


def test_office_hours_spend_most_of_the_days_money() -> None:
    """Where all requests come between 9 and 17 o'clock, as yesterday, three quarters are spent."""
    midnight, requests = 20_000 * DAY, 1000
    hours = np.linspace(9 * 3600, 17 * 3600, requests)
    amount = 0.2 * requests * COST[1]
    budget = BudgetPerWindow.begin(amount, Period.DAY, now=midnight, spent=0.0)
    budget = served(budget, np.concatenate([midnight + d * DAY + hours for d in range(2)]))
    assert 0.75 * amount < budget.spent <= 1.001 * amount


def test_a_burst_after_silence_does_not_spend_the_day_at_once() -> None:
    """A thousand requests in a second spend what accrued and the capacity, then little."""
    amount, requests = 2.0, 1000
    budget = BudgetPerWindow.begin(amount, Period.DAY, now=NOON - 3 * DAY)
    budget = served(budget, NOON + np.linspace(0, 1, requests))
    always_feasible = requests * COST[0]
    assert budget.spent <= (0.5 + AHEAD) * amount + always_feasible
    assert budget.headroom < 0.1 * amount


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.floats(-3 * DAY, 3 * DAY), st.sampled_from([0.0, 0.3, 1.0])), max_size=60
    ),
    period=st.sampled_from(list(Period)),
)
def test_whatever_the_clock_does_no_window_exceeds_its_amount(
    steps: list[tuple[float, float]], period: Period
) -> None:
    """While no call exceeds its headroom, spend ≤ accrual + capacity, and ≤ the amount."""
    amount, now = 5.0, NOON
    budget = BudgetPerWindow.begin(amount, period, now=now, spent=0.0)
    for gap, fraction in steps:
        now += gap
        budget = budget.at(now)
        assert budget.budget > 0
        assert np.isfinite(budget.price_of_money)
        budget = budget.spend(fraction * max(budget.headroom, 0.0))
        accrued = amount * (budget.now - budget.start) / (budget.end - budget.start)
        assert budget.spent <= amount * (1 + 1e-9)
        if all(gap >= 0 for gap, _ in steps):
            assert budget.spent <= accrued + AHEAD * amount + 1e-9


def test_a_clock_that_steps_back_brings_no_money_back() -> None:
    """Back over midnight by a second, or by a week: what was spent stays spent."""
    midnight = 20_001 * DAY
    budget = BudgetPerWindow.begin(1.0, Period.DAY, now=midnight, spent=0.0).spend(0.09)
    jitter = budget.at(midnight - 1.0)
    assert (jitter.start, jitter.spent, jitter.now) == (midnight, 0.09, midnight)
    corrected = budget.at(midnight - 7 * DAY + 5.0)
    assert corrected.spent == 0.09
    assert corrected.start == midnight - 7 * DAY


def test_a_new_window_starts_with_its_own_money() -> None:
    """After midnight, or after days without a request, nothing is spent and nothing is saved up."""
    budget = BudgetPerWindow.begin(1.0, Period.DAY, now=NOON, spent=0.4)
    for days in (1, 5):
        later = budget.at(NOON + days * DAY)
        assert later.spent == 0.0
        assert later.headroom == pytest.approx(0.5 + AHEAD)


def test_a_restart_within_a_window_gives_no_money_twice() -> None:
    """Without knowledge of what was spent, what accrued until now counts as spent."""
    blind = BudgetPerWindow.begin(1.0, Period.DAY, now=NOON)
    assert blind.headroom == pytest.approx(AHEAD)
    told = BudgetPerWindow.begin(1.0, Period.DAY, now=NOON, spent=0.2)
    assert told.headroom == pytest.approx(0.3 + AHEAD)


def test_overspending_makes_the_rest_of_the_window_thrifty_not_broken() -> None:
    """One call may cost more than all that is left; prices stay finite, and the next day is new."""
    budget = BudgetPerWindow.begin(1.0, Period.DAY, now=NOON, spent=0.0).spend(50.0).at(NOON + 60)
    assert budget.headroom < 0
    assert 0 < budget.budget < 1e-6
    assert np.isfinite(budget.price_of_money)
    assert budget.at(NOON + DAY).headroom > 0


def test_arrivals_are_counted_per_second_and_forgotten() -> None:
    """A steady stream is known by its rate; days of silence later it is not expected back."""
    arrivals = Arrivals(last=0.0)
    for second in range(0, int(DAY), 60):
        arrivals = arrivals.after(float(second), memory=DAY)
    assert arrivals.rate(window=DAY) == pytest.approx(1 / 60, rel=0.1)
    silent = arrivals.after(10 * DAY, memory=DAY)
    assert silent.rate(window=DAY) * DAY < 15


@pytest.mark.parametrize("spent_meanwhile", [0.0, 0.5])
def test_a_clock_that_jumps_back_and_returns_brings_no_money_back(spent_meanwhile: float) -> None:
    """Back by days and forward again into the same day: that day's money is spent as before."""
    budget = BudgetPerWindow.begin(5.0, Period.DAY, now=NOON, spent=0.0).spend(4.0)
    told = budget.ledger()
    behind = budget.at(NOON - 9.3 * DAY).spend(spent_meanwhile).at(NOON - 9.3 * DAY + 60)
    back = behind.at(NOON + 300)
    assert back.spent == 4.0 + spent_meanwhile
    assert back.headroom < 0.1
    assert back.start == budget.start
    for now in (behind.ledger(), back.ledger()):
        said = together(told, before=told, now=now)
        assert said.amounts["spent"] == 4.0 + spent_meanwhile, "to other processes, too"
        assert said.window == budget.start
    assert back.at(NOON + DAY).spent == 0.0


def test_a_clock_that_was_ahead_costs_no_later_day_its_money() -> None:
    """Ten years too far and set right: what was spent counts today, and tomorrow is a day like any."""
    budget = BudgetPerWindow.begin(5.0, Period.DAY, now=NOON + 3650 * DAY, spent=0.0).spend(4.0)
    today = budget.at(NOON)
    assert today.spent == 4.0
    tomorrow = today.at(NOON + DAY)
    assert (tomorrow.spent, tomorrow.ledger().window) == (0.0, tomorrow.start)


def test_what_others_spend_counts_while_the_clock_is_behind() -> None:
    """Figures of the day that is being spent are taken up, whatever the clock says meanwhile."""
    budget = BudgetPerWindow.begin(5.0, Period.DAY, now=NOON, spent=0.0).spend(1.0)
    told = budget.ledger()
    others = replace(told, amounts=dict(told.amounts) | {"spent": 3.0})
    assert budget.at(NOON - 9 * DAY).adopting(others).at(NOON + 60).spent == 3.0
