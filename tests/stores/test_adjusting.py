"""What was done to all that had been observed is done to what comes late, too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conduit.core.outcomes import Head
from conduit.core.ports import Store
from conduit.core.statistics import SufficientStatistics
from tests.stores.builders import (
    ARMS,
    a_decision,
    an_observation,
    assert_equal_statistics,
    context_of,
)

RATED = (ARMS[0], "quality")


async def rate(store: Store, number: int, value: float) -> None:
    """A rating of a decision whose context begins with the bias."""
    await store.observe([an_observation(number, value)])


async def decide(store: Store, *numbers: int) -> None:
    for number in numbers:
        context = context_of(number)
        context[0] = 1.0
        decision = a_decision(number)
        features = replace(decision.features, context=context)
        await store.add_decision(replace(decision, features=features))


async def learned(store: Store) -> SufficientStatistics:
    return (await store.load()).statistics[RATED]


@pytest.mark.parametrize("folded", [False, True])
async def test_a_correction_counts_like_what_it_corrects(store: Store, folded: bool) -> None:
    """After a shift and a discount, the new value has the old one's weight and moves as it did."""
    await decide(store, 1, 2, 3, 4)
    for number, value in ((1, 0.2), (2, 0.9), (3, 0.4)):
        await rate(store, number, value)
    await store.shift(ARMS[0], Head.QUALITY, by=0.5)
    await store.discount(ARMS[0], Head.QUALITY, worth=1.5)
    await rate(store, 4, 0.6)
    if folded:
        await store.fold()
    await rate(store, 3, 0.8)
    before = await _batch(store, (1, 0.7), (2, 1.4), (3, 1.3))
    after = await _batch(store, (4, 0.6))
    assert_equal_statistics(await learned(store), before.scaled(0.5) + after)


async def test_what_is_observed_after_an_adjustment_counts_as_it_is(store: Store) -> None:
    """Only what was there before moves, even where clocks say that it is of the same moment."""
    await decide(store, 1, 2)
    await rate(store, 1, 0.2)
    await store.shift(ARMS[0], Head.QUALITY, by=0.5)
    await rate(store, 2, 0.9)
    await rate(store, 2, 0.3)
    assert_equal_statistics(await learned(store), await _batch(store, (1, 0.7), (2, 0.3)))


@pytest.mark.parametrize("folded", [False, True])
async def test_a_correction_says_whether_it_was_adjusted_since(store: Store, folded: bool) -> None:
    """Only a store knows that what is corrected has been shifted or discounted, by whomever."""
    await decide(store, 1, 2)
    await rate(store, 1, 0.2)
    assert [it.adjusted for it in await store.observe([an_observation(1, 0.3)])] == [False]
    if folded:
        await store.fold()
    await store.discount(ARMS[0], Head.QUALITY, worth=0.5)
    changes = await store.observe([an_observation(1, 0.4), an_observation(2, 0.9)])
    assert [(it.previous, it.adjusted) for it in changes] == [(0.3, True), (None, False)]
    assert await store.observe([an_observation(1, 0.4)]) == ()


async def _batch(store: Store, *ratings: tuple[int, float]) -> SufficientStatistics:
    total = SufficientStatistics.zero(4)
    for number, value in ratings:
        context = (await store.decision(f"{number:032x}")).features.context
        total = total.observe(context.astype(float), value)
    return total
