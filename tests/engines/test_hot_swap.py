"""Models that come, go and change their price while a router runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conduit.budgets.ledger import Ledger
from conduit.core.arms import Arm, Price
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.decisions import Decision
from conduit.core.errors import (
    ConduitError,
    InvalidInputError,
    StoreError,
    UnknownModelError,
    UnknownPriceError,
)
from conduit.core.outcomes import Head, ModelReply, ModelRequest
from conduit.core.ports import Store
from conduit.core.sharing import Edit, Json
from conduit.core.statistics import LearnedState
from conduit.engines.router import Router
from conduit.engines.shared_portfolio import PORTFOLIO
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from tests.engines.builders import CHEAP, DEAR, labelled_queries, router_of

NEW = Arm(id="new", provider="local", price=Price(input=1.0, output=5.0))
HALF = Price(input=1.5, output=7.5)
TOTAL = Window(Period.TOTAL)


async def rate(router: Router, model: str, quality: float, *, times: int = 10) -> None:
    """Have a model answer and be rated."""
    for turn in range(times):
        decision = await router.route(f"question {turn}", models=[model])
        await router.feedback(decision.id, quality_score=quality, output_tokens=100)


class Held(ScriptedProvider):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__("an answer")
        self.asked, self.let_go = asyncio.Event(), asyncio.Event()

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.set()
        await self.let_go.wait()
        return await super().complete(request)


async def test_a_model_that_is_added_can_be_chosen_at_once() -> None:
    """The next decision counts it among the arms, as does everybody who asks."""
    async with router_of() as router:
        assert await router.add_model(NEW) == NEW
        decision = await router.route("hello")
        assert set(decision.probabilities) == {"cheap", "dear", "new"}
        assert decision.probabilities["new"] > 0
        assert (await router.complete("hello", models=["new"])).model == "new"
        assert router.arms == (CHEAP, DEAR, NEW)
    assert router.arms == (CHEAP, DEAR, NEW)


async def test_a_model_that_is_removed_is_not_chosen_again() -> None:
    """No probability, no fallback, no estimate: it is gone from the next decision on."""
    async with router_of(CHEAP, DEAR, NEW) as router:
        assert await router.remove_model("dear") == DEAR
        for _ in range(20):
            decision = await router.route("hello")
            assert set(decision.probabilities) == set(decision.estimates) == {"cheap", "new"}
            assert "dear" not in decision.fallback_chain
        with pytest.raises(UnknownModelError, match="choose one of: cheap, new"):
            await router.route("hello", models=["dear"])
        assert router.arms == (CHEAP, NEW)


async def test_what_was_learned_of_a_model_outlives_its_removal(tmp_path: Path) -> None:
    """Added again by its id alone, it is expected to be as good and as dear as before."""
    for store in (MemoryStore(), SQLStore(tmp_path / "conduit.db")):
        async with router_of(store=store) as router:
            await rate(router, "dear", 0.3)
            await rate(router, "cheap", 0.6)
            before = (await router.route("hello")).estimates["dear"]
            await router.remove_model("dear")
            assert await router.add_model("dear") == DEAR
            after = (await router.route("hello")).estimates["dear"]
        assert after.observations == before.observations == 10
        assert after.mean == pytest.approx(before.mean, abs=0.02)
        assert after.cost == pytest.approx(before.cost, rel=0.05)


async def test_a_model_returns_at_the_price_it_is_given() -> None:
    """What was paid before its removal counts as if it had been paid at the new price."""
    client = ScriptedProvider(lambda _: ModelReply(text="ok", cost=0.02))
    async with router_of(client=client) as router:
        for _ in range(20):
            await router.complete("hello", models=["dear"])
        before = (await router.route("hello")).estimates["dear"].cost
        await router.remove_model("dear")
        await router.add_model(replace(DEAR, price=HALF))
        after = (await router.route("hello")).estimates["dear"].cost
    assert after == pytest.approx(before / 2, rel=0.02)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_removed_model_is_known_by_its_id_after_a_restart(
    tmp_path: Path, kind: str
) -> None:
    """Configured or added, at the price it had last, though no catalogue has heard of it."""
    memory = MemoryStore()

    def store() -> Store:
        return memory if kind == "memory" else SQLStore(tmp_path / "conduit.db")

    async with router_of(store=store()) as router:
        await router.add_model(NEW)
        await router.set_price("dear", HALF)
        for model in ("dear", "new"):
            await router.remove_model(model)
    async with router_of(store=store()) as router:
        assert router.arms == (CHEAP,)
        assert await router.add_model("dear") == replace(DEAR, price=HALF)
        assert await router.add_model("new") == NEW
    async with router_of(store=store()) as router:
        assert {arm.id: arm.price for arm in router.arms} == {
            "cheap": CHEAP.price,
            "dear": HALF,
            "new": NEW.price,
        }


async def test_a_model_that_an_earlier_version_removed_is_known_as_it_is_configured() -> None:
    """Where nothing but its id was recorded, the configuration says what it is."""
    store = MemoryStore()
    edit = Edit(at=0.0, actor="admin", action="remove_model", subject="dear")
    removed: Json = {"added": [], "removed": ["dear", "other"], "prices": {}}
    await store.put_document(PORTFOLIO, removed, expected=0, edit=edit)
    async with router_of(store=store) as router:
        assert await router.add_model("dear") == DEAR
        with pytest.raises(UnknownModelError, match="other"):
            await router.add_model("other")


async def test_a_model_that_returns_after_a_restart_costs_what_its_new_price_says() -> None:
    """What was paid counts as paid at the price it had when it was removed, as the edits recorded it."""
    client = ScriptedProvider(lambda _: ModelReply(text="ok", cost=0.02))
    store = MemoryStore()
    async with router_of(client=client, store=store) as router:
        for _ in range(20):
            await router.complete("hello", models=["dear"])
        before = (await router.route("hello")).estimates["dear"].cost
        await router.set_price("dear", HALF)
        await router.remove_model("dear")
    async with router_of(client=client, store=store) as router:
        await router.add_model(DEAR)
        after = (await router.route("hello")).estimates["dear"].cost
    assert after == pytest.approx(before, rel=0.02)


async def test_a_new_price_holds_from_the_next_decision_on() -> None:
    """Where cost is expected from tokens, half the price is half the cost, and it is billed."""
    async with router_of() as router:
        await rate(router, "dear", 0.9)
        before = await router.route("hello")
        assert (await router.set_price("dear", HALF)).price == HALF
        after = await router.route("hello")
        # Priors are chosen anew by evidence, as at every rebuild: hence a few percent.
        for model, factor in (("dear", 0.5), ("cheap", 1.0)):
            expected = factor * before.estimates[model].cost
            assert after.estimates[model].cost == pytest.approx(expected, rel=0.05)
        response = await router.complete("hello", models=["dear"])
        assert response.cost == pytest.approx(
            HALF.cost(
                input_tokens=response.input_tokens or 0, output_tokens=response.output_tokens or 0
            )
        )


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_cost_learned_as_it_was_paid_follows_the_price_and_lasts(
    tmp_path: Path, kind: str
) -> None:
    """Costs told without tokens shift with the price, here and in what the store keeps."""
    memory = MemoryStore()
    client = ScriptedProvider(lambda _: ModelReply(text="ok", cost=0.02))

    def store() -> Store:
        return memory if kind == "memory" else SQLStore(tmp_path / "conduit.db")

    async with router_of(client=client, store=store()) as router:
        for _ in range(20):
            await router.complete("hello", models=["dear"])
        before = (await router.route("hello")).estimates["dear"].cost
        await router.set_price("dear", HALF)
        after = (await router.route("hello")).estimates["dear"].cost
    assert after == pytest.approx(before / 2, rel=0.02)
    async with router_of(CHEAP, replace(DEAR, price=HALF), store=store()) as router:
        assert (await router.route("hello")).estimates["dear"].cost == pytest.approx(after)


async def test_a_price_is_made_whole_though_who_set_it_has_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cancelled once the store has the price, its past costs are shifted to it, and it is in effect."""
    client = ScriptedProvider(lambda _: ModelReply(text="ok", cost=0.02))
    put, said, go_on = MemoryStore.put_document, asyncio.Event(), asyncio.Event()

    async def slow(store: MemoryStore, *given: Any, **named: Any) -> bool:
        done = await put(store, *given, **named)
        said.set()
        await go_on.wait()
        return done

    store = MemoryStore()
    async with router_of(client=client, store=store) as router:
        for _ in range(20):
            await router.complete("hello", models=["dear"])
        key = ("dear", Head.LOG_COST.value)
        before = (await store.load()).statistics[key]
        monkeypatch.setattr(MemoryStore, "put_document", slow)
        setting = asyncio.create_task(router.set_price("dear", HALF))
        await said.wait()
        setting.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await setting
        after = (await store.load()).statistics[key]
        assert router.arms == (CHEAP, replace(DEAR, price=HALF))
        known = (await router.open()).learner.models.head(Head.LOG_COST).statistics(1)
    np.testing.assert_allclose(after.b, before.b - np.log(2) * before.A[0], atol=1e-9)
    np.testing.assert_allclose(known.b, after.b, atol=1e-9)


async def test_a_call_under_way_is_finished_and_learned_from() -> None:
    """A model removed during its call answers, is paid and rated, and has learned on its return."""
    client, store = Held(), MemoryStore()
    async with router_of(client=client, store=store, policy="fixed:cheap") as router:
        call = asyncio.create_task(router.complete("hello", models=["dear"]))
        await client.asked.wait()
        await router.remove_model("dear")
        client.let_go.set()
        response = await call
        assert (response.model, response.text) == ("dear", "an answer")
        assert response.cost > 0
        (change,) = await router.feedback(response.decision_id, rating=5)
        assert change.observation.arm == "dear"
        await router.add_model("dear")
        learned = (await router.route("hello")).estimates["dear"]
    assert learned.observations == 1


async def test_a_call_is_paid_at_the_price_it_was_decided_at() -> None:
    """A price that changes during a call is that of the next one, savings included."""
    client = Held()
    async with router_of(client=client, baseline="dear") as router:
        call = asyncio.create_task(router.complete("hello", models=["cheap"]))
        await client.asked.wait()
        await router.set_price("cheap", Price(input=50.0, output=50.0))
        await router.set_price("dear", Price(input=0.0, output=0.0))
        client.let_go.set()
        response = await call
    tokens = {
        "input_tokens": response.input_tokens or 0,
        "output_tokens": response.output_tokens or 0,
    }
    assert CHEAP.price is not None
    assert DEAR.price is not None
    assert response.cost == pytest.approx(CHEAP.price.cost(**tokens))
    assert response.base_cost == pytest.approx(DEAR.price.cost(**tokens))


async def test_the_baseline_stays_what_savings_are_measured_against() -> None:
    """Removed, it remains the reference; repriced, it is the reference at its new price."""
    async with router_of(CHEAP, DEAR, NEW, baseline="dear") as router:
        await router.set_price("dear", HALF)
        await router.remove_model("dear")
        response = await router.complete("hello")
        assert router.baseline == replace(DEAR, price=HALF)
    assert response.base_model == "dear"
    assert response.base_cost == pytest.approx(
        HALF.cost(
            input_tokens=response.input_tokens or 0, output_tokens=response.output_tokens or 0
        )
    )


async def test_a_baseline_that_becomes_free_gives_way_to_the_dearest() -> None:
    """Savings against nothing mean nothing, and no unit of cost is zero."""
    async with router_of(CHEAP, DEAR, NEW, baseline="dear") as router:
        await router.set_price("dear", Price(input=0.0, output=0.0))
        assert router.baseline == NEW
        assert (await router.route("hello")).probabilities["dear"] > 0.5


async def test_pacer_and_random_draws_go_on_where_they_were() -> None:
    """A router that swapped a model in and out draws and paces as one that never did."""
    runs: list[list[Decision]] = []
    pacers = []
    for swaps in (False, True):
        async with router_of(budget=0.002, seed=3) as router:
            found = []
            for turn in range(60):
                if swaps and turn % 20 == 10:
                    await router.add_model(NEW)
                    await router.remove_model("new")
                found.append(await router.route(f"question {turn}"))
            runs.append(found)
            pacers.append((await router.open()).decider.steering)
    assert [d.selected_model for d in runs[0]] == [d.selected_model for d in runs[1]]
    assert pacers[0] == pacers[1]


async def test_what_is_learned_during_a_swap_is_neither_lost_nor_counted_twice(
    tmp_path: Path,
) -> None:
    """Feedback and swaps at once: afterwards memory holds just what the store does."""
    for store in (MemoryStore(), SQLStore(tmp_path / "conduit.db")):
        async with router_of(CHEAP, DEAR, NEW, store=store) as router:
            decisions = [await router.route(f"question {n}") for n in range(60)]

            async def swap(router: Router = router) -> None:
                for _ in range(5):
                    await router.remove_model("new")
                    await router.set_price("dear", HALF)
                    await router.add_model("new")

            rated = (router.feedback(d.id, quality_score=0.5, latency=1.0) for d in decisions)
            await asyncio.gather(swap(), *rated)
            models = (await router.open()).learner.models
            state = await store.load()
            for head in (Head.QUALITY, Head.LOG_LATENCY):
                assert models.head(head).counts.sum() == 60
                for k, arm in enumerate(models.arms):
                    if (sums := state.statistics.get((arm.id, head.value))) is not None:
                        known = models.head(head).statistics(k)
                        np.testing.assert_allclose(known.b, sums.b, atol=1e-9)
                        assert known.count == sums.count


async def test_decisions_during_swaps_see_one_portfolio_or_another() -> None:
    """No decision mixes arms: probabilities and estimates name the same models, and sum to 1."""
    async with router_of() as router:

        async def swap() -> None:
            for _ in range(10):
                await router.add_model(NEW)
                await router.remove_model("new")

        routed = (router.complete(f"question {n}") for n in range(40))
        _, *responses = await asyncio.gather(swap(), *routed)
        engine = await router.open()
        for response in responses:
            assert response is not None
            decision = await engine.learner.decision(response.decision_id)
            assert set(decision.probabilities) == set(decision.estimates)
            assert sum(decision.probabilities.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("removed", [False, True])
async def test_a_budget_that_is_read_during_a_swap_holds_for_the_new_models(
    monkeypatch: pytest.MonkeyPatch, removed: bool
) -> None:
    """However long the store takes, each model is bounded by its own budget and by no other's."""
    store, reading, read = MemoryStore(), asyncio.Event(), asyncio.Event()
    spends = MemoryStore.spends

    async def slow(store: MemoryStore, *given: Any, **named: Any) -> Any:
        reading.set()
        await read.wait()
        return await spends(store, *given, **named)

    await Ledger(store).set_budget(Scope(ScopeKind.MODEL, "dear"), TOTAL, 0.0, actor="admin")
    async with router_of(CHEAP, DEAR, store=store, policy="random") as router:
        monkeypatch.setattr(MemoryStore, "spends", slow)
        deciding = asyncio.create_task(router.route("hello"))
        await reading.wait()
        if removed:
            await router.remove_model("cheap")
        await router.add_model(NEW)
        read.set()
        decision = await deciding
    others = {"new": 1.0} if removed else {"cheap": 0.5, "new": 0.5}
    assert decision.probabilities == {"dear": 0.0, **others}


async def test_a_model_of_the_catalogue_is_added_by_name() -> None:
    """Its price is the catalogue's; an unknown name and an unpriced arm are errors."""
    router = Router(["gpt-4o-mini", "gpt-4o"], encoder="hashing", settings=Settings())
    async with router:
        arm = await router.add_model("gpt-oss-20b")
        assert arm.price is not None
        assert router.arms[-1] == arm
        assert "gpt-oss-20b" in (await router.route("hello")).probabilities
        with pytest.raises(UnknownModelError):
            await router.add_model("nope")
        with pytest.raises(UnknownPriceError, match="input_price"):
            await router.add_model(Arm(id="mine", provider="openai"))
        assert len(router.arms) == 3


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (("add_model", CHEAP), InvalidInputError, "'cheap' is there already; .*set_price"),
        (("remove_model", "nope"), UnknownModelError, "choose one of: cheap, dear"),
        (("set_price", "nope", HALF), UnknownModelError, "choose one of: cheap, dear"),
        (("set_price", "dear", Price(input=-1, output=1)), InvalidInputError, "input price"),
        (("set_price", "dear", Price(input=1, output=float("nan"))), InvalidInputError, "output"),
        (("remove_model", "dear"), InvalidInputError, "policy 'fixed:dear' needs 'dear'"),
    ],
)
async def test_a_change_that_cannot_be_made_changes_nothing(
    change: tuple[Any, ...], error: type[ConduitError], says: str
) -> None:
    """One line that names the value and the remedy; arms, prices and estimates stay."""
    async with router_of(policy="fixed:dear") as router:
        before = await router.route("hello")
        with pytest.raises(error, match=says):
            await getattr(router, change[0])(*change[1:])
        assert router.arms == (CHEAP, DEAR)
        assert (await router.route("hello")).estimates == before.estimates


async def test_the_last_model_stays() -> None:
    """There is always one to choose; the error says what to do first."""
    async with router_of(CHEAP) as router:
        with pytest.raises(InvalidInputError, match="'cheap' is the only one; add another"):
            await router.remove_model("cheap")
        assert (await router.route("hello")).selected_model == "cheap"


class Failing(MemoryStore):
    """Cannot be read any more, once told so."""

    broken = False

    async def load(self) -> LearnedState:
        if self.broken:
            raise StoreError("the disk is gone", remedy="mount it")
        return await super().load()


async def test_a_store_that_fails_leaves_everything_as_it_was() -> None:
    """The swap is refused, and decisions and feedback go on with the old arms."""
    store = Failing()
    async with router_of(store=store) as router:
        store.broken = True
        for change in (
            router.add_model(NEW),
            router.remove_model("dear"),
            router.set_price("dear", HALF),
        ):
            with pytest.raises(StoreError):
                await change
        assert router.arms == (CHEAP, DEAR)
        decision = await router.route("hello")
        assert await router.feedback(decision.id, rating=4)
        store.broken = False


async def test_labelled_queries_bound_which_models_may_join() -> None:
    """With knn, a model without labels is refused, and one with labels is expected by them."""
    labelled = labelled_queries("cheap", "dear", "new")
    async with router_of(policy="knn", neighbours=labelled) as router:
        with pytest.raises(InvalidInputError, match="no labelled queries for 'odd'"):
            await router.add_model(replace(NEW, id="odd"))
        assert router.arms == (CHEAP, DEAR)
        await router.add_model(NEW)
        assert (await router.route("autumn ballad")).estimates["new"].observations == 5
        await router.remove_model("cheap")
        assert set((await router.route("autumn ballad")).estimates) == {"dear", "new"}


async def test_a_closed_router_changes_no_more() -> None:
    """Add, remove and reprice say that it is closed."""
    router = router_of()
    await router.aclose()
    for change in (
        router.add_model(NEW),
        router.remove_model("dear"),
        router.set_price("dear", HALF),
    ):
        with pytest.raises(ConduitError, match="closed"):
            await change


async def test_a_router_by_labels_begins_without_models_that_others_added(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A model without labels, added by another router on the same store, is left out with a warning."""
    store = MemoryStore()
    async with router_of(store=store) as other:
        await other.add_model(Arm(id="odd", provider="x", price=Price(input=1.0, output=1.0)))
        labelled = labelled_queries("cheap", "dear")
        async with router_of(policy="knn", neighbours=labelled, store=store) as router:
            assert {arm.id for arm in router.arms} == {"cheap", "dear"}
            assert (await router.route("hello")).selected_model in {"cheap", "dear"}
    assert "no labelled queries for 'odd'" in caplog.text


async def test_a_target_of_quality_is_kept_when_one_model_takes_the_place_of_another() -> None:
    """Right after a swap a target of 95% of .9 still has most prompts asked at the best model."""
    quality = {"cheap": 0.5, "mid": 0.7, "best": 0.9, "new": 0.6}
    prices = {"cheap": 0.05, "mid": 0.5, "best": 5.0, "new": 0.02}
    arms = [
        Arm(id=n, provider="local", price=Price(input=p, output=4 * p)) for n, p in prices.items()
    ]
    rng = np.random.default_rng(0)
    async with router_of(*arms, quality_target=0.95, seed=0) as router:

        async def served(models: list[str] | None = None) -> float:
            decision = await router.route("hello", models=models)
            mean = quality[decision.selected_model]
            score = min(max(mean + 0.05 * rng.standard_normal(), 0.0), 1.0)
            await router.feedback(decision.id, quality_score=score)
            return mean

        for _ in range(40):
            await served(["new"])
        await router.remove_model("new")
        for _ in range(300):
            await served()
        await router.add_model("new")
        await router.remove_model("cheap")
        after = [await served() for _ in range(100)]
    assert np.mean(after) > 0.82
