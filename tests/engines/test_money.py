"""Money in the engine: every attempt is paid once, and budgets press before they bite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conduit.budgets.arrears import Arrears
from conduit.budgets.ledger import Ledger
from conduit.budgets.quotes import quote_for
from conduit.budgets.standings import Standings
from conduit.core.arms import Arm, Price
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.clocks import ManualClock
from conduit.core.costs import CostFilter, CostKind, CostRecord
from conduit.core.errors import (
    BudgetExceededError,
    ConfigurationError,
    FailureKind,
    InvalidInputError,
    ReservationTimeoutError,
    StoreError,
)
from conduit.core.models import Query
from conduit.core.outcomes import Execution, ModelReply, ModelRequest
from conduit.core.sharing import Folded
from conduit.engines import learner
from conduit.engines.ledger_till import LedgerTill
from conduit.engines.router import Router
from conduit.providers.scripted import ScriptedProvider
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from conduit.stores.supabase import SupabaseStore
from tests.engines.builders import CHEAP, DEAR, router_of

NOW = 1_763_700_000.0
ANNA, TEAM = Scope(ScopeKind.USER, "anna"), Scope(ScopeKind.TEAM, "blue")
TOTAL = Window(Period.TOTAL)
REQUEST = ModelRequest(arm=DEAR, text="hello", max_tokens=1000)
UNPRICED = Arm(id="recorded", provider="data")
FREE = Price(input=0, output=0)


class World:
    """A ledger over memory, and tills on it."""

    def __init__(self, *, patience: float = 0.01) -> None:
        self.clock = ManualClock(NOW)
        self.store = MemoryStore(clock=self.clock)
        self.ledger = Ledger(self.store, clock=self.clock)
        self.standings = Standings(self.ledger, clock=self.clock)
        self.arrears = Arrears()
        self.patience = patience

    def till(self, *scopes: Scope) -> LedgerTill:
        return LedgerTill(
            ledger=self.ledger,
            arrears=self.arrears,
            standings=self.standings,
            scopes=scopes or (ANNA, TEAM),
            baseline=DEAR,
            patience=self.patience,
        )

    async def limit(self, usd: float, scope: Scope = ANNA) -> None:
        await self.ledger.set_budget(scope, TOTAL, usd, actor="admin")

    async def figures(self) -> list[tuple[float, float]]:
        await self.arrears.settle_up()
        return [(it.settled, it.reserved) for it in await self.ledger.standing()]

    async def records(self) -> tuple[CostRecord, ...]:
        return (await self.ledger.records()).records


def execution(cost: float, **more: object) -> Execution:
    known: dict[str, object] = {"arm": DEAR.id, "failure": None, "finish_reason": "stop"}
    known |= {"input_tokens": 10, "output_tokens": 20, "latency": None, "started_at": NOW}
    return Execution(decision_id="d", attempt=1, cost=cost, **(known | more))  # type: ignore[arg-type]


def estimate(request: ModelRequest = REQUEST) -> float:
    quote = quote_for(request)
    assert quote is not None
    return quote.estimate


async def test_an_attempt_sets_its_upper_estimate_aside_and_settles_its_cost() -> None:
    """On the accounts named and on its model's; one record says all of it."""
    world = World()
    await world.limit(1.0)
    await world.limit(2.0, Scope(ScopeKind.MODEL, "dear"))
    purse = await world.till().open(REQUEST, decision_id="d")
    assert purse.request == REQUEST
    for _, reserved in await world.figures():
        assert reserved == pytest.approx(estimate(), abs=1e-9)
    await purse.settle(execution(0.125))
    assert await world.figures() == [(0.125, 0.0)] * 2
    (record,) = await world.records()
    assert record == CostRecord(
        id=record.id,
        at=NOW,
        kind=CostKind.ANSWER,
        model="dear",
        provider="other",
        cost=0.125,
        base_cost=0.125,
        input_tokens=10,
        output_tokens=20,
        user="anna",
        team="blue",
        decision_id="d",
    )


async def test_savings_are_against_the_same_tokens_at_the_baseline() -> None:
    """And none is claimed where nobody counted them."""
    world = World()
    cheap = replace(REQUEST, arm=CHEAP)
    for tokens in (20, None):
        purse = await world.till().open(cheap, decision_id="d")
        await purse.settle(execution(0.001, arm="cheap", output_tokens=tokens))
    base = {record.base_cost for record in await world.records()}
    assert base == {0.001, 0.00033}


class Uncounted(ScriptedProvider):
    """Knows what it costs, and not how many tokens."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The answer."""
        return ModelReply(text="4", cost=0.001)


@pytest.mark.parametrize("client", [ScriptedProvider("4"), Uncounted()], ids=["counted", "not"])
async def test_a_response_and_the_books_tell_the_same_savings(client: ScriptedProvider) -> None:
    """Of every answer, whoever counted its tokens."""
    async with router_of(CHEAP, DEAR, client=client) as router:
        said = await router.complete("What is 2+2?", models=["cheap"])
        (record,) = (await (await router.ledger()).records()).records
    assert said.base_model == "dear"
    assert said.saved == pytest.approx(record.base_cost - record.cost, abs=1e-12)


async def test_a_failure_is_paid_if_it_was_billed_and_free_if_not() -> None:
    """A free failure and a call that was never made leave nothing; a billed one saves nothing."""
    world = World()
    await world.limit(1.0)
    failed = {"failure": FailureKind.EMPTY, "finish_reason": None}
    given_up = {"finish_reason": "cancelled"}
    for cost, what in ((0.0, failed), (0.0, given_up), (0.25, failed), (0.125, given_up)):
        purse = await world.till().open(REQUEST, decision_id="d")
        await purse.settle(execution(cost, **what))
    assert await world.figures() == [(0.375, 0.0)]
    kinds = {(it.kind, it.cost, it.base_cost) for it in await world.records()}
    assert kinds == {(CostKind.FAILED, 0.25, 0.0), (CostKind.ANSWER, 0.125, 0.0)}


@pytest.mark.parametrize("arm", [UNPRICED, replace(DEAR, price=FREE), DEAR])
async def test_where_nothing_is_set_aside_the_cost_is_booked(arm: Arm) -> None:
    """Without a price, for a free model, and without a budget: one record each."""
    world = World()
    if arm.price != DEAR.price:
        await world.limit(0.1)
    purse = await world.till().open(replace(REQUEST, arm=arm), decision_id="d")
    assert not world.store._accounts.reservations
    await purse.settle(execution(0.5, arm=arm.id))
    assert [it.cost for it in await world.records()] == [0.5]
    assert await world.figures() == ([(0.5, 0.0)] if arm.price != DEAR.price else [])


@pytest.mark.parametrize("arm", [UNPRICED, DEAR])
async def test_a_call_across_midnight_counts_on_the_day_on_which_it_began(arm: Arm) -> None:
    """In budgets as in reports, whether money was set aside for it or not."""
    world = World()
    await world.ledger.set_budget(ANNA, Window(Period.DAILY), 9.0, actor="admin")
    purse = await world.till().open(replace(REQUEST, arm=arm), decision_id="d")
    began = datetime.fromtimestamp(NOW, UTC).date()
    world.clock.advance(86_400)
    await purse.settle(execution(0.5, arm=arm.id))
    assert await world.figures() == [(0.0, 0.0)]
    (total,) = await world.ledger.report("day")
    assert (total.key, total.cost) == (str(began), 0.5)
    world.clock.advance(-86_400)
    assert await world.figures() == [(0.5, 0.0)]


@pytest.mark.parametrize("arm", [UNPRICED, replace(DEAR, provider="claude-code", price=FREE)])
async def test_costs_known_afterwards_end_with_the_budget(arm: Arm) -> None:
    """What has no list price, but a cost, is not asked once a budget is spent to the last."""
    world = World()
    await world.limit(0.5)
    purse = await world.till().open(replace(REQUEST, arm=arm), decision_id="d")
    await purse.settle(execution(0.5, arm=arm.id))
    with pytest.raises(BudgetExceededError, match="nothing is left"):
        await world.till().open(replace(REQUEST, arm=arm), decision_id="d")
    free = replace(DEAR, provider="lmstudio", price=FREE)
    await world.till().open(replace(REQUEST, arm=free), decision_id="d")


async def test_an_answer_of_no_stated_length_is_cut_to_the_money_left() -> None:
    """And the call may ask for no more than what is set aside pays for."""
    world = World()
    await world.limit(0.02)
    purse = await world.till().open(replace(REQUEST, max_tokens=None), decision_id="d")
    assert purse.request.max_tokens is not None
    assert 0 < purse.request.max_tokens < DEAR.max_output_tokens
    ((_, reserved),) = await world.figures()
    assert reserved == 0.02
    assert estimate(purse.request) <= 0.02


async def test_a_stated_length_is_refused_rather_than_cut() -> None:
    """The error names the budget; without a length the same money would do."""
    world = World()
    await world.limit(0.01)
    with pytest.raises(BudgetExceededError, match=r"user 'anna' is \$0.01"):
        await world.till().open(REQUEST, decision_id="d")
    assert await world.figures() == [(0.0, 0.0)]


async def test_all_attempts_of_a_query_share_one_patience() -> None:
    """Who has waited for one model waits no second time for the next."""
    world = World(patience=0.03)
    await world.limit(0.02)
    await world.ledger.reserve([ANNA], 0.015)
    till, loop = world.till(), asyncio.get_running_loop()
    with pytest.raises(ReservationTimeoutError):
        await till.open(REQUEST, decision_id="d")
    began = loop.time()
    with pytest.raises(ReservationTimeoutError):
        await till.open(REQUEST, decision_id="d")
    assert loop.time() - began < 0.03


async def test_settling_survives_the_task_that_asked_for_it() -> None:
    """Cancelled at its first step, the cost is booked all the same."""
    world = World()
    await world.limit(1.0)
    purse = await world.till().open(REQUEST, decision_id="d")

    class Slow(MemoryStore):
        async def end(self, closing):  # type: ignore[no-untyped-def]
            await asyncio.sleep(0)
            return await world.store.end(closing)

    world.ledger._store = Slow()
    settling = asyncio.create_task(purse.settle(execution(0.25)))
    await asyncio.sleep(0)
    settling.cancel()
    await asyncio.wait([settling])
    await world.arrears.settle_up()
    world.ledger._store = world.store
    assert await world.figures() == [(0.25, 0.0)]
    assert [it.cost for it in await world.records()] == [0.25]


async def test_what_was_set_aside_may_be_gone(caplog: pytest.LogCaptureFixture) -> None:
    """A cost is booked on the same accounts, on record; what cost nothing needs no end."""
    world = World()
    await world.limit(1.0)
    purses = [await world.till().open(REQUEST, decision_id="d") for _ in range(2)]
    await world.ledger.remove_budget(ANNA, TOTAL, actor="admin")
    await world.limit(1.0)
    world.store._accounts.reservations.clear()
    await purses[0].settle(execution(0.25))
    await purses[1].settle(execution(0.0, failure=FailureKind.SERVER))
    assert await world.figures() == [(0.25, 0.0)]
    assert [(it.cost, it.user) for it in await world.records()] == [(0.25, "anna")]
    assert not caplog.records


LITTLE = replace(CHEAP, price=Price(input=0.1, output=1.5))
COST = {"cheap": 0.0009, "dear": 0.009}
LENGTH = 700


def billed(request: ModelRequest) -> ModelReply:
    return ModelReply(text="fine", input_tokens=0, output_tokens=600)


@pytest.fixture
async def router() -> AsyncIterator[Router]:
    """Two models, of which the dear one is known to be much better."""
    clock = ManualClock(NOW)
    made = router_of(LITTLE, DEAR, client=ScriptedProvider(billed), seed=1, clock=clock)
    async with made as router:
        for turn in range(60):
            for arm, quality in (("dear", 0.95), ("cheap", 0.6)):
                decision = await router.route(f"prompt {turn}", models=[arm])
                await router.feedback(decision.id, quality_score=quality, cost=COST[arm])
        yield router


async def spending(router: Router, calls: int) -> list[float]:
    """What each call did cost, until one is refused."""
    costs = []
    for turn in range(calls):
        query = Query(f"question {turn}", max_tokens=LENGTH)  # no user's, so that none is a retry
        try:
            costs.append((await router.complete(query, scopes=[ANNA])).cost)
        except BudgetExceededError:
            break
    return costs


async def test_calls_get_cheaper_well_before_the_limit(router: Router) -> None:
    """Half is spent as ever; then the mean falls, and at the end the cheap model still serves."""
    ledger = await router.ledger()
    await ledger.set_budget(ANNA, TOTAL, 0.4, actor="admin")
    costs = await spending(router, 500)
    half = next(n for n in range(len(costs)) if sum(costs[:n]) > 0.2)
    early, late = costs[:half], costs[half:]
    mean, middle = sum(early) / len(early), late[: len(late) // 2]
    assert mean > 0.8 * COST["dear"]
    assert sum(middle) / len(middle) < 0.5 * mean
    assert set(late[-20:]) == {COST["cheap"]}
    (spend,) = await ledger.standing([ANNA])
    assert 0.395 < spend.settled <= 0.4


async def test_decisions_keep_the_price_that_pressure_added(router: Router) -> None:
    """It is on record with the decision, so that other rules can be asked later."""
    ledger = await router.ledger()
    free = await router.complete(Query("a", user_id="bob"))
    await ledger.set_budget(ANNA, TOTAL, 1.0, actor="admin")
    early = await router.complete(Query("b", user_id="anna", max_tokens=LENGTH))
    made = await ledger.reserve([ANNA], 0.9)
    await ledger.settle(made.id, 0.9)
    await ledger.set_budget(ANNA, TOTAL, 1.0, actor="so that it is looked at")
    late = await router.complete(Query("c", user_id="anna", max_tokens=LENGTH))
    rates = [(await router.decision(it.decision_id)).rates for it in (free, early, late)]
    prices = [0.0 if it is None else it.price_of_money for it in rates]
    assert prices[:2] == [0.0, 0.0]
    assert prices[2] > 0.0


async def test_where_no_budget_applies_decisions_are_what_they_were() -> None:
    """Bit for bit, from the same seed, beside budgets of others and without any."""
    logs = []
    for budgeted in (False, True):
        clock = ManualClock(NOW)
        async with router_of(client=ScriptedProvider(billed), seed=3, clock=clock) as router:
            if budgeted:
                ledger = await router.ledger()
                await ledger.set_budget(Scope(ScopeKind.USER, "bob"), TOTAL, 0.0, actor="admin")
            log = []
            for turn in range(25):
                response = await router.complete(Query(f"question {turn}", user_id="anna"))
                made = await router.decision(response.decision_id)
                log.append((made.probabilities, made.estimates, made.rates, made.selected_model))
            logs.append(log)
    assert logs[0] == logs[1]


async def test_a_budget_that_is_spent_evenly_changes_no_decision() -> None:
    """Applying is not pressing: with money and time enough the propensities are the same."""
    logs = []
    for limit in (None, 100.0):
        clock = ManualClock(NOW)
        async with router_of(client=ScriptedProvider(billed), seed=3, clock=clock) as router:
            if limit is not None:
                await (await router.ledger()).set_budget(ANNA, TOTAL, limit, actor="admin")
            log = []
            for turn in range(10):
                response = await router.complete(Query(f"question {turn}", user_id="anna"))
                made = await router.decision(response.decision_id)
                log.append((made.probabilities, made.rates))
            logs.append(log)
    assert logs[0] == logs[1]


async def test_a_models_own_budget_removes_its_arm_and_presses_on_no_other(
    router: Router,
) -> None:
    """Its share goes to the others before selection, with true propensities."""
    ledger = await router.ledger()
    await ledger.set_budget(Scope(ScopeKind.MODEL, "dear"), TOTAL, 0.0, actor="admin")
    response = await router.complete(Query("a", max_tokens=LENGTH))
    decision = await router.decision(response.decision_id)
    assert (response.model, decision.probabilities["dear"]) == ("cheap", 0.0)
    assert decision.rates is not None
    assert decision.rates.price_of_money == 0.0


async def test_an_empty_budget_refuses_by_its_name_even_when_strict(router: Router) -> None:
    """No constraint was broken: the money is spent, and that is what the caller is told."""
    ledger = await router.ledger()
    await ledger.set_budget(ANNA, TOTAL, 0.0, actor="admin")
    with pytest.raises(BudgetExceededError, match="user 'anna'"):
        await router.complete(Query("a", user_id="anna"), strict=True)


async def test_every_call_is_on_record_once_also_without_a_budget(router: Router) -> None:
    """With the accounts that were named, and the query's user."""
    responses = await asyncio.gather(
        *(router.complete(Query(str(n), user_id="anna"), scopes=[TEAM]) for n in range(12))
    )
    page = await (await router.ledger()).records(CostFilter(only={"team": "blue"}))
    assert {it.decision_id for it in page.records} == {it.decision_id for it in responses}
    assert len(page.records) == 12
    assert sum(it.cost for it in page.records) == pytest.approx(sum(it.cost for it in responses))
    assert {it.user for it in page.records} == {"anna"}


async def test_a_cost_that_a_caller_reports_is_booked_once(router: Router) -> None:
    """The last that was said of a call of the caller's own; those made here are booked already."""
    ledger = await router.ledger()
    await ledger.set_budget(ANNA, TOTAL, 1.0, actor="admin")
    theirs = await router.route(Query("a", user_id="anna"))
    ours = await router.complete(Query("b", user_id="anna", max_tokens=LENGTH))
    for cost in (0.25, 0.25, 0.75, 0.5):
        for decision_id in (theirs.id, ours.decision_id):
            await router.feedback(decision_id, cost=cost)
    page = await ledger.records(CostFilter(only={"user": "anna"}))
    assert {(it.kind, it.cost) for it in page.records} == {
        (CostKind.REPORTED, 0.5),
        (CostKind.ANSWER, ours.cost),
    }
    assert len(page.records) == 2
    (spend,) = await ledger.standing([ANNA])
    assert spend.settled == pytest.approx(0.5 + ours.cost)


async def test_a_goal_ends_with_the_corrected_cost() -> None:
    """A slip that is put right has cost what it is put right to, and nothing else."""
    balances = []
    for costs in ((0.05,), (5.0, 0.05), (0.01, 5.0, 0.05)):
        async with router_of(CHEAP, DEAR, budget=0.01, seed=1) as router:
            decision = await router.route("a")
            for cost in costs:
                await router.feedback(decision.id, cost=cost)
            steering = (await router.open()).decider.steering
            assert steering is not None
            balances.append(steering.ledger().amounts["balance"])
    assert balances == pytest.approx([balances[0]] * 3)


async def test_a_correction_that_names_another_model_corrects() -> None:
    """One cost is booked, of the model named last, and the goal ends with it; in any order."""
    balances = []
    ends: list[tuple[tuple[float, str | None], ...]] = [
        ((0.05, "dear"),),
        ((5.0, None), (0.05, "dear")),
        ((5.0, "dear"), (1.0, "cheap"), (3.0, "dear"), (0.05, None)),
    ]
    for said in ends:
        async with router_of(CHEAP, DEAR, budget=0.01, seed=1) as router:
            ledger = await router.ledger()
            for name in ("cheap", "dear"):
                await ledger.set_budget(Scope(ScopeKind.MODEL, name), TOTAL, 9.0, actor="admin")
            decision = await router.route("a")
            for cost, model in said:
                await router.feedback(decision.id, cost=cost, model=model)
            (record,) = (await ledger.records()).records
            assert (record.model, record.cost, record.base_cost) == ("dear", 0.05, 0.05)
            assert [it.settled for it in await ledger.standing()] == [0.0, 0.05]
            steering = (await router.open()).decider.steering
            assert steering is not None
            balances.append(steering.ledger().amounts["balance"])
    assert balances == pytest.approx([balances[0]] * 3)


async def test_what_was_decided_on_some_accounts_is_reported_on_them() -> None:
    """Team, session, task and key of the decision pay for a call that its caller made, as said last."""
    store = MemoryStore()
    session, task = Scope(ScopeKind.SESSION, "s"), Scope(ScopeKind.TASK_TYPE, "sums")
    accounts = (TEAM, session, task, Scope(ScopeKind.API_KEY, "k"))
    ledger = Ledger(store)
    for scope in (*accounts, ANNA):
        await ledger.set_budget(scope, TOTAL, 10.0, actor="admin")
    async with router_of(store=store) as router:
        decision = await router.route(Query("hello", user_id="anna"), scopes=accounts)
        for cost in (0.25, 0.25, 0.5):
            await router.feedback(decision.id, cost=cost)
    (record,) = (await ledger.records()).records
    named = (record.user, record.team, record.session, record.task_type, record.api_key)
    assert named == ("anna", "blue", "s", "sums", "k")
    assert record.cost == 0.5
    assert [it.settled for it in await ledger.standing([*accounts, ANNA])] == [0.5] * 5


async def test_a_decision_of_another_process_is_reported_on_its_user_s_account() -> None:
    """Who it was made for is on record; the other accounts only its own process knows."""
    store = MemoryStore()
    async with router_of(store=store) as decided, router_of(store=store) as told:
        decision = await decided.route(Query("hello", user_id="anna"), scopes=[TEAM])
        await (await decided.open()).learner.journal.flush()
        await told.feedback(decision.id, cost=0.25)
        (record,) = (await (await told.ledger()).records()).records
    assert (record.user, record.team) == ("anna", None)


async def test_a_correction_from_elsewhere_leaves_the_cost_on_its_accounts() -> None:
    """A process that knows the user alone puts right what the first one booked, and its budgets."""
    store = MemoryStore()
    ledger = Ledger(store)
    for scope in (TEAM, ANNA):
        await ledger.set_budget(scope, TOTAL, 10.0, actor="admin")
    async with router_of(store=store) as decided, router_of(store=store) as told:
        decision = await decided.route(Query("hello", user_id="anna"), scopes=[TEAM])
        await decided.feedback(decision.id, cost=5.0)
        await (await decided.ledger()).caught_up()
        await told.feedback(decision.id, cost=0.25)
        (record,) = (await (await told.ledger()).records()).records
    assert (record.user, record.team, record.cost) == ("anna", "blue", 0.25)
    assert [it.settled for it in await ledger.standing([TEAM, ANNA])] == [0.25] * 2


async def test_a_decision_feels_the_budgets_of_its_accounts() -> None:
    """What is left of a team's budget shapes a decision as it shapes a preview."""
    store = MemoryStore()
    await Ledger(store).set_budget(TEAM, TOTAL, 1e-9, actor="admin")
    async with router_of(store=store, policy="fixed:dear") as router:
        free = await router.route("hello")
        assert free.constraints_relaxed == ()
        pressed = await router.preview("hello", scopes=[TEAM])
        assert (await router.route("hello", scopes=[TEAM])).reasoning == pressed.reasoning
        assert pressed.reasoning != free.reasoning


async def test_a_ledger_that_is_not_kept_says_so() -> None:
    """Supabase over REST keeps no budgets, and the error says what does."""
    store = SupabaseStore("http://127.0.0.1:9", "key")
    with pytest.raises(ConfigurationError, match="set DATABASE_URL"):
        Ledger(store)


async def test_reports_name_what_they_can_be_grouped_by(router: Router) -> None:
    """Another word is refused with the list."""
    ledger = await router.ledger()
    await router.complete(Query("a", user_id="anna"))
    (total,) = await ledger.report("user", CostFilter(only={"user": "anna"}))
    assert (total.key, total.requests) == ("anna", 1)
    with pytest.raises(InvalidInputError, match="choose one of: user, team"):
        await ledger.report("colour")


@pytest.mark.parametrize("failing", ["look", "journal"])
async def test_a_router_that_fails_to_close_has_paid(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is told, and another router finds the last cost in the books."""
    path = tmp_path / "router.db"
    router = router_of(CHEAP, client=ScriptedProvider(billed), store=SQLStore(path))
    engine = await router.open()

    async def fail() -> None:
        raise StoreError("the disk is full", remedy="make room")

    if failing == "look":
        monkeypatch.setattr(engine.replica, "look", fail)
    else:
        monkeypatch.setattr(engine.learner.journal, "close", fail)
    response = await router.complete("hello")
    with pytest.raises(StoreError, match="the disk is full"):
        await router.aclose()
    async with router_of(CHEAP, store=SQLStore(path)) as other:
        (record,) = (await (await other.ledger()).records()).records
    assert record.cost == pytest.approx(response.cost)


class Losing(MemoryStore):
    """Keeps what it is told, and then is away, once, where it is set to."""

    losing = ""
    folding = True

    async def observe(self, observations):  # type: ignore[no-untyped-def]
        changes = await super().observe(observations)
        self._lose("observe")
        return changes

    async def executions(self, decision_id: str):  # type: ignore[no-untyped-def]
        self._lose("executions")
        return await super().executions(decision_id)

    async def fold(self, *, wait: bool = True) -> Folded:
        if not self.folding:
            raise StoreError("away")
        return await super().fold(wait=wait)

    def _lose(self, where: str) -> None:
        if self.losing == where:
            self.losing = ""
            raise StoreError("away")


@pytest.mark.parametrize("lost", ["observe", "executions"])
async def test_a_reported_cost_that_was_not_acknowledged_is_booked_when_it_is_said_again(
    lost: str,
) -> None:
    """First or corrected, wherever the store went away: on record once, on the budget too."""
    store = Losing()
    async with router_of(store=store, budget=0.01) as router, router_of(store=store) as other:
        ledger = await router.ledger()
        await ledger.set_budget(ANNA, TOTAL, 1.0, actor="admin")
        decision = await router.route(Query("hello", user_id="anna"))
        for cost in (0.25, 0.5):
            store.losing = lost
            with pytest.raises(StoreError):
                await router.feedback(decision.id, cost=cost)
            for told in (router, other, router):
                await told.feedback(decision.id, cost=cost)
            for it in (router, other):
                await (await it.open()).money.settle_up()
            (record,) = (await ledger.records()).records
            (spend,) = await ledger.standing([ANNA])
            assert (record.cost, record.user, spend.settled) == (cost, "anna", cost)


async def test_what_a_failed_call_did_cost_its_caller_is_booked() -> None:
    """Nothing is learned of its cost, and the money is spent all the same; once, as said last."""
    async with router_of() as router:
        decision = await router.route(Query("hello", user_id="anna"))
        for cost in (0.25, 0.25, 0.125):
            await router.feedback(decision.id, error=True, cost=cost)
        (record,) = (await (await router.ledger()).records()).records
    assert record.cost == 0.125


async def test_feedback_that_is_durable_does_not_fail_for_a_fold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is pending is folded later; its caller is told what was changed, and its cost is booked."""
    monkeypatch.setattr(learner, "FOLD_EVERY", 1)
    store = Losing()
    async with router_of(store=store) as router:
        decision = await router.route("hello")
        store.folding = False
        assert len(await router.feedback(decision.id, rating=5, cost=0.25)) == 2
        store.folding = True
        (record,) = (await (await router.ledger()).records()).records
    assert record.cost == 0.25
