"""What the tests of rebuilding share: a history, and the comparison of what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from conduit.core.clocks import ManualClock
from conduit.core.decisions import Decision
from conduit.core.outcomes import Head, Observation, Signal
from conduit.core.statistics import LearnedState, Source, SufficientStatistics
from conduit.stores.direct import opened
from conduit.stores.refit import Refit, Refitting
from conduit.stores.sql import SQLStore
from tests.stores.builders import DIM, a_decision, an_observation, context_of

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


def refit(path: str | Path, clock: ManualClock, **options: Any) -> Refit:
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


async def learn(path: str | Path, clock: ManualClock, *numbers: int, **changes: Any) -> None:
    """A decision each, rated, folded and closed."""
    store = SQLStore(path, clock=clock)
    await store.open()
    for number in numbers:
        await store.add_decision(decided(number, clock, **changes))
        await store.observe([observed(number, number / 10, clock)])
    await store.close()


async def rate(path: str | Path, clock: ManualClock, number: int, value: float) -> int:
    """A rating by another process, which tries to fold it; how many it folded."""
    store = SQLStore(path, clock=clock)
    await store.open()
    try:
        await store.observe([observed(number, value, clock)])
        return (await store.fold()).count
    finally:
        await store.close()


async def load(path: str | Path, clock: ManualClock) -> LearnedState:
    store = SQLStore(path, clock=clock)
    await store.open()
    state = await store.load()
    await store.close()
    return state


def during(action: Callable[[], Any]) -> Callable[[int, int], None]:
    """Does something once, while a rebuild is reading the log."""
    left = [action]

    def progress(_done: int, _total: int) -> None:
        if left:
            left.pop()()

    return progress
