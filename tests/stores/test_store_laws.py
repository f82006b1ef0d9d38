"""Invariants of learning that hold for any order of events."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conduit.core.forgetting import Forgetting
from conduit.core.outcomes import Observation
from conduit.stores.delta import ObservationKey, Pending, changes_of, folded, key_of
from tests.stores.builders import (
    ARMS,
    a_decision,
    an_observation,
    assert_equal_statistics,
    batch,
    context_of,
)
from tests.stores.conftest import Backend, Maker

DECISIONS = 4
VALUES = st.floats(-8, 8, allow_nan=False).map(lambda value: round(value, 3))
OBSERVE = st.tuples(st.just("observe"), st.integers(1, DECISIONS), st.integers(0, 1), VALUES)
EVENTS = st.lists(
    st.one_of(OBSERVE, OBSERVE, st.just(("fold",)), st.just(("load",)), st.just(("reopen",))),
    max_size=25,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=EVENTS)
def test_any_interleaving_equals_the_batch(
    new_backend: Maker, events: list[tuple[Any, ...]]
) -> None:
    """Observing, correcting, folding and reopening in any order ends at the batch statistics."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_replay(new_backend(Path(folder)), events))


async def _replay(backend: Backend, events: list[tuple[Any, ...]]) -> None:
    store = backend.connect()
    await store.open()
    for number in range(1, DECISIONS + 1):
        await store.add_decision(a_decision(number))
    latest: dict[tuple[int, int], float] = {}
    for event, *details in events:
        match event:
            case "observe":
                number, arm, value = details
                await store.observe([an_observation(number, value, arm=ARMS[arm])])
                latest[number, arm] = value
            case "fold":
                await store.fold()
            case "load":
                await store.load()
            case "reopen":
                await store.close()
                store = backend.connect()
                await store.open()
    state = await store.load()
    for arm in range(2):
        kept = [(number, value, 1.0) for (number, of), value in latest.items() if of == arm]
        if kept:
            assert_equal_statistics(state.statistics[ARMS[arm], "quality"], batch(kept))
    assert len(latest) == await store.count()
    await store.close()


@settings(max_examples=25, deadline=None)
@given(
    data=st.data(),
    history=st.lists(st.tuples(st.integers(1, 5), VALUES), min_size=1, max_size=12),
    half_life=st.sampled_from([math.inf, 1e6, 30.0, 1.0]),
)
def test_merge_order_does_not_matter(
    data: st.DataObject, history: list[tuple[int, float]], half_life: float
) -> None:
    """Pending changes fold to the same sums in any order and any grouping, faded or not."""
    pending = _corrections(history)
    rules: dict[str, Any] = {"forgetting": Forgetting(half_life=half_life), "now": 100.0}
    once = folded({}, pending, **rules)
    shuffled = data.draw(st.permutations(pending))
    cut = data.draw(st.integers(0, len(shuffled)))
    twice = folded({}, shuffled[:cut], **rules)
    twice |= folded(twice, shuffled[cut:], **rules)
    assert once.keys() == twice.keys()
    for key, statistics in once.items():
        assert_equal_statistics(statistics, twice[key])


def _corrections(history: list[tuple[int, float]]) -> list[Pending]:
    latest: dict[int, float] = {}
    pending = []
    for number, value in history:
        pending.append(
            Pending(
                arm="a",
                head="quality",
                context=context_of(number),
                decided_at=25.0 * number,
                value=value,
                weight=1.0,
                previous=latest.get(number),
            )
        )
        latest[number] = value
    return pending


async def test_every_store_learns_the_same(tmp_path: Path, makers: dict[str, Maker]) -> None:
    """All stores end at sums that are equal to 1e-9 after the same history."""
    states = []
    for name, make in makers.items():
        folder = tmp_path / name
        store = make(folder).connect()
        await store.open()
        rng = np.random.default_rng(0)
        for number in range(1, 20):
            await store.add_decision(a_decision(number))
        for _ in range(60):
            await store.observe([_random(rng)])
        states.append((await store.load()).statistics)
        await store.close()
    for other in states[1:]:
        assert other.keys() == states[0].keys()
        for key in other:
            assert_equal_statistics(other[key], states[0][key])


def _random(rng: np.random.Generator) -> Observation:
    return an_observation(
        int(rng.integers(1, 20)), float(rng.random()), arm=ARMS[rng.integers(0, 2)]
    )


@pytest.mark.parametrize("dim", [1, 2, 64])
async def test_sums_survive_reopening_bit_for_bit(backend: Backend, dim: int) -> None:
    """What is stored is what was summed: float64, in both halves of A."""
    store = backend.connect()
    await store.open()
    await store.add_decision(a_decision(1, dim=dim))
    await store.observe([an_observation(1, 1 / 3)])
    before = (await store.load()).statistics[ARMS[0], "quality"]
    await store.close()
    store = backend.connect()
    await store.open()
    after = (await store.load()).statistics[ARMS[0], "quality"]
    await store.close()
    np.testing.assert_array_equal(after.A, before.A)
    np.testing.assert_array_equal(after.A, after.A.T)
    np.testing.assert_array_equal(after.b, before.b)
    assert after.A.dtype == np.float64


class OnlyLookedUp(dict[ObservationKey, Observation]):
    """A mapping that nobody may go through."""

    def __iter__(self) -> NoReturn:
        raise AssertionError("went through everything that is kept")

    keys = items = values = __iter__  # type: ignore[assignment]


def test_what_an_observation_changes_does_not_depend_on_how_many_are_kept() -> None:
    """Only the observation it may replace is looked up, so feedback stays as fast as it was."""
    first, same, other = (an_observation(1, value) for value in (0.5, 0.5, 0.9))
    kept = OnlyLookedUp({key_of(first): first})
    changes = changes_of((same, other, other), kept)
    assert [(change.observation.value, change.previous) for change in changes] == [(0.9, 0.5)]


@pytest.mark.parametrize("half_life", [math.inf, 50.0])
def test_folding_at_once_equals_folding_one_by_one(half_life: float) -> None:
    """A batch of first values and corrections sums to 1e-12 of what they sum to in turn."""
    rng = np.random.default_rng(7)
    entries = [
        Pending(
            arm=ARMS[number % 2],
            head="quality",
            context=context_of(number, 16),
            decided_at=float(rng.uniform(0, 200)),
            value=float(rng.normal()),
            weight=float(rng.uniform(0, 2)),
            previous=None if number % 3 else float(rng.normal()),
        )
        for number in range(200)
    ]
    forgetting = Forgetting(half_life=half_life)
    at_once = folded({}, entries, forgetting=forgetting, now=150.0)
    for arm in ARMS[:2]:
        A, b, yy, weight, count = np.zeros((16, 16)), np.zeros(16), 0.0, 0.0, 0
        for it in (it for it in entries if it.arm == arm):
            x = it.context.astype(np.float64)
            age = max(150.0 - it.decided_at, 0.0)
            w = it.weight * math.exp2(-age / half_life)
            b += w * (it.value - (it.previous or 0.0)) * x
            yy += w * (it.value**2 - (it.previous or 0.0) ** 2)
            if it.previous is None:
                A += w * np.outer(x, x)
                weight, count = weight + w, count + 1
        sums = at_once[arm, "quality"]
        np.testing.assert_allclose(sums.A, A, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(sums.b, b, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose([sums.yy, sums.weight], [yy, weight], rtol=1e-12)
        assert sums.count == count
