"""A router notices that a model is no longer what it was, and still knows it after a restart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conduit.core.outcomes import Head
from conduit.core.ports import Store
from conduit.engines.router import Router
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from tests.engines.builders import EQUAL, router_of
from tests.stores.conftest import new_database


async def rate(router: Router, rating: int, *, times: int) -> float:
    """Rate a model so often; the quality that is expected of it then."""
    for _ in range(times):
        decision = await router.route("hello", models=["poet"])
        await router.feedback(decision.id, rating=rating)
    return (await router.route("hello")).estimates["poet"].mean


@pytest.mark.parametrize("where", ["memory", "file"])
async def test_a_model_that_turns_bad_is_noticed_and_stays_noticed(
    tmp_path: Path, where: str
) -> None:
    """Twenty bad ratings outweigh eighty good ones, in the store as in memory."""
    store: Store = MemoryStore() if where == "memory" else SQLStore(tmp_path / "conduit.db")
    async with router_of(*EQUAL, store=store) as router:
        assert await rate(router, 5, times=80) > 0.95
        assert await rate(router, 1, times=20) < 0.3
        engine = await router.open()
        lived = engine.learner.models
        await engine.learner.refresh()
        loaded = engine.learner.models
    ours, theirs = (models.head(Head.QUALITY).statistics(0) for models in (lived, loaded))
    assert ours.weight < 40
    assert ours.count == 100
    assert theirs.weight == pytest.approx(ours.weight)
    np.testing.assert_allclose(ours.A, theirs.A, atol=1e-9)
    np.testing.assert_allclose(ours.b, theirs.b, atol=1e-9)


async def test_processes_that_are_rated_in_turn_notice_it_too(tmp_path: Path) -> None:
    """Taking up what the other was told ends no watch: a fall that both see is discounted for both.

    Errors are cut at three, less the slack of a half: each needs six ratings of its own.
    """
    path = new_database(tmp_path / "conduit.db")
    routers = [router_of(*EQUAL, store=SQLStore(path)) for _ in range(2)]
    weights = []
    try:
        await rate(routers[0], 5, times=60)
        for turn in range(16):
            await rate(routers[turn % 2], 1, times=1)
            for router in routers:
                engine = await router.open()
                await engine.learner.journal.flush()
                await engine.replica.look()
            weights.append([await worth(router) for router in routers])
        stored = (await engine.learner.built(engine.learner.models.arms)).models
    finally:
        for router in routers:
            await router.aclose()
    assert [5.0, 5.0] in weights
    assert weights[-1][0] == weights[-1][1] < 5 + 16 - 2 * 6 + 1
    assert stored.head(Head.QUALITY).statistics(0).weight == pytest.approx(weights[-1][0])


async def worth(router: Router) -> float:
    """What the ratings of a model are worth together."""
    return (await router.open()).learner.models.head(Head.QUALITY).statistics(0).weight
