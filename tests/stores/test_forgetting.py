"""The contract of every store for evidence that fades with the age of its decision."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conduit.core.clocks import ManualClock
from conduit.core.errors import InvalidInputError
from conduit.core.forgetting import Forgetting
from conduit.core.outcomes import Head, Signal
from conduit.core.ports import Store
from conduit.core.statistics import Source, SufficientStatistics
from conduit.stores import migrate
from conduit.stores.direct import opened
from conduit.stores.refit import Refitting
from conduit.stores.sql import SQLStore
from tests.stores.builders import (
    ARMS,
    LAYOUT,
    a_decision,
    an_observation,
    assert_equal_statistics,
    batch,
)
from tests.stores.conftest import Backend, Maker

RATED = (ARMS[0], "quality")
START = 1_700_000_000.0
HALF_LIFE = 100.0


def share(age: float, half_life: float = HALF_LIFE) -> float:
    """What is left of a weight at that age."""
    return math.exp2(-age / half_life)


async def decide(store: Store, *ages: float) -> None:
    """Log decisions 1, 2, … made that many seconds after the start."""
    for number, age in enumerate(ages, start=1):
        await store.add_decision(replace(a_decision(number), created_at=START + age))


async def sums_at(store: Store, age: float, key: tuple[str, str] = RATED) -> SufficientStatistics:
    """The sums of an arm as they are weighed that many seconds after the start."""
    state = await store.load()
    tau = state.forgetting.time_constant(Head(key[1]))
    return state.statistics[key].at(START + age, time_constant=tau)


# Sixteenths of a second: a moment of this century in float64 resolves no finer than 2.4e-7 s.
AGES = st.lists(st.integers(0, 14_400).map(lambda n: n / 16), min_size=3, max_size=3)
EVENT = st.one_of(
    st.tuples(st.just("observe"), st.integers(1, 3), st.floats(0, 1), st.floats(0, 3)),
    st.sampled_from([("fold",), ("reopen",)]),
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ages=AGES, events=st.lists(EVENT, max_size=15), half_life=st.floats(5, 1e5))
def test_an_observation_weighs_what_its_decision_is_old(
    new_backend: Maker,
    ages: list[float],
    events: list[tuple[Any, ...]],
    half_life: float,
) -> None:
    """In any order, folded and reopened at any time, corrected or not, sums are the faded batch."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_replay(new_backend(Path(folder)), ages, events, half_life))


async def _replay(
    backend: Backend, ages: list[float], events: list[tuple[Any, ...]], half_life: float
) -> None:
    store = backend.connect()
    await store.open()
    await store.set_half_life(half_life)
    await decide(store, *ages)
    kept: dict[int, tuple[float, float]] = {}
    for event, *details in events:
        match event:
            case "observe":
                number, value, weight = details
                await store.observe([an_observation(number, value, weight=weight)])
                kept[number] = value, kept.get(number, (value, weight))[1]
            case "fold":
                await store.fold()
            case "reopen":
                await store.close()
                store = backend.connect()
                await store.open()
    rows = [(n, y, w * share(1000 - ages[n - 1], half_life)) for n, (y, w) in kept.items()]
    if rows:
        assert_equal_statistics(await sums_at(store, 1000), batch(rows))
    await store.close()


async def test_the_landmark_is_the_newest_decision(store: Store) -> None:
    """Sums are weighed as of the newest decision in them, whichever was rated last."""
    await store.set_half_life(HALF_LIFE)
    await decide(store, 0, 300)
    for number in (2, 1):
        await store.observe([an_observation(number)])
        assert (await store.load()).statistics[RATED].landmark == START + 300
    assert (await store.load()).statistics[RATED].weight == pytest.approx(1 + share(300))


async def test_nothing_but_availability_fades_at_first(store: Store) -> None:
    """Undeclared, a rating of last year counts fully, and an error half after twenty minutes."""
    error = an_observation(1, 0.0, signal=Signal.ERROR, head=Head.AVAILABILITY)
    await decide(store, 0, 1200)
    await store.observe([an_observation(1), error])
    await store.observe([an_observation(2), replace(error, decision_id=a_decision(2).id)])
    state = await store.load()
    assert state.forgetting == Forgetting()
    assert state.statistics[RATED].weight == 2.0
    assert state.statistics[ARMS[0], "availability"].weight == pytest.approx(1.5)


async def test_a_half_life_is_kept_for_everybody(backend: Backend) -> None:
    """It survives reopening, counts as a change of the state, and can be taken back."""
    store = backend.connect()
    await store.open()
    before = (await store.load()).version
    await store.set_half_life(HALF_LIFE)
    await store.close()
    store = backend.connect()
    await store.open()
    state = await store.load()
    assert state.forgetting == Forgetting(half_life=HALF_LIFE)
    assert state.version > before
    await store.set_half_life(HALF_LIFE)
    assert (await store.load()).version == state.version
    await store.set_half_life(math.inf)
    assert (await store.load()).forgetting == Forgetting()
    await store.close()


async def test_another_half_life_begins_with_what_was_known(store: Store) -> None:
    """What waits is folded under the old one; from its newest decision on the new one counts."""
    await decide(store, 0, 300, 400)
    await store.observe([an_observation(1), an_observation(2)])
    await store.set_half_life(HALF_LIFE)
    assert (await sums_at(store, 300)).weight == pytest.approx(2.0)
    await store.observe([an_observation(3)])
    assert (await sums_at(store, 400)).weight == pytest.approx(2 * share(100) + 1)


@pytest.mark.parametrize("absurd", [0.0, -1.0, math.nan])
async def test_an_absurd_half_life_is_refused(store: Store, absurd: float) -> None:
    """It is an error, and the one before stays."""
    await store.set_half_life(HALF_LIFE)
    with pytest.raises(InvalidInputError, match="half-life"):
        await store.set_half_life(absurd)
    assert (await store.load()).forgetting == Forgetting(half_life=HALF_LIFE)


async def test_a_decision_from_the_future_counts_as_of_now(backend: Backend) -> None:
    """A clock that is a year ahead takes nothing from what was learned, nor when it is set right."""
    clock = ManualClock(START + 50)
    store = backend.connect(clock)
    await store.open()
    await store.set_half_life(HALF_LIFE)
    await decide(store, 0, 3e7, 60)
    await store.observe([an_observation(1), an_observation(2)])
    assert (await sums_at(store, 50)).weight == pytest.approx(share(50) + 1)
    clock.advance(3e7)
    await store.observe([an_observation(2, 0.1)])
    await store.fold()
    clock.advance(10 - 3e7)
    await store.observe([an_observation(3)])
    sums = (await store.load()).statistics[RATED]
    assert sums.landmark == START + 60
    assert sums.weight >= 1.0
    await store.close()


async def test_clocks_that_differ_make_nothing_fade_twice(where: str) -> None:
    """Two processes, one of which is 20 s ahead, fold in turn: sums are those of a rebuild by either."""
    right, ahead = ManualClock(START), ManualClock(START + 20)
    stores = [(SQLStore(where, clock=clock), clock) for clock in (right, ahead)]
    for store, _ in stores:
        await store.open()
    await stores[0][0].set_half_life(HALF_LIFE)
    for number in range(1, 41):
        store, clock = stores[number % 2]
        await store.add_decision(replace(a_decision(number), created_at=clock.now()))
        await store.observe([an_observation(number)])
        await store.fold()
        right.advance(0.2)
        ahead.advance(0.2)
    learned = (await stores[0][0].load()).statistics[RATED]
    for store, _ in stores:
        await store.close()
    with opened(where) as database:
        Refitting(database, clock=ahead, actor="tester").run()
    rebuilt = SQLStore(where, clock=ahead)
    await rebuilt.open()
    sums = (await rebuilt.load()).statistics[RATED]
    await rebuilt.close()
    assert learned.weight == pytest.approx(sums.weight, rel=1e-9)
    assert learned.landmark == sums.landmark


async def test_evidence_from_elsewhere_fades_from_when_it_was_absorbed(store: Store) -> None:
    """Undated sums are as old as their source; dated ones keep their date; both merge exactly."""
    await store.set_half_life(HALF_LIFE)
    await decide(store, 300)
    await store.observe([an_observation(1, 0.4)])
    await store.fold()
    source = Source(digest="a", name="val", n_eff=2.0, prompts=1, absorbed_at=START + 100)
    labelled = batch([(7, 0.3, 2.0)])
    await store.absorb({RATED: labelled}, source=source, layout=LAYOUT)
    await store.absorb(
        {RATED: replace(labelled, landmark=START + 200)},
        source=replace(source, digest="b"),
        layout=LAYOUT,
    )
    expected = [(1, 0.4, share(100)), (7, 0.3, 2 * share(300)), (7, 0.3, 2 * share(200))]
    faded = await sums_at(store, 400)
    assert_equal_statistics(replace(faded, count=3), batch(expected))


async def test_a_shift_leaves_evidence_as_old_as_it_is(store: Store) -> None:
    """Targets that move together keep their weights and their landmark."""
    await store.set_half_life(HALF_LIFE)
    await decide(store, 0, 300)
    await store.observe([an_observation(1, 0.2), an_observation(2, 0.4)])
    before = (await store.load()).statistics[RATED]
    await store.shift(ARMS[0], Head.QUALITY, by=0.5)
    after = (await store.load()).statistics[RATED]
    assert (after.landmark, after.weight) == (START + 300, before.weight)


async def test_every_store_forgets_the_same(tmp_path: Path, makers: dict[str, Maker]) -> None:
    """All stores end at the same sums, the same landmark and the same half-life."""
    states = []
    for name, make in makers.items():
        store = make(tmp_path / name).connect()
        await store.open()
        await store.set_half_life(HALF_LIFE)
        await decide(store, *range(0, 2000, 70))
        for number in (5, 28, 1, 13, 28, 2):
            await store.observe([an_observation(number, number / 30)])
            await store.fold()
        await store.observe([an_observation(28, 0.5), an_observation(1, 0.25)])
        states.append(await store.load())
        await store.close()
    one, *others = states
    for other in others:
        assert other.forgetting == one.forgetting
        assert other.statistics[RATED].landmark == one.statistics[RATED].landmark
        assert_equal_statistics(other.statistics[RATED], one.statistics[RATED])


async def test_sums_of_before_are_dated_by_the_newest_decision(path: Path) -> None:
    """A database of a revision without landmarks keeps its evidence, as of its newest decision."""
    store = SQLStore(path)
    await store.open()
    await decide(store, 0, 500)
    await store.observe([an_observation(1)])
    await store.close()
    while "0002" not in migrate.status(path):
        migrate.down(path)
    await store.open()
    sums = (await store.load()).statistics[RATED]
    assert (sums.landmark, sums.weight) == (START + 500, 1.0)
    await store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT half_life FROM meta").fetchall() == [(None,)]
    connection.close()
