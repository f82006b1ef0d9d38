"""Ledgers: what several processes do to one budget adds up to what one process would have done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.bandits.ledger import Ledger, together
from conduit.bandits.pacer import Pacer
from conduit.bandits.quality_target import QualityTarget
from conduit.bandits.steering import BudgetPerRequest
from conduit.bandits.window import BudgetPerWindow, Period

PRICE = st.floats(0.0, 1e4)
AMOUNT = st.floats(-1e6, 1e6)


def a_ledger(price: float = 0.5, spent: float = 1.0, *, window: float = 0.0) -> Ledger:
    return Ledger(price=price, unit=0.01, amounts={"spent": spent}, window=window)


@given(price=PRICE, spent=AMOUNT)
def test_nothing_done_changes_nothing(price: float, spent: float) -> None:
    """Whoever did nothing since it last told finds what the others have told."""
    shared, mine = a_ledger(price, spent), a_ledger(3.0, 7.0)
    merged = together(shared, before=mine, now=mine)
    assert merged.amounts["spent"] == pytest.approx(spent, abs=1e-9)
    assert merged.price == pytest.approx(price, rel=1e-9, abs=1e-12)


@given(price=PRICE, spent=AMOUNT)
def test_nobody_else_changes_nothing(price: float, spent: float) -> None:
    """Where nobody else told anything, what is shared becomes what this process has."""
    before, now = a_ledger(), a_ledger(price, spent)
    merged = together(before, before=before, now=now)
    assert merged.amounts["spent"] == pytest.approx(spent, abs=1e-6)
    assert merged.price == pytest.approx(price, rel=1e-9, abs=1e-12)


@given(a=AMOUNT, b=AMOUNT, p=PRICE, q=PRICE)
def test_the_order_of_telling_does_not_matter(a: float, b: float, p: float, q: float) -> None:
    """Two processes that tell one after the other leave the same, whoever comes first."""
    start, one, other = a_ledger(), a_ledger(p, a), a_ledger(q, b)

    def told(first: Ledger, second: Ledger) -> Ledger:
        return together(together(start, before=start, now=first), before=start, now=second)

    left, right = told(one, other), told(other, one)
    assert left.amounts["spent"] == pytest.approx(right.amounts["spent"], abs=1e-6)
    # Where a price would go below 0 it stays at 0, and then the order shows.
    if min(p, q) >= start.price:
        assert left.price == pytest.approx(right.price, rel=1e-6, abs=1e-9)


def test_a_new_window_begins_empty() -> None:
    """Amounts of an earlier window neither enter a later one nor are missing from it."""
    old, new = a_ledger(spent=5.0, window=100.0), a_ledger(spent=2.0, window=200.0)
    assert together(old, before=old, now=new) == new
    assert together(new, before=old, now=old) == new
    assert together(new, before=old, now=new).amounts["spent"] == 4.0


def test_two_processes_pace_like_one() -> None:
    """Spending is exactly the sum, and the price what one process with all the traffic has."""
    rng = np.random.default_rng(7)
    costs = rng.exponential(0.0015, 4000)
    alone = Pacer.start(1e-3)
    for cost in costs:
        alone = alone.decided(cost).spend(cost)
    shared = told = Pacer.start(1e-3).ledger()
    both = [Pacer.start(1e-3)] * 2
    known = [told, told]
    for step, cost in enumerate(costs):
        k = step % 2
        both[k] = both[k].decided(cost).spend(cost)
        if step % 20 in (18, 19):
            shared = together(shared, before=known[k], now=both[k].ledger())
            both[k], known[k] = both[k].adopting(shared), shared
    assert shared.amounts["spent"] == pytest.approx(costs.sum())
    assert shared.amounts["requests"] == len(costs)
    assert np.log(shared.price / alone.price) == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize(
    "steering",
    [
        BudgetPerRequest(pacer=Pacer.start(0.01)),
        BudgetPerWindow.begin(5.0, Period.DAY, now=1.7e9),
        QualityTarget(target=0.95, price_of_money=3.0),
    ],
)
def test_its_own_ledger_changes_no_steering(
    steering: BudgetPerRequest | BudgetPerWindow | QualityTarget,
) -> None:
    """Adopting what it told itself, a steering is priced and counted as before."""
    again = steering.adopting(steering.ledger())
    assert again.ledger() == steering.ledger()
    assert again.price_of_money == pytest.approx(steering.price_of_money)


def test_requests_of_others_are_arrivals() -> None:
    """A budget per day expects the requests of all processes, and counts what all have spent."""
    mine = BudgetPerWindow.begin(5.0, Period.DAY, now=1.7e9).at(1.7e9 + 10)
    told = mine.ledger()
    others = replace(told, amounts={"spent": told.amounts["spent"] + 1.0, "served": 501.0})
    all_of_us = mine.adopting(others)
    assert all_of_us.spent == pytest.approx(mine.spent + 1.0)
    assert all_of_us.expected_requests > 10 * mine.expected_requests
    assert all_of_us.budget < mine.budget


def test_figures_of_another_window_are_left_alone() -> None:
    """A process that has not entered the new day yet keeps its own figures until it does."""
    mine = BudgetPerWindow.begin(5.0, Period.DAY, now=1.7e9)
    assert mine.adopting(replace(mine.ledger(), window=mine.end)) == mine
