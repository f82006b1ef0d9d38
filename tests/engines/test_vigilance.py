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
