"""A rebuild from the log is what folding arrived at, whatever happened on the way."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conduit.core.clocks import ManualClock
from conduit.core.decisions import Decision
from conduit.core.errors import StoreError
from conduit.core.outcomes import Head, Observation, Signal
from conduit.core.statistics import LearnedState, Source, SufficientStatistics
from conduit.stores import sql_refit as unit
from conduit.stores.direct import opened
from conduit.stores.purge import Wanted, purge
from conduit.stores.refit import Encoding, Refit, Refitting
from conduit.stores.sql import SQLStore
from tests.stores.builders import ARMS, DIM, LAYOUT, a_decision, an_observation, context_of
from tests.stores.conftest import new_database

START = 1_763_700_000.0
SIGNALS = {Signal.RATING: Head.QUALITY, Signal.COST: Head.LOG_COST, Signal.ERROR: Head.AVAILABILITY}
HEADS = tuple(SIGNALS.values())


def decided(number: int, clock: ManualClock, **changes: Any) -> Decision:
    """A decision of now, whose context begins with the bias, as every context does."""
    decision = a_decision(number)
    context = context_of(number)
    context[0] = 1.0
    features = replace(decision.features, context=context)
    return replace(decision, features=features, created_at=clock.now(), **changes)


def observed(number: int, value: float, clock: ManualClock, **changes: Any) -> Observation:
    """An observation of now."""
    return replace(an_observation(number, value), observed_at=clock.now(), **changes)


def some_evidence(seed: int, landmark: float = -math.inf) -> SufficientStatistics:
    """Sums over eight contexts with a bias."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(8, DIM))
    X[:, 0] = 1.0
    return replace(SufficientStatistics.of(X, rng.random(8)), landmark=landmark)


def a_source(digest: str, clock: ManualClock) -> Source:
    return Source(digest=digest, name=digest, n_eff=8.0, prompts=8, absorbed_at=clock.now())


def refit(path: Path, clock: ManualClock, **options: Any) -> Refit:
    with opened(path) as database:
        return Refitting(database, clock=clock, actor="tester", **options).run()


def assert_same(new: LearnedState, old: LearnedState) -> None:
    """Equal to 1e-9 of the largest sum of each arm and head."""
    assert new.statistics.keys() == old.statistics.keys()
    for key, sums in old.statistics.items():
        other = new.statistics[key]
        assert other.count == sums.count
        assert other.landmark == sums.landmark
        mine = np.concatenate([sums.A.ravel(), sums.b, [sums.yy, sums.weight]])
        theirs = np.concatenate([other.A.ravel(), other.b, [other.yy, other.weight]])
        np.testing.assert_allclose(theirs, mine, rtol=1e-9, atol=1e-9 * np.abs(mine).max())


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


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=EVENTS, half_life=st.sampled_from([math.inf, 600.0, 30.0]))
def test_a_refit_equals_what_was_folded(events: list[tuple[Any, ...]], half_life: float) -> None:
    """After any events in any order, the log and what is kept beside it add up to the state."""
    with tempfile.TemporaryDirectory() as folder:
        path = new_database(Path(folder) / "conduit.db")
        asyncio.run(_replay(path, events, half_life))


async def _replay(path: Path, events: list[tuple[Any, ...]], half_life: float) -> None:
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
