"""From a router's store to what another policy would have done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conduit.bandits.policies import policy_named, policy_names
from conduit.core.clocks import ManualClock
from conduit.core.errors import InvalidInputError
from conduit.core.models import OptimizeFor, Preferences, Query
from conduit.engines.log_reading import ordinary_call, read_log
from conduit.engines.router import Router
from conduit.evaluation.knowledge import Rates
from conduit.evaluation.off_policy import Estimate, Method, estimate
from conduit.evaluation.rule_replay import replayed
from conduit.evaluation.trade_off import TradeOff
from conduit.stores.memory import MemoryStore
from tests.engines.builders import CHEAP, CODE, DEAR, VERSE, labelled_queries, router_of

PROMPTS = [*VERSE, *CODE] * 12


async def use(router: Router) -> None:
    """Have every prompt answered and rated; the dear model is a little better."""
    for prompt in PROMPTS:
        response = await router.complete(prompt)
        await router.feedback(
            response.decision_id, quality_score=0.9 if response.model == "dear" else 0.7
        )


async def test_what_a_router_did_can_be_read_back() -> None:
    """Every answered prompt is a row with its true propensity, rating and cost."""
    store = MemoryStore()
    async with router_of(store=store, seed=3) as router:
        await use(router)
        await router.route("never answered")
        await router.route("forced", models=["dear"])
        frame = await read_log(store)
    assert frame.decisions == len(PROMPTS) + 2
    assert frame.excluded == {"forced": 1}
    log = frame.log
    assert int(np.isfinite(log.quality).sum()) == len(PROMPTS)
    assert int(np.isfinite(log.cost).sum()) == len(PROMPTS)
    rated = np.isfinite(log.quality)
    dear = np.array(log.arms)[log.chosen] == "dear"
    np.testing.assert_allclose(log.quality[rated], np.where(dear, 0.9, 0.7)[rated])


@pytest.mark.parametrize("budget", [None, 2e-3])
@pytest.mark.parametrize("name", [it for it in policy_names() if it != "rated_thompson"])
async def test_the_logged_rule_replays_as_itself(name: str, budget: float | None) -> None:
    """At the exchange rates on record, every policy that can be asked about is what its log says.

    Not ``rated_thompson``: how hard a prompt was is not in the log.
    """
    store = MemoryStore()
    options = {"policy": name, "budget": budget, "neighbours": labelled_queries("cheap", "dear")}
    async with router_of(store=store, seed=3, **options) as router:
        await use(router)
        frame = await read_log(store)
    policy = policy_named(name, models=frame.log.arms)
    again = replayed(frame, policy, tiers={"cheap": 1, "dear": 1})
    np.testing.assert_allclose(again, frame.log.propensity, atol=1e-9)


async def test_a_log_of_a_quality_target_replays_as_itself() -> None:
    """Under a target nobody weighs cost twice, and what it asked beside the rule is on record."""
    store = MemoryStore()
    async with router_of(store=store, seed=3, policy="thompson", quality_target=0.95) as router:
        await use(router)
        frame = await read_log(store)
    assert (frame.knowledge.rates.price_of_money > 0).any()
    assert (frame.knowledge.probed > 0).any()
    again = replayed(frame, policy_named("thompson", models=frame.log.arms))
    np.testing.assert_allclose(again, frame.log.propensity, atol=1e-9)


@pytest.mark.parametrize("name", ["thompson", "squarecb", "ucb1"])
async def test_a_log_of_evidence_that_fades_replays_as_itself(name: str) -> None:
    """What ratings were worth is on record: they fade, and what a rule makes of them goes by that."""
    store, clock = MemoryStore(), ManualClock(1e9)
    async with router_of(store=store, seed=3, policy=name, half_life=60.0, clock=clock) as router:
        for prompt in PROMPTS:
            clock.advance(20.0)
            response = await router.complete(prompt)
            await router.feedback(response.decision_id, quality_score=0.8)
        frame = await read_log(store)
    again = replayed(frame, policy_named(name, models=frame.log.arms))
    np.testing.assert_allclose(again, frame.log.propensity, atol=1e-9)


@pytest.mark.parametrize("goal", [{}, {"budget": 2e-3}, {"quality_target": 0.95}])
async def test_queries_with_presets_of_their_own_replay_as_themselves(
    goal: dict[str, float],
) -> None:
    """Each decision is replayed with the preset that its query brought, unless another is asked for."""
    store = MemoryStore()
    async with router_of(store=store, seed=3, policy="thompson", **goal) as router:
        await use(router)
        for number, wanted in enumerate([*OptimizeFor] * 8):
            await router.complete(
                Query(text=f"ballad {number}", preferences=Preferences(optimize_for=wanted))
            )
        frame = await read_log(store)
    policy = policy_named("thompson", models=frame.log.arms)
    np.testing.assert_allclose(replayed(frame, policy), frame.log.propensity, atol=1e-9)
    otherwise = replayed(frame, policy, TradeOff(optimize_for=OptimizeFor.COST))
    assert np.abs(otherwise - frame.log.propensity).max() > 0.01


async def test_a_log_without_rates_is_replayed_in_todays_units() -> None:
    """In the units of routing, the replay of an older log is close to the logged propensities."""
    store = MemoryStore()
    async with router_of(store=store, seed=3) as router:
        await use(router)
        frame, state = await read_log(store), await store.load()
    unit = ordinary_call(state, (CHEAP, DEAR), baseline=DEAR)
    assert unit is not None
    trade_off = TradeOff(unit_cost=unit.cost, unit_latency=unit.latency)
    policy = policy_named("thompson", models=frame.log.arms)
    older = replace(frame, knowledge=replace(frame.knowledge, rates=Rates.unknown(len(frame.log))))
    settled = slice(len(frame.log) // 2, None)
    again = replayed(older, policy, trade_off)[settled]
    assert np.abs(again - frame.log.propensity[settled]).mean() < 0.05


async def test_a_what_if_is_answered_from_what_a_router_logged() -> None:
    """A log with a generous floor tells what always taking one model gives: here it is known."""
    store = MemoryStore()
    async with router_of(store=store, seed=3, policy="random") as router:
        await use(router)
        frame = await read_log(store)
    dear = replayed(frame, policy_named("fixed:dear", models=frame.log.arms))
    for method in Method:
        answer = estimate(frame.log, dear, method=method)
        assert isinstance(answer, Estimate)
        assert answer.low - 1e-9 <= 0.9 <= answer.high + 1e-9


async def test_without_decisions_there_is_nothing_to_ask() -> None:
    """An empty store has an empty log, and no units."""
    store = MemoryStore()
    with pytest.raises(InvalidInputError, match="the log is empty"):
        await read_log(store)
    assert ordinary_call(await store.load(), (CHEAP,), baseline=CHEAP) is None
