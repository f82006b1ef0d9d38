"""The budget pacer: spend converges, the price is bounded, and the bucket limits every window."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.floor import Floor
from conduit.bandits.pacer import Pacer, PacerGains
from conduit.bandits.rules import Thompson
from conduit.bandits.selection import select
from conduit.bandits.utility import Weights
from conduit.core.statistics import Array
from tests.bandits.builders import ask_of, estimates_of

QUALITY = np.array([0.5, 0.75, 0.9])
TYPICAL = np.array([1e-5, 3e-4, 5e-3])
"""USD of an ordinary call: a budget between the ends needs a mixture that nobody states."""
REQUESTS = 2000
SPIKE = 300.0
"""Budgets that one dear call costs."""


def lognormal(rng: np.random.Generator) -> Array:
    """Multipliers of mean 1 whose largest are some tens."""
    return np.asarray(rng.lognormal(-0.5, 1.0, REQUESTS))


def gamma(rng: np.random.Generator) -> Array:
    """Multipliers of mean 1 with light tails."""
    return np.asarray(rng.gamma(4.0, 0.25, REQUESTS))


def pareto(rng: np.random.Generator) -> Array:
    """Multipliers of mean 1 whose variance is infinite."""
    return np.asarray((1 + rng.pareto(1.8, REQUESTS)) * (0.8 / 1.8))


def spend_of(budget: float, surprise: Array, *, spikes: tuple[int, ...] = ()) -> Pacer:
    """Run the pacer over requests whose realised cost is the expected one times a surprise."""
    rng = np.random.default_rng(99)
    pacer = Pacer.start(budget)
    for i in range(REQUESTS):
        cost = TYPICAL * rng.lognormal(-0.18, 0.6)
        ask = ask_of(
            3,
            weights=Weights(quality=1.0, cost=0.0, latency=0.0),
            price_of_money=pacer.price_of_money,
            budget=pacer.budget,
            headroom=pacer.headroom,
        )
        estimates = estimates_of(QUALITY + 0.1 * rng.standard_normal(3), cost=cost)
        chosen = select(estimates, ask, rule=Thompson(), floor=Floor(), rng=rng)
        assert chosen is not None
        pacer = pacer.decided(float(chosen.probabilities @ cost))
        pacer = pacer.spend(SPIKE * budget if i in spikes else cost[chosen.arm] * surprise[i])
    return pacer


@pytest.mark.parametrize(
    ("budget", "surprises"),
    [(5e-5, gamma), (2e-4, pareto), (1e-3, lognormal), (1e-3, pareto)],
)
def test_spend_converges_to_the_budget(budget: float, surprises: object) -> None:
    """Over 2,000 requests the average spend is within 5% of the budget."""
    assert callable(surprises)
    pacer = spend_of(budget, surprises(np.random.default_rng(7)))
    assert pacer.requests == REQUESTS
    assert pacer.spent / (budget * REQUESTS) == pytest.approx(1.0, abs=0.05)


def test_one_call_of_three_hundred_budgets_is_worked_off() -> None:
    """A call that costs 300 budgets is paid for by the others: within 5% at the end."""
    pacer = spend_of(1e-3, np.ones(REQUESTS), spikes=(300,))
    assert pacer.spent / (1e-3 * REQUESTS) == pytest.approx(1.0, abs=0.05)


def test_a_budget_nobody_can_spend_leaves_the_price_low() -> None:
    """Where even the dearest arm is within budget, quality alone decides in the end."""
    pacer = spend_of(1.0, np.ones(REQUESTS))
    assert pacer.price == pacer.gains.least
    assert pacer.spent / REQUESTS == pytest.approx(TYPICAL[2], rel=0.15)


@settings(max_examples=80, deadline=None)
@given(
    steps=st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=60),
    budget=st.floats(1e-9, 1e3),
)
def test_the_price_stays_within_its_bounds(steps: list[tuple[float, float]], budget: float) -> None:
    """Whatever is expected or spent, λ is finite and between its bounds."""
    pacer = Pacer.start(budget)
    for expected, actual in steps:
        pacer = pacer.decided(expected).spend(actual)
        assert pacer.gains.least <= pacer.price <= pacer.gains.most
        assert pacer.price_of_money == pytest.approx(pacer.price / budget)


def test_the_price_rises_when_dear_and_falls_when_cheap() -> None:
    """More than a budget expected raises λ, less lowers it."""
    pacer = Pacer.start(1.0)
    assert pacer.decided(2.0).price > pacer.price
    assert pacer.decided(0.0).price < pacer.price


def test_overspending_raises_the_price_even_of_a_call_on_budget() -> None:
    """Spent more than allowed so far: λ rises although this request costs one budget."""
    overspent = Pacer.start(1.0).spend(50.0)
    assert overspent.decided(1.0).price > overspent.price
    saving = Pacer(budget=1.0, price=0.5, spent=0.0, requests=100, balance=1.0)
    assert saving.decided(1.0).price < saving.price


def test_savings_that_nobody_could_spend_are_not_spent_later() -> None:
    """After 500 requests at a tenth of the budget, λ acts as if the budget had just been met."""
    idle = Pacer.start(1.0)
    for _ in range(500):
        idle = idle.decided(0.1).spend(0.1)
    assert idle.price == idle.gains.least
    met = Pacer(budget=1.0, price=idle.price, spent=0.0, requests=0, balance=idle.balance)
    for _ in range(30):
        idle, met = idle.decided(5.0).spend(5.0), met.decided(5.0).spend(5.0)
        assert idle.price == pytest.approx(met.price)


def test_savings_made_while_money_has_a_price_are_spent_later() -> None:
    """A hundred requests at half the budget, λ above its bound: it falls until they are used."""
    gains = PacerGains(proportional=0.0)
    saving = Pacer(budget=1.0, gains=gains, price=10.0, spent=50.0, requests=100, balance=1.0)
    assert saving.decided(1.0).price < saving.price
    assert saving.decided(1.0).forfeited == 0.0


@settings(max_examples=100, deadline=None)
@given(
    fractions=st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]), min_size=1, max_size=80),
    capacity=st.floats(0, 20),
)
def test_no_window_spends_more_than_accrual_and_capacity(
    fractions: list[float], capacity: float
) -> None:
    """While no call exceeds its headroom, any window's spend ≤ accrual + capacity."""
    budget = 2.0
    pacer = Pacer.start(budget, PacerGains(capacity=capacity))
    total = [0.0]
    for fraction in fractions:
        cost = fraction * max(pacer.headroom, 0.0)
        pacer = pacer.decided(cost).spend(cost)
        total.append(total[-1] + cost)
    for start in range(len(total)):
        for end in range(start + 1, len(total)):
            bound = budget * (end - start) + capacity * budget
            assert total[end] - total[start] <= bound * (1 + 1e-9)


def test_a_full_bucket_does_not_overflow() -> None:
    """Saving for ever leaves the capacity, and no more."""
    pacer = Pacer.start(2.0, PacerGains(capacity=5.0))
    for _ in range(50):
        pacer = pacer.decided(0.0)
    assert pacer.balance == 10.0


def test_a_pacer_is_a_value() -> None:
    """A step returns the next state and leaves the old one as it was."""
    first = Pacer.start(1.0)
    later = first.decided(3.0).spend(2.0)
    assert (first.spent, first.requests) == (0.0, 0)
    assert (later.spent, later.requests) == (2.0, 1)


def test_realised_cost_is_never_clipped() -> None:
    """Every dollar counts, also those of one enormous call."""
    states = [Pacer.start(1.0)]
    for cost in (0.5, 500.0, 0.25):
        states.append(states[-1].spend(cost))
    assert [b.spent - a.spent for a, b in pairwise(states)] == [0.5, 500.0, 0.25]
