"""A rebuild from the log is what folding arrived at, whatever happened on the way."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conduit.core.clocks import ManualClock
from conduit.core.errors import StoreError
from conduit.core.outcomes import Head, Signal
from conduit.stores.direct import opened
from conduit.stores.purge import Wanted, purge
from conduit.stores.sql import SQLStore
from tests.stores.builders import ARMS, DIM, LAYOUT
from tests.stores.conftest import DATABASES, Maker, Memory
from tests.stores.refitting import (
    HEADS,
    SIGNALS,
    START,
    a_source,
    assert_same,
    decided,
    learn,
    load,
    observed,
    refit,
    some_evidence,
)

NUMBERS = st.integers(1, 5)
KINDS = st.sampled_from(list(SIGNALS))
OBSERVE = st.tuples(
    st.just("observe"),
    NUMBERS,
    KINDS,
    st.integers(0, 1),
    st.floats(-8, 8).map(lambda v: round(v, 3)),
)
EVENTS = st.lists(
    st.one_of(
        OBSERVE,
        OBSERVE,
        OBSERVE,
        st.tuples(st.just("wait"), st.floats(0.0, 900.0)),
        st.tuples(st.just("fold")),
        st.tuples(st.just("absorb"), st.integers(1, 3), st.sampled_from(HEADS)),
        st.tuples(st.just("shift"), st.sampled_from(HEADS), st.floats(-2, 2)),
        st.tuples(st.just("discount"), st.sampled_from(HEADS), st.floats(0.1, 5)),
        st.tuples(st.just("purge"), NUMBERS),
    ),
    max_size=30,
)


EVERYTHING = [
    ("observe", 1, Signal.RATING, 0, 0.5),
    ("absorb", 1, Head.QUALITY),
    ("wait", 100.0),
    ("shift", Head.QUALITY, 0.5),
    ("observe", 1, Signal.RATING, 0, 0.9),
    ("discount", Head.QUALITY, 1.0),
    ("observe", 2, Signal.RATING, 0, 0.3),
    ("wait", 50.0),
    ("observe", 1, Signal.RATING, 0, 0.1),
    ("purge", 1),
    ("shift", Head.QUALITY, -1.0),
    ("observe", 2, Signal.RATING, 0, 0.7),
]
"""Corrections after a shift and a discount, of evidence that is absorbed, purged and logged."""


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(events=EVERYTHING, half_life=600.0)
@given(events=EVENTS, half_life=st.sampled_from([math.inf, 600.0, 30.0]))
@pytest.mark.parametrize("kind", DATABASES)
def test_a_refit_equals_what_was_folded(
    makers: dict[str, Maker], kind: str, events: list[tuple[Any, ...]], half_life: float
) -> None:
    """After any events in any order, the log and what is kept beside it add up to the state."""
    with tempfile.TemporaryDirectory() as folder:
        backend = makers[kind](Path(folder))
        assert not isinstance(backend, Memory)
        asyncio.run(_replay(backend.path, events, half_life))


async def _replay(path: str | Path, events: list[tuple[Any, ...]], half_life: float) -> None:
    clock = ManualClock(START)
    store = SQLStore(path, clock=clock)
    await store.open()
    await store.set_half_life(half_life)
    there: set[int] = set()
    for event, *details in events:
        match event:
            case "observe":
                number, signal, arm, value = details
                if number not in there:
                    there.add(number)
                    user = f"user-{number}"
                    await store.add_decision(decided(number, clock, user_id=user))
                changes = {"signal": signal, "head": SIGNALS[signal], "arm": ARMS[arm]}
                await store.observe([observed(number, value, clock, **changes)])
            case "wait":
                clock.advance(details[0])
            case "fold":
                await store.fold()
            case "absorb":
                seed, head = details
                evidence = {(ARMS[0], head.value): some_evidence(seed)}
                await store.absorb(evidence, source=a_source(str(seed), clock), layout=LAYOUT)
            case "shift":
                await store.shift(ARMS[0], details[0], by=details[1])
            case "discount":
                await store.discount(ARMS[0], details[0], worth=details[1])
            case "purge":
                there -= {details[0]}
                with opened(path) as database:
                    purge(database, Wanted(user=f"user-{details[0]}"), clock=clock, actor="tester")
    before = await store.load()
    await store.bind_layout(LAYOUT, DIM)
    refit(path, clock)
    assert_same(await store.load(), before)
    await store.close()


def test_evidence_that_an_earlier_version_absorbed_is_not_lost_silently(path: Path) -> None:
    """Sources without evidence of their own in the base make a rebuild refuse."""
    clock = ManualClock(START)
    asyncio.run(learn(path, clock, 1))

    async def absorb() -> None:
        store = SQLStore(path, clock=clock)
        await store.open()
        evidence = {(ARMS[1], "quality"): some_evidence(1)}
        await store.absorb(evidence, source=a_source("s", clock), layout=LAYOUT)
        await store.close()

    asyncio.run(absorb())
    with opened(path) as database, database.write() as conn:
        conn.exec_driver_sql("DELETE FROM base_state")
    with pytest.raises(StoreError, match=r"what an earlier version absorbed \(sources: 1\)"):
        refit(path, clock)


def test_what_was_absorbed_before_it_was_kept_apart_is_not_lost_after_a_purge(
    path: Path,
) -> None:
    """Evidence of an old warm start is in the sums alone: a rebuild refuses, whatever else is kept."""
    clock = ManualClock(START)
    asyncio.run(learn(path, clock, 1))
    clock.advance(1000.0)
    asyncio.run(learn(path, clock, 2))
    before = asyncio.run(load(path, clock))
    refit(path, clock)
    with opened(path) as database:
        with database.write() as conn:
            conn.exec_driver_sql(
                "UPDATE arm_state SET raw_count = raw_count + 50, weight = weight + 9"
            )
            conn.exec_driver_sql("INSERT INTO sources VALUES (1, 'x', 'old.csv', 9, 50, 1)")
        purge(database, Wanted(older_than=500.0), clock=clock, actor="tester")
    with pytest.raises(StoreError, match=r"lose evidence of 1 models .* add --drop-unreadable"):
        refit(path, clock)
    count = before.statistics[ARMS[0], "quality"].count
    assert asyncio.run(load(path, clock)).statistics[ARMS[0], "quality"].count == count + 50
    refit(path, clock, drop_unreadable=True)
    assert_same(asyncio.run(load(path, clock)), before)


def test_a_database_that_learned_nothing_has_nothing_to_rebuild(path: Path) -> None:
    """An empty database is one line."""
    with pytest.raises(StoreError, match="has learned nothing yet"):
        refit(path, ManualClock(START))


def test_a_rebuild_goes_page_by_page(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the log, no more than a page is held, and every page is told of."""
    clock = ManualClock(START)
    asyncio.run(learn(path, clock, *range(1, 451)))
    before = asyncio.run(load(path, clock))
    told: list[tuple[int, int]] = []
    refit(path, clock, progress=lambda done, total: told.append((done, total)))
    assert told == [(200, 450), (400, 450), (450, 450)]
    assert_same(asyncio.run(load(path, clock)), before)
