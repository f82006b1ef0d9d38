"""The contract of those who keep budgets: running totals that hold, whoever spends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from conduit.core.budgets import Budget, Period, Scope, ScopeKind, Window
from conduit.core.errors import InvalidInputError
from conduit.core.ports import Store
from conduit.core.spending import (
    BudgetStore,
    Claim,
    Closing,
    Reservation,
    ReservationState,
    Shortage,
    Spend,
)
from conduit.stores import sql_budgets
from conduit.stores.accounts import SPARE
from conduit.stores.sql import SQLStore
from tests.stores.conftest import DATABASES, Backend, Maker

NOW = 1_763_700_000.0  # 2025-11-21 04:40 UTC, a Friday
ANNA, BOB = Scope(ScopeKind.USER, "anna"), Scope(ScopeKind.USER, "bob")
TEAM = Scope(ScopeKind.TEAM, "blue")
DAILY, HOURLY, TOTAL = Window(Period.DAILY), Window(Period.HOURLY), Window(Period.TOTAL)
ROLLING = Window(Period.HOURLY, rolling=True)


class Keeper(Store, BudgetStore, Protocol):
    """A store that keeps budgets too."""


@pytest.fixture(params=("memory", *DATABASES))
def keeping(request: pytest.FixtureRequest, makers: dict[str, Maker], tmp_path: Path) -> Backend:
    """An empty place of every kind that keeps budgets."""
    return makers[request.param](tmp_path)


@pytest.fixture
async def keeper(keeping: Backend) -> AsyncIterator[Keeper]:
    """An open, empty store of every kind that keeps budgets."""
    store: Keeper = keeping.connect()  # type: ignore[assignment]
    await store.open()
    yield store
    await store.close()


def budget(scope: Scope = ANNA, window: Window = DAILY, limit: float = 1.0) -> Budget:
    return Budget(scope=scope, window=window, limit=limit)


async def put(store: Keeper, *some: Budget) -> None:
    for one in some:
        await store.put_budget(one, actor="admin", now=NOW)


def claim(id_: str, estimate: float, *scopes: Scope, **more: float) -> Claim:
    now = more.pop("now", NOW)
    ends_at = more.pop("ends_at", now + 60)
    scopes = scopes or (ANNA,)
    return Claim(id=id_, scopes=scopes, estimate=estimate, now=now, ends_at=ends_at, **more)


def settled(id_: str, cost: float, now: float = NOW) -> Closing:
    return Closing(id=id_, state=ReservationState.SETTLED, cost=cost, now=now)


def released(id_: str) -> Closing:
    return Closing(id=id_, state=ReservationState.RELEASED, now=NOW)


async def granted(store: Keeper, wanted: Claim) -> Reservation:
    answer = await store.claim(wanted)
    assert isinstance(answer, Reservation)
    return answer


async def refused(store: Keeper, wanted: Claim) -> Shortage:
    answer = await store.claim(wanted)
    assert isinstance(answer, Shortage)
    return answer


async def figures(store: Keeper, *scopes: Scope, now: float = NOW) -> list[tuple[float, float]]:
    spends = await store.spends(scopes or None, now=now)
    return [(spend.settled, spend.reserved) for spend in spends]


async def test_money_is_set_aside_settled_and_freed(keeper: Keeper) -> None:
    """Reserved counts until the call is settled at its true cost, or released at none."""
    await put(keeper, budget())
    made = await granted(keeper, claim("a", 0.5))
    assert (made.amount, made.state, len(made.lines)) == (0.5, ReservationState.OPEN, 1)
    await granted(keeper, claim("b", 0.25))
    assert await figures(keeper) == [(0.0, 0.75)]
    assert (await keeper.end(settled("a", 0.125))).cost == 0.125
    assert await figures(keeper) == [(0.125, 0.25)]
    await keeper.end(released("b"))
    assert await figures(keeper) == [(0.125, 0.0)]


async def test_all_budgets_that_apply_are_charged_or_none(keeper: Keeper) -> None:
    """A claim that one budget has no room for sets nothing aside in the others."""
    await put(keeper, budget(limit=1), budget(TEAM, limit=0.5), budget(BOB), budget(window=TOTAL))
    await granted(keeper, claim("a", 0.4, ANNA, TEAM))
    short = await refused(keeper, claim("b", 0.2, ANNA, TEAM))
    assert (short.spend.budget.scope, short.wanted, short.final) == (TEAM, 0.2, False)
    assert await figures(keeper, ANNA) == [(0.0, 0.4), (0.0, 0.4)]
    assert await figures(keeper, TEAM, BOB) == [(0.0, 0.4), (0.0, 0.0)]


async def test_waiting_is_vain_only_where_settled_spending_leaves_too_little(
    keeper: Keeper,
) -> None:
    """A shortage is final by what is settled, and says what it found."""
    await put(keeper, budget())
    await granted(keeper, claim("a", 0.9))
    assert not (await refused(keeper, claim("b", 0.5))).final
    await keeper.end(settled("a", 0.6))
    short = await refused(keeper, claim("b", 0.5))
    assert short.final
    assert short.spend == Spend(
        budget=budget(),
        id=short.spend.id,
        settled=0.6,
        reserved=0.0,
        resets_at=1_763_769_600.0,
    )
    assert short.spend.remaining == 0.4
    await granted(keeper, claim("b", 0.4))


async def test_less_will_do_where_the_claim_says_so(keeper: Keeper) -> None:
    """What the tightest budget has left is set aside in all, down to the least amount."""
    await put(keeper, budget(limit=1.0), budget(TEAM, limit=0.3))
    made = await granted(keeper, claim("a", 0.5, ANNA, TEAM, least=0.1))
    assert made.amount == 0.3
    assert await figures(keeper) == [(0.0, 0.3), (0.0, 0.3)]
    assert (await refused(keeper, claim("b", 0.5, ANNA, TEAM, least=0.1))).wanted == 0.1
    assert (await granted(keeper, claim("c", 0.2, ANNA, least=0.1))).amount == 0.2


async def test_a_reservation_is_made_and_closed_once(keeper: Keeper) -> None:
    """Said twice, nothing changes: the first amount and the first cost stand."""
    await put(keeper, budget())
    made = await granted(keeper, claim("a", 0.5))
    assert await keeper.claim(claim("a", 0.9)) == made
    done = await keeper.end(settled("a", 0.2))
    for again in (settled("a", 0.3), released("a")):
        assert await keeper.end(again) == done
    assert await keeper.claim(claim("a", 0.5)) == done
    assert await figures(keeper) == [(0.2, 0.0)]


async def test_money_spent_after_a_release_is_counted(keeper: Keeper) -> None:
    """A call that was given up and did cost something is settled late, once."""
    await put(keeper, budget())
    await granted(keeper, claim("a", 0.5))
    await keeper.end(released("a"))
    for _ in range(2):
        assert (await keeper.end(settled("a", 0.3))).cost == 0.3
    assert await figures(keeper) == [(0.3, 0.0)]


async def test_accounts_that_are_known_at_the_end_count_the_cost(keeper: Keeper) -> None:
    """Once, in the window in which the call began; those it was set aside for are charged as ever."""
    await put(keeper, budget(), budget(BOB, HOURLY), budget(TEAM, TOTAL))
    await granted(keeper, claim("a", 0.5))
    later = replace(settled("a", 0.25, now=NOW + 3600), scopes=(ANNA, BOB))
    for _ in range(2):
        await keeper.end(later)
    assert await figures(keeper, ANNA) == [(0.25, 0.0)]
    assert await figures(keeper, BOB) == [(0.25, 0.0)]
    assert await figures(keeper, BOB, now=NOW + 3600) == [(0.0, 0.0)]
    assert await figures(keeper, TEAM) == [(0.0, 0.0)]


async def test_a_cost_is_answered_as_it_is_booked(keeper: Keeper) -> None:
    """A fraction of a nanodollar is rounded, the first time and whenever it is said again."""
    await put(keeper, budget())
    await granted(keeper, claim("a", 0.5))
    for _ in range(2):
        assert (await keeper.end(settled("a", 0.1234567894))).cost == 0.123456789
    assert await figures(keeper) == [(0.123456789, 0.0)]


async def test_an_unknown_reservation_is_refused(keeper: Keeper) -> None:
    """Its end changes nothing, and fails none that ends at the same moment."""
    await put(keeper, budget())
    await granted(keeper, claim("a", 0.5))
    ends = [keeper.end(settled(id_, 0.1)) for id_ in ("x", "a", "y")]
    done = await asyncio.gather(*ends, return_exceptions=True)
    assert [type(it) for it in done] == [InvalidInputError, Reservation, InvalidInputError]
    assert await figures(keeper) == [(0.1, 0.0)]


async def test_leases_of_the_living_go_on(keeper: Keeper) -> None:
    """An open reservation ends later, never sooner; one that was closed, or never was, stays so."""
    await put(keeper, budget(limit=1.0))
    for name in "abc":
        await granted(keeper, claim(name, 0.25, ends_at=NOW + 10))
    await keeper.end(released("c"))
    await keeper.renew([], ends_at=NOW + 99)
    await keeper.renew(["a", "c", "never"], ends_at=NOW + 50)
    await keeper.renew(["a"], ends_at=NOW + 20)
    assert await keeper.end_overdue(now=NOW + 49) == 1
    late = [await keeper.end(replace(released(name), now=NOW + 49)) for name in "abc"]
    assert [it.ends_at for it in late] == [NOW + 50, NOW + 10, NOW + 10]
    assert [it.state for it in late] == [
        ReservationState.RELEASED,
        ReservationState.EXPIRED,
        ReservationState.RELEASED,
    ]


async def test_reservations_of_the_dead_expire(keeper: Keeper) -> None:
    """Past its lease money is free again; before it, and once it was settled, nothing expires."""
    await put(keeper, budget())
    for id_ in "ab":
        await granted(keeper, claim(id_, 0.25, ends_at=NOW + 10))
    await granted(keeper, claim("c", 0.25, ends_at=NOW + 20))
    await keeper.end(settled("a", 0.125))
    assert await keeper.end_overdue(now=NOW + 9) == 0
    assert await keeper.end_overdue(now=NOW + 10) == 1
    assert await figures(keeper) == [(0.125, 0.25)]
    assert await keeper.end_overdue(now=NOW + 10) == 0
    assert (await keeper.end(settled("b", 0.5))).state is ReservationState.SETTLED
    assert await figures(keeper) == [(0.625, 0.25)]


async def test_a_new_period_begins_with_nothing_spent(keeper: Keeper) -> None:
    """Yesterday's calls are settled into yesterday; a total goes on."""
    await put(keeper, budget(), budget(window=TOTAL))
    await granted(keeper, claim("a", 1.0))
    tomorrow = NOW + 86400
    assert await figures(keeper, now=tomorrow) == [(0.0, 0.0), (0.0, 1.0)]
    await keeper.end(settled("a", 0.75, tomorrow))
    assert await figures(keeper) == [(0.75, 0.0), (0.75, 0.0)]
    assert await figures(keeper, now=tomorrow) == [(0.0, 0.0), (0.75, 0.0)]


async def test_a_rolling_window_gives_back_grain_by_grain(keeper: Keeper) -> None:
    """Money counts for its hour and the rest of its minute, and then comes back."""
    await put(keeper, budget(window=ROLLING))
    await granted(keeper, claim("a", 0.6))
    await keeper.end(settled("a", 0.6))
    await granted(keeper, claim("b", 0.3, now=NOW + 1800))
    short = await refused(keeper, claim("c", 0.5, now=NOW + 3659))
    assert short.spend.resets_at == NOW + 3660
    await granted(keeper, claim("c", 0.5, now=NOW + 3660))
    assert await figures(keeper, now=NOW + 3660) == [(0.0, 0.8)]


async def test_old_slots_do_not_pile_up(keeper: Keeper) -> None:
    """However long it lasts, no more is kept than may count at once, and a few for a clock that jumps."""
    await put(keeper, budget(window=HOURLY), budget(window=ROLLING))
    for hour in range(100):
        now = NOW + 3600 * hour
        await granted(keeper, claim(str(hour), 0.5, now=now))
        await keeper.end(settled(str(hour), 0.5, now))
    if isinstance(keeper, SQLStore):
        query = "SELECT count(*) FROM spend"
        kept = await keeper._worker.read(lambda conn: conn.exec_driver_sql(query).scalar())
        assert kept <= HOURLY.slots + ROLLING.slots + 2 * (SPARE + 1)
    assert await figures(keeper, now=now) == [(0.5, 0.0), (1.0, 0.0)]


@pytest.mark.parametrize("window", [DAILY, ROLLING], ids=str)
async def test_a_clock_that_jumps_ahead_and_returns_brings_no_money_back(
    keeper: Keeper, window: Window
) -> None:
    """What was spent and set aside before it counts again afterwards; what was spent there does not."""
    await put(keeper, budget(window=window))
    await granted(keeper, claim("spent", 0.5))
    await keeper.end(settled("spent", 0.5))
    await granted(keeper, claim("open", 0.25))
    for days in (3, 400):
        there = NOW + days * 86_400
        await granted(keeper, claim(str(days), 1.0, now=there))
        await keeper.end(settled(str(days), 1.0, there))
    assert await figures(keeper) == [(0.5, 0.25)]
    await refused(keeper, claim("more", 0.5))
    await keeper.end(settled("open", 0.25))
    assert await figures(keeper) == [(0.75, 0.0)]


async def test_a_limit_changes_and_spending_stays(keeper: Keeper) -> None:
    """Raised, there is room at once; lowered below what is spent, nothing is left, not less."""
    await put(keeper, budget(limit=0.5))
    await granted(keeper, claim("a", 0.5))
    await put(keeper, budget(limit=0.75))
    await granted(keeper, claim("b", 0.25))
    await keeper.end(settled("a", 0.5))
    await put(keeper, budget(limit=0.25))
    (spend,) = await keeper.spends(now=NOW)
    assert (spend.settled, spend.reserved, spend.remaining) == (0.5, 0.25, 0.0)
    assert (await refused(keeper, claim("c", 0.0))).final


async def test_a_budget_made_again_starts_anew(keeper: Keeper) -> None:
    """Removing forgets what was spent; a call of before does not touch the new one."""
    await put(keeper, budget())
    await granted(keeper, claim("a", 0.5))
    assert await keeper.remove_budget(ANNA, DAILY, actor="admin", now=NOW)
    assert not await keeper.remove_budget(ANNA, DAILY, actor="admin", now=NOW)
    assert await figures(keeper) == []
    await put(keeper, budget())
    await keeper.end(settled("a", 0.25))
    assert await figures(keeper) == [(0.0, 0.0)]


async def test_edits_of_budgets_are_on_record(keeper: Keeper) -> None:
    """Who set which limit, what it was before, and who removed it."""
    await put(keeper, budget(limit=1.0), budget(limit=2.0))
    await keeper.remove_budget(ANNA, DAILY, actor="eve", now=NOW + 1)
    gone, raised, made = await keeper.edits()
    one, two = ({"window": "daily", "limit": limit} for limit in (1.0, 2.0))
    assert (made.action, made.subject, made.before, made.after) == (
        *("set_budget", "user:anna"),
        *(None, one),
    )
    assert (raised.actor, raised.before, raised.after) == ("admin", one, two)
    assert (gone.actor, gone.action, gone.before, gone.after) == ("eve", "remove_budget", two, None)


async def test_a_call_without_a_budget_is_accounted_for(keeper: Keeper) -> None:
    """Where no budget applies all is granted, and settled once."""
    made = await granted(keeper, claim("a", 5.0, BOB))
    assert (made.amount, made.lines) == (5.0, ())
    assert (await keeper.end(settled("a", 4.0))).cost == 4.0
    assert (await keeper.end(settled("a", 3.0))).cost == 4.0


async def test_tasks_at_once_never_overspend(keeper: Keeper) -> None:
    """Of sixty claims of three cents on a dollar, thirty-three are granted: exactly what fits."""
    await put(keeper, budget(), budget(TEAM, limit=2.0))
    wanted = [claim(str(number), 0.03, ANNA, TEAM) for number in range(60)]
    answers = await asyncio.gather(*map(keeper.claim, wanted))
    made = [it for it in answers if isinstance(it, Reservation)]
    assert len(made) == 33
    assert await figures(keeper) == [(0.0, 0.99), (0.0, 0.99)]
    await asyncio.gather(*(keeper.end(settled(it.id, 0.03)) for it in made))
    assert await figures(keeper) == [(0.99, 0.0), (0.99, 0.0)]


async def test_the_same_claim_at_once_is_one(keeper: Keeper) -> None:
    """However often it is said at the same moment, a reservation is made once."""
    await put(keeper, budget())
    made = await asyncio.gather(*[keeper.claim(claim("a", 0.1)) for _ in range(12)])
    assert len(set(made)) == 1
    assert await figures(keeper) == [(0.0, 0.1)]


async def test_a_claim_that_another_store_is_first_to_make_is_that_one(where: str) -> None:
    """Two stores that claim one id at once, of different budgets, make one reservation."""
    one, other = SQLStore(where), SQLStore(where)
    await asyncio.gather(one.open(), other.open())
    await one.put_budget(budget(), actor="admin", now=NOW)
    await one.put_budget(budget(BOB), actor="admin", now=NOW)
    for number in range(12):
        id_ = str(number)
        first, second = await asyncio.gather(
            one.claim(claim(id_, 0.01)), other.claim(claim(id_, 0.01, BOB))
        )
        assert first == second
    assert sum(spend.reserved for spend in await one.spends(now=NOW)) == pytest.approx(0.12)
    await asyncio.gather(one.close(), other.close())


async def test_a_claim_waits_for_one_of_its_id(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reservation that appears between the look and the insert is the answer."""
    one, other = SQLStore(where), SQLStore(where)
    await asyncio.gather(one.open(), other.open())
    if not where.startswith("postgres"):  # a writing transaction keeps all others out
        await other.claim(claim("a", 0.2, BOB))
    looked, looks = sql_budgets._about, []

    def about(conn, commands):  # type: ignore[no-untyped-def]
        found = looked(conn, commands)
        if not looks and where.startswith("postgres"):
            looks.append(True)
            asyncio.run_coroutine_threadsafe(other.claim(claim("a", 0.2, BOB)), loop).result(10)
        return found

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(sql_budgets, "_about", about)
    assert (await granted(one, claim("a", 0.1))).amount == 0.2
    await asyncio.gather(one.close(), other.close())


async def test_budgets_outlive_the_process(keeping: Backend) -> None:
    """Opened again, limits, spending and reservations are there."""
    store: Keeper = keeping.connect()  # type: ignore[assignment]
    await store.open()
    await put(store, budget())
    made = await granted(store, claim("a", 0.5))
    await store.close()
    again: Keeper = keeping.connect()  # type: ignore[assignment]
    await again.open()
    assert await figures(again) == [(0.0, 0.5)]
    done = await again.end(settled("a", 0.25))
    assert done == replace(made, state=ReservationState.SETTLED, cost=0.25)
    await again.close()


@pytest.mark.parametrize("amount", [-0.1, float("nan"), float("inf")])
async def test_amounts_that_cannot_be_change_nothing(keeper: Keeper, amount: float) -> None:
    """No claim, least amount or cost that is negative or no number."""
    await put(keeper, budget())
    await granted(keeper, claim("a", 0.5))
    for wanted in (claim("b", amount), claim("b", 0.1, least=amount)):
        with pytest.raises(InvalidInputError):
            await keeper.claim(wanted)
    with pytest.raises(InvalidInputError):
        await keeper.end(settled("a", amount))
    assert await figures(keeper) == [(0.0, 0.5)]
