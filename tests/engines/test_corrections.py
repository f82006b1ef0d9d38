"""A rating that is corrected late counts as what it corrects does by then, in memory as in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.list_prices import log_price_change
from conduit.bandits.models import ArmModels
from conduit.bandits.vigilance import Vigilance
from conduit.core.arms import Arm, Price
from conduit.core.clocks import ManualClock
from conduit.core.decisions import Decision
from conduit.core.outcomes import Head, Signal
from conduit.core.ports import Store
from conduit.core.statistics import LearnedState, SufficientStatistics
from conduit.engines.learner import Learner
from conduit.engines.router import Router
from conduit.stores.delta import possible
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from tests.bandits.builders import priced
from tests.engines.builders import EQUAL, router_of
from tests.stores.builders import DIM, LAYOUT, a_decision, an_observation
from tests.stores.conftest import new_database

ARM = "changes"
WATCHFUL = Vigilance(threshold=3.0, least=4.0, kept=2.0)
HEADS = {Signal.RATING: Head.QUALITY, Signal.COST: Head.LOG_COST}


def learner_of(store: Store) -> Learner:
    """A learner of one arm that is quick to suspect a change."""

    def build(arms: Sequence[Arm], state: LearnedState, before: ArmModels | None) -> ArmModels:
        statistics = state.statistics
        options: dict[str, Any] = {"vigilance": WATCHFUL, "before": before}
        return ArmModels(arms, dim=DIM, statistics=statistics, **options)

    return Learner(store, arms=priced(ARM), build=build, layout=LAYOUT, clock=ManualClock(2e9))


async def reprice(learner: Learner, store: Store, price: float) -> None:
    """What a swap does to the learner and to the store."""
    (arm,) = learner.models.arms
    new = Arm(id=ARM, provider="acme", price=Price(input=price, output=4 * price))
    by = log_price_change(arm.price, new.price)
    async with learner.quiet.kept():
        built = await learner.built([new], dearer={ARM: by})
        await store.shift(ARM, Head.LOG_COST, by=by)
        learner.adopt(built)


async def assert_as_stored(learner: Learner) -> None:
    """What is in memory is what the store would make anew: sums that some observations have."""
    stored = (await learner.built(learner.models.arms)).models
    for head in HEADS.values():
        ours, theirs = (it.head(head).statistics(0) for it in (learner.models, stored))
        assert possible(ours), head
        np.testing.assert_allclose(ours.A, theirs.A, atol=1e-8)
        np.testing.assert_allclose(ours.b, theirs.b, atol=1e-8)
        assert (ours.yy, ours.weight) == pytest.approx((theirs.yy, theirs.weight))


def with_bias(decision: Decision) -> Decision:
    """The decision, with a context that begins with 1."""
    context = np.concatenate([np.ones(1, np.float32), decision.features.context[1:]])
    return replace(decision, features=replace(decision.features, context=context))


STEP = st.one_of(
    st.tuples(st.just("say"), st.integers(0, 11), st.sampled_from([0.0, 0.1, 0.9, 1.0])),
    st.tuples(st.just("notice"), st.integers(0, 11), st.sampled_from([-9.0, -5.0, -4.9])),
    st.tuples(st.just("reprice"), st.just(0), st.sampled_from([0.1, 1.0, 30.0])),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEP, max_size=40))
async def test_memory_and_store_agree_whatever_is_said_corrected_discounted_and_repriced(
    steps: list[tuple[str, int, float]],
) -> None:
    """After every step the models hold what would be built anew, and nothing that is impossible."""
    store = MemoryStore(clock=ManualClock(2e9))
    learner = learner_of(store)
    for number in range(12):
        await learner.record(with_bias(a_decision(number, arms=(ARM,))))
    for what, number, value in steps:
        if what == "reprice":
            await reprice(learner, store, value)
        elif what == "say":
            await learner.learn([an_observation(number, value, arm=ARM)])
        else:
            cost = {"signal": Signal.COST, "head": Head.LOG_COST}
            await learner.notice([an_observation(number, value, arm=ARM, **cost)])
        await assert_as_stored(learner)


@pytest.mark.parametrize("where", ["memory", "file"])
async def test_old_ratings_of_a_model_that_has_changed_may_be_corrected(
    tmp_path: Path, where: str
) -> None:
    """Sixty late corrections of what a discount has left little of move the model a little."""
    file = where == "file"
    store: Store = SQLStore(new_database(tmp_path / "c.db")) if file else MemoryStore()
    async with router_of(*EQUAL, store=store, seed=0) as router:
        early = [await rated(router, 0.9) for _ in range(60)]
        for _ in range(8):
            await rated(router, 0.2)
        assert (await sums(router)).weight < 10
        for decision_id in early:
            await router.feedback(decision_id, quality_score=0.4)
        engine = await router.open()
        if file:
            await engine.replica.look()
        memory = await sums(router)
        await engine.learner.refresh()
        stored = await sums(router)
    assert possible(memory)
    assert (memory.yy, memory.b[0]) == pytest.approx((stored.yy, stored.b[0]))
    assert 0.2 < memory.b[0] / memory.weight < 0.4


async def rated(router: Router, score: float) -> str:
    """The id of a decision that was rated so."""
    decision = await router.route("hello", models=["poet"])
    await router.feedback(decision.id, quality_score=score)
    return decision.id


async def sums(router: Router) -> SufficientStatistics:
    """What is known of the quality of the model that was rated."""
    return (await router.open()).learner.models.head(Head.QUALITY).statistics(0)
