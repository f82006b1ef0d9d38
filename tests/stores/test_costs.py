"""The contract of those who keep what calls did cost: one record each, and true sums."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from conduit.core.budgets import Budget, Period, Scope, ScopeKind, Window
from conduit.core.costs import CostFilter, CostKind, CostQuality, CostRecord, CostTotal, GroupBy
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Head, Observation, Signal
from conduit.core.ports import Store
from conduit.core.spending import Booking, BudgetStore, Claim, Closing, ReservationState
from conduit.stores.sql import SQLStore
from tests.stores.builders import ARMS, a_cost, a_decision, an_observation
from tests.stores.conftest import DATABASES, Maker

NOW = 1_763_700_000.0
ANNA = Scope(ScopeKind.USER, "anna")
TOTAL = Window(Period.TOTAL)


class Keeper(Store, BudgetStore, Protocol):
    """A store that keeps budgets too."""


@pytest.fixture(params=("memory", *DATABASES))
async def keeper(
    request: pytest.FixtureRequest, makers: dict[str, Maker], tmp_path: Path
) -> AsyncIterator[Keeper]:
    """An open, empty store of every kind that keeps budgets."""
    store: Keeper = makers[request.param](tmp_path).connect()  # type: ignore[assignment]
    await store.open()
    yield store
    await store.close()


async def book(store: Keeper, *records: CostRecord, scopes: Sequence[Scope] = ()) -> list[bool]:
    return [await store.book(Booking(record=it, scopes=scopes, now=NOW)) for it in records]


async def limit(store: Keeper, usd: float) -> None:
    budget = Budget(scope=ANNA, window=TOTAL, limit=usd)
    await store.put_budget(budget, actor="admin", now=NOW)


async def reserve(store: Keeper, id_: str, usd: float) -> None:
    await store.claim(Claim(id=id_, scopes=[ANNA], estimate=usd, now=NOW, ends_at=NOW + 60))


def settled(id_: str, cost: float, record: CostRecord | None) -> Closing:
    state = ReservationState.SETTLED
    return Closing(id=id_, state=state, cost=cost, now=NOW, record=record)


async def all_of(store: Keeper) -> tuple[CostRecord, ...]:
    return (await store.cost_page(CostFilter(), limit=100)).records


async def test_a_settled_call_leaves_one_record(keeper: Keeper) -> None:
    """Settled again, and released or expired, it leaves no other; its cost is what is booked."""
    await limit(keeper, 1.0)
    for id_ in "abc":
        await reserve(keeper, id_, 0.25)
    record = a_cost("a", 9.0, at=NOW, user="anna", decision_id="d", input_tokens=3)
    await keeper.end(settled("a", 0.1234567894, record))
    await keeper.end(settled("a", 0.2, a_cost("other", 0.2)))
    await keeper.end(Closing(id="b", state=ReservationState.RELEASED, now=NOW))
    await keeper.end(settled("c", 0.1, None))
    (kept,) = await all_of(keeper)
    assert kept == a_cost("a", 0.123456789, at=NOW, user="anna", decision_id="d", input_tokens=3)


async def test_a_late_settlement_is_on_record_too(keeper: Keeper) -> None:
    """A call that was given up and did cost something."""
    await limit(keeper, 1.0)
    await reserve(keeper, "a", 0.25)
    await keeper.end(Closing(id="a", state=ReservationState.RELEASED, now=NOW))
    await keeper.end(settled("a", 0.1, a_cost("a", 0.1)))
    assert [it.cost for it in await all_of(keeper)] == [0.1]


async def test_a_booked_cost_counts_in_its_budgets_once(keeper: Keeper) -> None:
    """Nothing was set aside: it is spent at once, even beyond the limit, and never twice."""
    await limit(keeper, 0.5)
    record = a_cost("a", 0.75, user="anna")
    assert await book(keeper, record, scopes=[ANNA]) == [True]
    assert await book(keeper, record, scopes=[ANNA]) == [False]
    (spend,) = await keeper.spends(now=NOW)
    assert (spend.settled, spend.reserved) == (0.75, 0.0)
    assert await all_of(keeper) == (record,)
    assert (await keeper.cost("a"), await keeper.cost("b")) == (record, None)


async def correct(
    store: Keeper, cost: float, *, now: float = NOW, scopes: Sequence[Scope] = (ANNA,), **said: Any
) -> bool:
    record = a_cost("a", cost, at=now, **({"user": "anna"} | said))
    return await store.book(Booking(record=record, scopes=scopes, now=now, corrects=True))


async def test_a_corrected_cost_takes_the_place_of_the_first(keeper: Keeper) -> None:
    """Budgets get back or pay the difference, where the first one counted; said again, nothing."""
    daily = Budget(scope=ANNA, window=Window(Period.DAILY), limit=9.0)
    await limit(keeper, 9.0)
    await keeper.put_budget(daily, actor="admin", now=NOW)
    assert await correct(keeper, 5.0)
    await book(keeper, a_cost("b", 0.5), scopes=[ANNA])
    for cost in (0.05, 0.25):
        later = NOW + 2 * 86_400
        assert await correct(keeper, cost, now=later)
        assert not await correct(keeper, cost, now=later)
        spends = await keeper.spends(now=NOW)
        assert [it.settled for it in spends] == [pytest.approx(0.5 + cost)] * 2
        spends = await keeper.spends(now=later)
        assert {it.budget.window.period: it.settled for it in spends} == {
            Period.DAILY: 0.0,
            Period.TOTAL: pytest.approx(0.5 + cost),
        }
        assert {it.id: (it.cost, it.at) for it in await all_of(keeper)} == {
            "a": (cost, NOW),
            "b": (0.5, a_cost("b", 0.5).at),
        }


async def test_a_budget_made_since_gives_nothing_back(keeper: Keeper) -> None:
    """Nor does it pay: the cost that is corrected never counted there, and what did stays spent."""
    await correct(keeper, 5.0)
    await limit(keeper, 10.0)
    await book(keeper, a_cost("b", 4.0), scopes=[ANNA])
    for cost in (0.05, 6.0):
        await correct(keeper, cost)
        (spend,) = await keeper.spends(now=NOW)
        assert spend.settled == 4.0


async def test_a_budget_made_anew_gives_nothing_back(keeper: Keeper) -> None:
    """It is another budget than the one in which the cost counted."""
    await limit(keeper, 10.0)
    await correct(keeper, 5.0)
    await keeper.remove_budget(ANNA, TOTAL, actor="admin", now=NOW)
    await limit(keeper, 10.0)
    await book(keeper, a_cost("b", 4.0), scopes=[ANNA])
    await correct(keeper, 0.05)
    (spend,) = await keeper.spends(now=NOW)
    assert spend.settled == 4.0


async def test_a_correction_says_the_cost_anew_and_not_whose_it_was(keeper: Keeper) -> None:
    """Whoever corrects need not know the accounts: those of the first record and its budgets stay."""
    blue = Scope(ScopeKind.TEAM, "blue")
    await keeper.put_budget(Budget(scope=blue, window=TOTAL, limit=9.0), actor="admin", now=NOW)
    first = {
        "team": "blue",
        "api_key": "k",
        "session": "s",
        "task_type": "code",
        "decision_id": "d",
    }
    await correct(keeper, 5.0, scopes=[ANNA, blue], output_tokens=7, **first)
    await correct(keeper, 0.5, now=NOW + 9, base_cost=0.5)
    (spend,) = await keeper.spends(now=NOW)
    assert spend.settled == 0.5
    (record,) = await all_of(keeper)
    said = {"base_cost": 0.5, "output_tokens": 7}
    assert record == a_cost("a", 0.5, at=NOW, user="anna", **first, **said)


async def test_a_correction_may_name_another_model(keeper: Keeper) -> None:
    """Its budgets pay what the others get back, whoever was booked at first; in either order."""
    small, large = (Scope(ScopeKind.MODEL, name) for name in ("small", "large"))
    for scope in (ANNA, small, large):
        budget = Budget(scope=scope, window=TOTAL, limit=9.0)
        await keeper.put_budget(budget, actor="admin", now=NOW)
    for cost, model in ((5.0, large), (0.5, small), (0.5, large), (0.25, small), (0.25, small)):
        await correct(keeper, cost, scopes=[ANNA, model], model=model.name, provider="p")
        spent = {it.budget.scope: it.settled for it in await keeper.spends(now=NOW)}
        assert spent == {ANNA: cost, small: 0.0, large: 0.0} | {model: cost}
        assert [(it.model, it.cost) for it in await all_of(keeper)] == [(model.name, cost)]


async def test_corrections_at_once_leave_the_cost_of_one(keeper: Keeper) -> None:
    """Whichever comes last, the books and the record agree."""
    await limit(keeper, 9.0)
    await correct(keeper, 5.0)
    await asyncio.gather(*(correct(keeper, n / 4) for n in range(8)))
    (spend,) = await keeper.spends(now=NOW)
    (record,) = await all_of(keeper)
    assert spend.settled == record.cost < 2.0


async def test_bookings_at_once_are_all_counted(keeper: Keeper) -> None:
    """Forty tasks book twenty costs, each of them twice: twenty are spent."""
    await limit(keeper, 1.0)
    bookings = [
        Booking(record=a_cost(str(n % 20), 0.01), scopes=[ANNA], now=NOW) for n in range(40)
    ]
    assert sum(await asyncio.gather(*map(keeper.book, bookings))) == 20
    (spend,) = await keeper.spends(now=NOW)
    assert spend.settled == pytest.approx(0.2)
    assert len(await all_of(keeper)) == 20


async def test_two_stores_book_one_cost_once(where: str) -> None:
    """Who comes second, at the same moment too, finds it booked."""
    one, other = SQLStore(where), SQLStore(where)
    await asyncio.gather(one.open(), other.open())
    await one.put_budget(Budget(scope=ANNA, window=TOTAL, limit=1.0), actor="admin", now=NOW)
    for n in range(12):
        booking = Booking(record=a_cost(str(n), 0.01), scopes=[ANNA] if n % 2 else [], now=NOW)
        assert sum(await asyncio.gather(one.book(booking), other.book(booking))) == 1
    (spend,) = await one.spends(now=NOW)
    assert spend.settled == pytest.approx(0.06)
    await asyncio.gather(one.close(), other.close())


async def test_a_cost_that_cannot_be_changes_nothing(keeper: Keeper) -> None:
    """Negative or no number: nothing is booked, and what is booked with it is."""
    await limit(keeper, 1.0)
    wrong = [
        Booking(record=a_cost(str(c), c), scopes=[ANNA], now=NOW) for c in (-1.0, float("nan"))
    ]
    right = Booking(record=a_cost("a", 0.5), scopes=[ANNA], now=NOW)
    done = await asyncio.gather(*map(keeper.book, [*wrong, right]), return_exceptions=True)
    assert [type(it) for it in done] == [InvalidInputError, InvalidInputError, bool]
    (spend,) = await keeper.spends(now=NOW)
    assert spend.settled == 0.5


async def test_pages_come_newest_first_and_hold_every_record_once(keeper: Keeper) -> None:
    """Also where many were made at the same moment; a span ends before its end."""
    records = [a_cost(f"{n:02}", 0.01, at=NOW + n // 4) for n in range(23)]
    await book(keeper, *records)
    seen: list[CostRecord] = []
    cursor = None
    while True:
        page = await keeper.cost_page(CostFilter(), limit=5, cursor=cursor)
        seen += page.records
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == records[::-1]
    span = CostFilter(since=NOW + 1, until=NOW + 3)
    page = await keeper.cost_page(span, limit=100)
    assert (page.cursor, page.records) == (None, tuple(records[11:3:-1]))


async def test_records_are_found_by_what_they_say(keeper: Keeper) -> None:
    """All that is asked for must hold; nobody's is not somebody's."""
    await book(
        keeper,
        a_cost("a", 1.0, user="anna", model="small"),
        a_cost("b", 1.0, user="anna"),
        a_cost("c", 1.0, api_key="key"),
    )
    for only, ids in (
        ({"user": "anna"}, "ba"),
        ({"user": "anna", "model": "small"}, "a"),
        ({"api_key": "key"}, "c"),
        ({"team": "blue"}, ""),
    ):
        page = await keeper.cost_page(CostFilter(only=only), limit=9)
        assert "".join(it.id for it in page.records) == ids


def total(key: str | None, cost: float, **more: float) -> CostTotal:
    known = {"base_cost": 0.0, "requests": 1, "calls": 1, "input_tokens": 0, "output_tokens": 0}
    return CostTotal(key=key, cost=cost, **(known | more))  # type: ignore[arg-type]


async def test_a_report_adds_up(keeper: Keeper) -> None:
    """Attempts of one decision are one request; the dearest group is first, days run backwards."""
    await book(
        keeper,
        a_cost("a", 0.5, at=NOW, user="anna", decision_id="d", input_tokens=7, base_cost=2.0),
        a_cost("b", 0.25, at=NOW, user="anna", decision_id="d", kind=CostKind.FAILED),
        a_cost("c", 0.25, at=NOW, decision_id="e", output_tokens=2, model="small"),
        a_cost("d", 0.125, at=NOW + 86400),
    )

    async def report(by: GroupBy, **span: float) -> list[CostTotal]:
        return list(await keeper.cost_totals(by, CostFilter(**span), limit=10))  # type: ignore[arg-type]

    assert await report(GroupBy.USER) == [
        total("anna", 0.75, calls=2, input_tokens=7, base_cost=2.0),
        total(None, 0.375, requests=2, calls=2, output_tokens=2),
    ]
    assert [(it.key, it.cost) for it in await report(GroupBy.DAY)] == [
        ("2025-11-22", 0.125),
        ("2025-11-21", 1.0),
    ]
    assert [it.key for it in await report(GroupBy.MODEL)] == ["gpt-4o", "small"]
    assert [it.key for it in await report(GroupBy.KIND, until=NOW + 1)] == ["answer", "failed"]
    assert await report(GroupBy.TEAM, since=NOW + 90000) == []
    (top,) = await keeper.cost_totals(GroupBy.USER, CostFilter(), limit=1)
    assert top.saved == 1.25


async def test_a_report_without_a_grouping_is_one_sum(keeper: Keeper) -> None:
    """A request counts once, whatever models it called; of nothing there is no sum."""
    assert await keeper.cost_totals(None, CostFilter(), limit=9) == []
    assert await keeper.cost_qualities(None, CostFilter(), limit=9) == []
    await book(
        keeper,
        a_cost("a", 0.5, user="anna", decision_id="d", base_cost=2.0),
        a_cost("b", 0.25, decision_id="d", model="small"),
        a_cost("c", 0.25, at=NOW),
    )
    assert await keeper.cost_totals(None, CostFilter(), limit=9) == [
        total(None, 1.0, requests=2, calls=3, base_cost=2.0)
    ]
    assert await keeper.cost_qualities(None, CostFilter(), limit=9) == []


def rating(number: int, arm: str, value: float) -> Observation:
    return an_observation(number, value, arm=arm, signal=Signal.RATING, head=Head.QUALITY)


async def test_quality_is_the_mean_rating_of_the_answers(keeper: Keeper) -> None:
    """Each rated answer counts once, for the model that gave it; groups without one are left out."""
    first, second, third = (a_decision(number) for number in (1, 2, 3))
    await keeper.append([first, second, third], [])
    small, large = ARMS[:2]
    await book(
        keeper,
        a_cost("a", 0.5, user="anna", model=large, decision_id=first.id, kind=CostKind.FAILED),
        a_cost("b", 0.25, user="anna", model=small, decision_id=first.id),
        a_cost("c", 0.25, user="anna", model=small, decision_id=first.id),
        a_cost("d", 2.0, user="bob", model=large, decision_id=second.id),
        a_cost("e", 0.125, at=NOW, model=small, decision_id=third.id),
        a_cost("f", 0.125, at=NOW, model=small),
        a_cost("g", 0.5, user="carla", model=small),
    )
    retried = an_observation(2, 0.1, arm=large, signal=Signal.RETRY, head=Head.QUALITY)
    await keeper.observe(
        [rating(1, small, 0.5), rating(2, large, 1.0), rating(3, small, 0.0), retried]
    )

    async def qualities(by: GroupBy | None, **span: float) -> list[CostQuality]:
        return list(await keeper.cost_qualities(by, CostFilter(**span), limit=9))  # type: ignore[arg-type]

    def of(key: str | None, quality: float, rated: int = 1) -> CostQuality:
        return CostQuality(key=key, quality=quality, rated=rated)

    assert await qualities(GroupBy.USER) == [of("bob", 1.0), of("anna", 0.5), of(None, 0.0)]
    assert await qualities(GroupBy.MODEL) == [of(large, 1.0), of(small, 0.25, 2)]
    assert await qualities(GroupBy.DAY, since=NOW) == [of("2025-11-21", 0.0)]
    assert await qualities(None) == [of(None, 0.5, 3)]
    (dearest,) = await keeper.cost_qualities(GroupBy.USER, CostFilter(), limit=1)
    assert dearest.key == "bob"


async def test_the_ratings_of_a_report_are_of_its_groups(keeper: Keeper) -> None:
    """A limit names the same groups for sums and ratings, whether the first are rated or not."""
    decision = a_decision(1)
    await keeper.append([decision], [])
    await book(
        keeper,
        a_cost("a", 2.0, user="anna", model=ARMS[0]),
        a_cost("b", 1.0, user="bob", model=ARMS[0], decision_id=decision.id),
    )
    await keeper.observe([rating(1, ARMS[0], 0.5)])
    known = CostQuality(key="bob", quality=0.5, rated=1)
    for limit, wanted in ((1, []), (2, [known])):
        assert await keeper.cost_qualities(GroupBy.USER, CostFilter(), limit=limit) == wanted


async def test_sums_are_exact(keeper: Keeper) -> None:
    """A thousand tenths of a cent are a dollar, to the last digit."""
    bookings = [Booking(record=a_cost(str(n), 0.001), scopes=(), now=NOW) for n in range(1000)]
    await asyncio.gather(*map(keeper.book, bookings))
    (total_,) = await keeper.cost_totals(GroupBy.MODEL, CostFilter(), limit=9)
    assert (total_.cost, total_.calls) == (1.0, 1000)


@pytest.mark.parametrize("number", [0, -1, 1001])
async def test_pages_without_end_are_refused(keeper: Keeper, number: int) -> None:
    """A page holds 1 to 1000 records, a report as many groups."""
    with pytest.raises(InvalidInputError, match="give 1 to 1000"):
        await keeper.cost_page(CostFilter(), limit=number)
    with pytest.raises(InvalidInputError, match="give 1 to 1000"):
        await keeper.cost_totals(GroupBy.DAY, CostFilter(), limit=number)
    with pytest.raises(InvalidInputError, match="give 1 to 1000"):
        await keeper.cost_qualities(GroupBy.DAY, CostFilter(), limit=number)


async def test_a_cursor_of_no_page_is_refused(keeper: Keeper) -> None:
    """It is named, and what to pass instead."""
    for cursor in ("yesterday", "nan x"):
        with pytest.raises(InvalidInputError, match="is of no page"):
            await keeper.cost_page(CostFilter(), limit=9, cursor=cursor)


def test_unknown_filters_and_groupings_are_refused() -> None:
    """What costs are kept by is listed; a day is a span."""
    with pytest.raises(InvalidInputError, match="not kept by 'colour'; choose one of: user"):
        CostFilter(only={"colour": "red"})
    with pytest.raises(InvalidInputError, match="give since and until"):
        CostFilter(only={"day": "2026-11-21"})


async def test_a_report_over_a_window_reads_the_window(sqlite: SQLStore) -> None:
    """Whatever the history: SQLite says which index it searches, by time or by user and time."""

    def plan(where: str) -> str:
        query = (
            f"EXPLAIN QUERY PLAN SELECT model, sum(cost) FROM costs WHERE {where} GROUP BY model"
        )
        unit = lambda conn: conn.exec_driver_sql(query).all()  # noqa: E731 - a query
        return str(asyncio.run_coroutine_threadsafe(sqlite._worker.read(unit), loop).result(10))

    loop = asyncio.get_running_loop()
    by_time = await asyncio.to_thread(plan, "at >= 5 AND at < 9")
    by_user = await asyncio.to_thread(plan, "user_id = 'anna' AND at >= 5")
    assert "USING INDEX ix_costs_at_id (at>? AND at<?)" in by_time
    assert "USING INDEX ix_costs_user_id_at_id (user_id=? AND at>?)" in by_user
