"""The contract of every store for what an arm no longer is: it is kept, and counts little."""

from __future__ import annotations

import pytest

from conduit.core.outcomes import Head
from conduit.core.ports import Store
from conduit.core.statistics import SufficientStatistics
from tests.stores.builders import ARMS, a_decision, an_observation, assert_equal_statistics

RATED = (ARMS[0], "quality")


async def rate(store: Store, *numbers: int) -> None:
    """A decision each, and a rating of it."""
    for number in numbers:
        await store.add_decision(a_decision(number))
        await store.observe([an_observation(number, 0.9)])


async def learned(store: Store) -> dict[tuple[str, str], SufficientStatistics]:
    return dict((await store.load()).statistics)


async def test_what_was_learned_is_worth_at_most_so_much_and_later_ratings_count_in_full(
    store: Store,
) -> None:
    """Folded or pending, all evidence is scaled alike; its raw count stays."""
    await rate(store, 1, 2, 3)
    await store.fold()
    await rate(store, 4)
    before = (await learned(store))[RATED]
    await store.discount(ARMS[0], Head.QUALITY, worth=1.5)
    after = (await learned(store))[RATED]
    assert_equal_statistics(after, before.scaled(1.5 / before.weight))
    await rate(store, 5)
    assert (await learned(store))[RATED].weight == pytest.approx(2.5)


async def test_pending_ratings_are_of_the_past_too(store: Store) -> None:
    """What was acknowledged before the discount is not left for after it."""
    await rate(store, 1, 2)
    await store.discount(ARMS[0], Head.QUALITY, worth=1.0)
    assert (await learned(store))[RATED].weight == pytest.approx(1.0)


async def test_saying_it_twice_or_of_less_changes_nothing(store: Store) -> None:
    """Two replicas that notice the same change discount once; only a change is a new version."""
    await rate(store, 1, 2)
    await store.discount(ARMS[0], Head.QUALITY, worth=1.0)
    first = await store.load()
    await store.discount(ARMS[0], Head.QUALITY, worth=1.0)
    await store.discount(ARMS[1], Head.QUALITY, worth=1.0)
    again = await store.load()
    assert again.version == first.version
    assert_equal_statistics(again.statistics[RATED], first.statistics[RATED])
