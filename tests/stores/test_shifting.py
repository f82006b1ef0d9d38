"""The contract of every store for targets that move, as logarithms of cost do with a price."""

from __future__ import annotations

import pytest

from conduit.core.outcomes import Head, Signal
from conduit.core.ports import Store
from conduit.core.statistics import SufficientStatistics
from tests.stores.builders import ARMS, a_decision, an_observation, assert_equal_statistics

PAID = (ARMS[0], "log_cost")
RATED = (ARMS[0], "quality")


async def pay(store: Store, *numbers: int) -> None:
    """A decision each, with what it cost and a rating."""
    for number in numbers:
        await store.add_decision(a_decision(number))
        cost = an_observation(number, -7.0 - number, signal=Signal.COST, head=Head.LOG_COST)
        await store.observe([cost, an_observation(number, 0.5)])


async def learned(store: Store) -> dict[tuple[str, str], SufficientStatistics]:
    return dict((await store.load()).statistics)


async def test_all_that_was_observed_before_moves_and_nothing_else(store: Store) -> None:
    """Folded or pending, every target of that head and arm is ``by`` higher; later ones are not."""
    await pay(store, 1, 2)
    await store.fold()
    await pay(store, 3)
    before = await learned(store)
    await store.shift(ARMS[0], Head.LOG_COST, by=-0.7)
    after = await learned(store)
    assert_equal_statistics(after[PAID], before[PAID].shifted(-0.7))
    assert_equal_statistics(after[RATED], before[RATED])
    await pay(store, 4)
    total = (await learned(store))[PAID]
    assert total.yy - after[PAID].yy == pytest.approx(11.0**2)


async def test_pending_observations_move_too(store: Store) -> None:
    """What was acknowledged but not yet folded is not forgotten by a shift."""
    await pay(store, 1)
    await store.shift(ARMS[0], Head.LOG_COST, by=2.0)
    assert (await learned(store))[PAID].count == 1
    assert (await learned(store))[PAID].b[0] != pytest.approx(0.0)


async def test_what_is_said_twice_of_one_moment_is_done_once(store: Store) -> None:
    """A shift whose answer was lost may be said again; one of another moment or size is another."""
    await pay(store, 1)
    before = (await learned(store))[PAID]
    for _ in range(2):
        await store.shift(ARMS[0], Head.LOG_COST, by=0.7, at=1_750_000_000.1)
    assert_equal_statistics((await learned(store))[PAID], before.shifted(0.7))
    await store.shift(ARMS[0], Head.LOG_COST, by=0.7, at=1_750_000_000.2)
    await store.shift(ARMS[0], Head.LOG_COST, by=-0.2, at=1_750_000_000.1)
    await store.shift(ARMS[0], Head.LOG_COST, by=0.7, at=1_750_000_000.1)
    wanted = before.shifted(0.7).shifted(0.7).shifted(-0.2)
    assert_equal_statistics((await learned(store))[PAID], wanted)


async def test_shifts_without_a_moment_are_all_different(store: Store) -> None:
    """Who does not name a shift says another one each time, at the same time of day too."""
    await pay(store, 1)
    before = (await learned(store))[PAID]
    for _ in range(2):
        await store.shift(ARMS[0], Head.LOG_COST, by=0.5)
    assert_equal_statistics((await learned(store))[PAID], before.shifted(0.5).shifted(0.5))


async def test_whoever_polls_sees_a_new_version(store: Store) -> None:
    """A shift is a change of the learned state; of what nobody learned, it is none."""
    await pay(store, 1)
    before = (await store.load()).version
    await store.shift(ARMS[0], Head.LOG_COST, by=0.1)
    after = (await store.load()).version
    assert after > before
    await store.shift(ARMS[1], Head.LOG_COST, by=0.1)
    assert (await store.load()).version == after
