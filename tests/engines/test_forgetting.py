"""The router forgets by the age of decisions: outages always, ratings when it is told to."""

from __future__ import annotations

import math
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from conduit.core.clocks import ManualClock
from conduit.core.errors import FailureKind, InvalidInputError
from conduit.core.forgetting import Forgetting
from conduit.core.outcomes import Head
from conduit.core.ports import Store
from conduit.engines.router import Router
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from tests.engines.builders import EQUAL, router_of

START = 1_700_000_000.0


async def mean_of(router: Router, name: str = "poet") -> float:
    """Quality expected of a model."""
    return (await router.route("hello")).estimates[name].mean


async def test_an_outage_does_not_ban_a_model_for_longer_than_it_lasts() -> None:
    """After 30 errors a model is hardly chosen; two hours later it is chosen as it was."""
    clock = ManualClock(START)
    client = ScriptedProvider(failures={"poet": repeat(FailureKind.SERVER, 30)})
    async with router_of(*EQUAL, client=client, clock=clock, seed=0) as router:
        before = (await router.route("hello")).probabilities["poet"]
        for _ in range(30):
            await router.complete("hello", models=["poet", "coder"])
        during = (await router.route("hello")).probabilities["poet"]
        clock.advance(7200)
        after = (await router.route("hello")).probabilities["poet"]
    assert during < before / 2
    assert after > 0.8 * before


async def test_ratings_fade_when_told_to_and_only_then() -> None:
    """A half-life of a day forgets in a month what a router without one keeps."""
    for half_life, kept in ((86400.0, False), (None, True)):
        clock = ManualClock(START)
        async with router_of(*EQUAL, clock=clock, half_life=half_life) as router:
            fresh = await mean_of(router)
            for _ in range(20):
                decision = await router.route("hello", models=["poet"])
                await router.feedback(decision.id, rating=1)
            taught = await mean_of(router)
            clock.advance(30 * 86400)
            later = await mean_of(router)
        assert taught < fresh - 0.5
        assert later == pytest.approx(taught if kept else fresh, abs=1e-6)


@pytest.mark.parametrize("where", ["memory", "file"])
async def test_a_router_that_lived_and_one_that_loads_believe_the_same(
    tmp_path: Path, where: str
) -> None:
    """Sums in memory and in the store agree after late, corrected and weighted observations."""
    clock = ManualClock(START)
    store: Store = MemoryStore() if where == "memory" else SQLStore(tmp_path / "conduit.db")
    async with router_of(*EQUAL, clock=clock, store=store, half_life=3600.0) as router:
        engine, rng = await router.open(), np.random.default_rng(0)
        ids = []
        for _ in range(40):
            clock.advance(float(rng.exponential(900)))
            ids.append((await router.complete(f"prompt {rng.integers(1000)}")).decision_id)
            late = ids[rng.integers(len(ids))]
            await router.feedback(late, rating=int(rng.integers(1, 6)))
        clock.advance(600)
        lived = engine.learner.models
        await engine.learner.refresh()
        loaded = engine.learner.models
        lived.advance(clock.now())
        for head in (Head.QUALITY, Head.LOG_LATENCY):
            lived.head(head).rebuild()
            for k in range(2):
                ours, theirs = (models.head(head).statistics(k) for models in (lived, loaded))
                np.testing.assert_allclose(ours.A, theirs.A, atol=1e-9)
                np.testing.assert_allclose(ours.b, theirs.b, atol=1e-9)
        context = engine.analyzer.analyze("hello").context.astype(float)
        answers = [m.estimate(context, token_count=1).availability for m in (lived, loaded)]
        np.testing.assert_allclose(*answers, atol=1e-12)


async def test_a_half_life_belongs_to_the_store(tmp_path: Path) -> None:
    """A router without one of its own keeps the store's; the setting gives one as the argument does."""
    path = tmp_path / "conduit.db"

    async def found(**options: object) -> Forgetting:
        async with router_of(*EQUAL, store=SQLStore(path), **options) as router:
            return (await (await router.open()).parts.store.load()).forgetting

    assert await found() == Forgetting()
    assert await found(half_life=50.0) == Forgetting(half_life=50.0)
    assert await found() == Forgetting(half_life=50.0)
    given = Settings.load({"CONDUIT_HALF_LIFE": "70"}, None)
    assert await found(settings=given) == Forgetting(half_life=70.0)
    assert await found(settings=given, half_life=math.inf) == Forgetting()
    never = Settings.load({"CONDUIT_HALF_LIFE": "never"}, None)
    assert never.half_life == math.inf


@pytest.mark.parametrize("absurd", [0.0, -3.0, math.nan])
def test_an_absurd_half_life_is_refused_at_once(absurd: float) -> None:
    """Before anything is opened, with the value and a remedy."""
    with pytest.raises(InvalidInputError, match=r"half-life .* is not above 0"):
        router_of(*EQUAL, half_life=absurd)
