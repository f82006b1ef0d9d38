"""The contract of every store for evidence from elsewhere: all or none, once per source."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from conduit.core.errors import InvalidInputError, LayoutMismatchError
from conduit.core.ports import Store
from conduit.core.statistics import Source, SufficientStatistics
from conduit.stores.sql import SQLStore
from tests.stores.builders import (
    ARMS,
    DIM,
    LAYOUT,
    a_decision,
    an_observation,
    assert_equal_statistics,
    batch,
)
from tests.stores.conftest import Backend

RATED = (ARMS[0], "quality")
TIMED = (ARMS[1], "log_latency")
SOURCE = Source(digest="ab" * 32, name="val", n_eff=50.0, prompts=3, absorbed_at=1.5e9)
EVIDENCE = {RATED: batch([(7, 0.3, 0.5), (8, 0.9, 0.5)]), TIMED: batch([(7, -1.5, 1.0)])}


async def absorb(store: Store, **changes: Any) -> Source | None:
    """Absorb the evidence, or changed evidence, of the source, or of a changed one."""
    given: dict[str, Any] = {"statistics": EVIDENCE, "source": SOURCE, "layout": LAYOUT} | changes
    return await store.absorb(given.pop("statistics"), **given)


async def test_evidence_adds_to_what_was_learned(store: Store) -> None:
    """Sums from elsewhere and observations, pending ones too, end as the sums of both."""
    await store.add_decision(a_decision(1))
    await store.observe([an_observation(1, 0.8)])
    before = (await store.load()).version
    await store.observe([an_observation(1, 0.6)])
    assert await absorb(store) is None
    state = await store.load()
    assert state.version > before
    assert set(state.statistics) == {RATED, TIMED}
    assert_equal_statistics(
        state.statistics[RATED], batch([(7, 0.3, 0.5), (8, 0.9, 0.5), (1, 0.6, 1.0)])
    )
    assert_equal_statistics(state.statistics[TIMED], EVIDENCE[TIMED])
    assert await store.count() == 1


async def test_a_source_counts_once(store: Store) -> None:
    """Its digest again changes nothing, and is answered with the record of the first time."""
    await absorb(store)
    once = await store.load()
    later = replace(SOURCE, name="a copy", n_eff=9.0, absorbed_at=1.6e9)
    assert await absorb(store, source=later) == SOURCE
    twice = await store.load()
    assert twice.version == once.version
    assert_equal_statistics(twice.statistics[RATED], once.statistics[RATED])
    assert await store.sources() == (SOURCE,)


async def test_sources_are_on_record_in_order(store: Store) -> None:
    """Every source that was absorbed can be read back as it was given, the first one first."""
    assert await store.sources() == ()
    given = tuple(replace(SOURCE, digest=digest) for digest in ("ff" * 32, "00" * 32))
    for source in (*given, given[0]):
        await absorb(store, source=source)
    assert await store.sources() == given
    endless = replace(SOURCE, digest="1", n_eff=float("inf"), name="müßig")
    await absorb(store, source=endless)
    assert (await store.sources())[-1] == endless


async def test_evidence_survives_reopening(backend: Backend) -> None:
    """What was absorbed, and that it was, is durable."""
    store = backend.connect()
    await store.open()
    await absorb(store)
    await store.close()
    store = backend.connect()
    await store.open()
    assert await store.sources() == (SOURCE,)
    assert_equal_statistics((await store.load()).statistics[RATED], EVIDENCE[RATED])
    await store.close()


async def test_evidence_of_another_layout_is_refused(store: Store) -> None:
    """Another layout or dimension than the first declared changes nothing and is not on record."""
    await store.bind_layout(LAYOUT, DIM)
    other = {RATED: batch([(7, 0.3, 1.0)], dim=DIM + 1)}
    for changes in ({"layout": "another"}, {"statistics": other}):
        with pytest.raises(LayoutMismatchError):
            await absorb(store, **changes)
    assert (await store.sources(), dict((await store.load()).statistics)) == ((), {})


async def test_evidence_declares_the_layout(store: Store) -> None:
    """The first evidence of a store binds its layout, as the first decision does."""
    await absorb(store)
    with pytest.raises(LayoutMismatchError):
        await store.add_decision(a_decision(layout="another"))


GOOD = EVIDENCE[RATED]
IMPOSSIBLE = {
    "nothing at all": {},
    "a NaN": {RATED: replace(GOOD, b=np.full(DIM, np.nan))},
    "infinity": {RATED: replace(GOOD, yy=float("inf"))},
    "a negative weight": {RATED: replace(GOOD, weight=-1.0)},
    "a negative variance": {RATED: replace(GOOD, A=GOOD.A - 10 * np.eye(DIM))},
    "targets smaller than what they correlate with": {RATED: replace(GOOD, yy=1e-6)},
    "no symmetry": {RATED: replace(GOOD, A=GOOD.A + np.triu(np.ones((DIM, DIM)), 1))},
    "two dimensions": {RATED: GOOD, TIMED: batch([(7, 0.3, 1.0)], dim=DIM + 1)},
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
async def test_sums_that_no_observations_have_are_refused(store: Store, case: str) -> None:
    """Absurd evidence never reaches the learned state, nor any that comes with it."""
    with pytest.raises(InvalidInputError):
        await absorb(store, statistics=IMPOSSIBLE[case])
    assert (await store.sources(), dict((await store.load()).statistics)) == ((), {})


async def test_evidence_that_is_scarce_or_worth_nothing_is_no_error(store: Store) -> None:
    """One observation, or the sums of none, are possible sums."""
    scarce = {RATED: batch([(7, 0.3, 1e-9)]), TIMED: SufficientStatistics.zero(DIM)}
    assert await absorb(store, statistics=scarce) is None


async def test_of_many_that_absorb_one_source_at_once_one_does(store: Store) -> None:
    """Concurrent tasks count a source once, beside observations that are folded meanwhile."""
    await store.add_decision(a_decision(1))
    answers = await asyncio.gather(
        *[absorb(store) for _ in range(8)], store.observe([an_observation(1, 0.6)]), store.fold()
    )
    assert answers[:8].count(None) == 1
    assert_equal_statistics(
        (await store.load()).statistics[RATED],
        batch([(7, 0.3, 0.5), (8, 0.9, 0.5), (1, 0.6, 1.0)]),
    )


async def test_two_stores_on_one_database_count_a_source_once(where: str) -> None:
    """The second of two connections finds the record of the first."""
    one, other = SQLStore(where), SQLStore(where)
    await asyncio.gather(one.open(), other.open())
    answers = await asyncio.gather(absorb(one), absorb(other))
    assert sorted(answers, key=bool) == [None, SOURCE]
    assert_equal_statistics((await one.load()).statistics[RATED], EVIDENCE[RATED])
    await one.close()
    await other.close()


async def test_a_crash_while_absorbing_undoes_it(
    sql: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums and record appear together or not at all."""
    with monkeypatch.context() as patch:
        patch.setattr("conduit.stores.sql_evidence.asdict", _crash)
        with pytest.raises(ZeroDivisionError):
            await absorb(sql)
    assert (await sql.sources(), dict((await sql.load()).statistics)) == ((), {})
    assert await absorb(sql) is None


def _crash(*_: object) -> None:
    raise ZeroDivisionError
