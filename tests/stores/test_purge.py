"""Forgetting: users and prompts go, what was learned stays."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update

from conduit.core.budgets import Budget, Period, Scope, ScopeKind, Window
from conduit.core.clocks import ManualClock
from conduit.core.costs import CostFilter
from conduit.core.errors import InvalidInputError, StoreError, UnknownDecisionError
from conduit.core.spending import Booking, Claim, Closing, ReservationState
from conduit.core.statistics import LearnedState
from conduit.stores import sql_purge
from conduit.stores.direct import opened
from conduit.stores.purge import Wanted, preview, purge
from conduit.stores.sql import SQLStore
from conduit.stores.sql_schema import decisions, metadata
from tests.stores.builders import a_cost, an_execution
from tests.stores.conftest import new_database
from tests.stores.refitting import (
    START,
    assert_same,
    decided,
    during,
    learn,
    load,
    observed,
    rate,
    refit,
)

SECRET = "the-user-who-wants-to-be-forgotten"
ANYBODY = Scope(ScopeKind.TEAM, "blue")
PROMPT = "a prompt that nobody else may read"


async def remember(path: str | Path, clock: ManualClock) -> None:
    """Three decisions of one user and three of others, with calls, ratings and corrections."""
    store = SQLStore(path, clock=clock)
    await store.open()
    for number in range(1, 7):
        decision = decided(number, clock, user_id=SECRET if number % 2 else "another")
        features = replace(decision.features, text=f"{PROMPT} {number}")
        await store.add_decision(replace(decision, features=features))
        await store.add_execution(an_execution(number))
        await store.observe([observed(number, 0.5, clock)])
        await store.observe([observed(number, 0.01 * number, clock)])
        await pay(store, number, user=SECRET if number % 2 else "another", now=clock.now())
        clock.advance(100.0)
    await store.close()


async def pay(store: SQLStore, number: int, *, user: str, now: float) -> None:
    """A settled call, but for the last one of each user, which was booked; and one under way."""
    paid = a_cost(str(number), 0.01, user=user, at=now)
    if number > 4:
        await store.book(Booking(record=paid, scopes=(ANYBODY,), now=now))
        return
    id_, ends_at = f"r{number}", now + 900.0
    await store.claim(Claim(id=id_, scopes=(ANYBODY,), estimate=0.02, now=now, ends_at=ends_at))
    if number > 2:
        done = ReservationState.SETTLED
        await store.end(Closing(id=id_, state=done, cost=0.01, now=now, record=paid))


def everything(path: Path) -> bytes:
    """The bytes of a database and of its log."""
    return b"".join(part.read_bytes() for part in sorted(path.parent.glob(f"{path.name}*")))


def assert_identical(new: LearnedState, old: LearnedState) -> None:
    assert new.statistics.keys() == old.statistics.keys()
    for key, sums in old.statistics.items():
        other = new.statistics[key]
        np.testing.assert_array_equal(other.A, sums.A)
        np.testing.assert_array_equal(other.b, sums.b)
        assert (other.yy, other.weight, other.count) == (sums.yy, sums.weight, sums.count)


def forget(path: str | Path, clock: ManualClock, **limits: object) -> dict[str, int]:
    with opened(path) as database:
        wanted = Wanted(**limits)  # type: ignore[arg-type]
        looked = preview(database, wanted, clock=clock)
        gone = dict(purge(database, wanted, clock=clock, actor="tester"))
    assert looked == gone
    return gone


def test_a_user_is_gone_from_every_table_and_from_the_file(path: Path) -> None:
    """Neither the id nor a prompt is left, not even in free pages; others' are."""
    clock = ManualClock(START)
    asyncio.run(remember(path, clock))
    assert SECRET.encode() in everything(path)
    gone = forget(path, clock, user=SECRET)
    assert gone == {
        "decisions": 3,
        "executions": 3,
        "observations": 3,
        "corrections": 3,
        "pending": 0,
        "costs": 2,
        "reservations": 0,
    }
    with opened(path) as database, database.read() as conn:
        rows = [row for table in metadata.tables.values() for row in conn.execute(select(table))]
    said = "\n".join(map(str, rows))
    assert SECRET not in said
    assert all(f"{PROMPT} {number}" not in said for number in (1, 3, 5))
    assert f"{PROMPT} 2" in said
    assert SECRET.encode() not in everything(path)
    assert f"{PROMPT} 3".encode() not in everything(path)


def test_what_was_rewritten_before_is_gone_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with a SQLite that keeps what is overwritten, unless it is told otherwise."""
    connect = sqlite3.dbapi2.connect

    def forgetful(*given: object, **options: object) -> sqlite3.Connection:
        connection = connect(*given, **options)  # type: ignore[call-overload]
        connection.execute("PRAGMA secure_delete=OFF")
        return connection

    monkeypatch.setattr(sqlite3.dbapi2, "connect", forgetful)
    path, clock = new_database(tmp_path / "kept.db"), ManualClock(START)
    asyncio.run(remember(path, clock))
    with opened(path) as database, database.write() as conn:
        conn.execute(update(decisions).values(text="x" * 10_000))
    forget(path, clock, user=SECRET)
    assert SECRET.encode() not in everything(path)
    assert f"{PROMPT} 3".encode() not in everything(path)


def test_what_calls_did_cost_goes_by_age_and_totals_stay(where: str) -> None:
    """Old records and closed reservations go; what is under way and what a budget counted stay."""
    clock = ManualClock(START)

    async def spent() -> tuple[float, int, int]:
        store = SQLStore(where, clock=clock)
        await store.open()
        (spend,) = await store.spends(now=clock.now())
        page = await store.cost_page(CostFilter(), limit=100)
        await store.close()
        return spend.settled, len(page.records), round(spend.reserved / 0.02)

    async def begin() -> None:
        store = SQLStore(where, clock=clock)
        await store.open()
        budget = Budget(scope=ANYBODY, window=Window(Period.TOTAL), limit=1.0)
        await store.put_budget(budget, actor="admin", now=clock.now())
        await store.close()

    asyncio.run(begin())
    asyncio.run(remember(where, clock))  # paid 400, 300, 200 and 100 seconds ago
    assert asyncio.run(spent()) == (0.04, 4, 2)
    gone = forget(where, clock, older_than=250.0)
    assert (gone["costs"], gone["reservations"]) == (2, 2)
    assert asyncio.run(spent()) == (0.04, 2, 2)
    assert forget(where, clock, older_than=0.5, user=SECRET)["costs"] == 1


def test_what_was_learned_stays_bit_for_bit_and_is_rebuilt(where: str) -> None:
    """Forgetting is no unlearning: state stays, and a rebuild arrives at it."""
    clock = ManualClock(START)
    asyncio.run(remember(where, clock))
    before = asyncio.run(load(where, clock))
    forget(where, clock, user=SECRET)
    assert_identical(asyncio.run(load(where, clock)), before)
    refit(where, clock)
    assert_same(asyncio.run(load(where, clock)), before)


def test_only_older_decisions_go_and_both_limits_must_be_met(where: str) -> None:
    """Ages count from now; with a user too, the old decisions of that user alone."""
    clock = ManualClock(START)
    asyncio.run(remember(where, clock))  # made 600, 500, … 100 seconds ago
    assert forget(where, clock, older_than=450.0, user=SECRET)["decisions"] == 1
    assert forget(where, clock, older_than=450.0)["decisions"] == 1
    assert forget(where, clock, older_than=450.0)["decisions"] == 0


def test_many_decisions_go_in_batches(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is a transaction of its own, so that others are not held up for long."""
    monkeypatch.setattr(sql_purge, "BATCH", 2)
    clock = ManualClock(START)
    asyncio.run(remember(where, clock))
    told: list[int] = []
    with opened(where) as database:
        purge(database, Wanted(older_than=0.0), clock=clock, actor="x", progress=told.append)
    assert told == [2, 2, 2]


def test_a_rating_of_a_forgotten_decision_is_refused(where: str) -> None:
    """Feedback that comes later says that the decision is not there."""
    clock = ManualClock(START)
    asyncio.run(remember(where, clock))
    forget(where, clock, user=SECRET)
    with pytest.raises(UnknownDecisionError):
        asyncio.run(rate(where, clock, 1, 0.9))


def test_nothing_is_forgotten_while_learned_state_is_rebuilt(where: str) -> None:
    """What a rebuild has read may not move from the log to the base."""
    clock = ManualClock(START)
    asyncio.run(learn(where, clock, 1))

    def try_it() -> None:
        clock.advance(1.0)
        with pytest.raises(StoreError, match="is being rebuilt"), opened(where) as database:
            purge(database, Wanted(older_than=0.0), clock=clock, actor="x")

    refit(where, clock, progress=during(try_it))


@pytest.mark.parametrize("limits", [{}, {"older_than": -1.0}, {"older_than": float("nan")}])
def test_limits_that_say_nothing_are_refused(limits: dict[str, float]) -> None:
    """Without a limit everything would go: that must be said."""
    with pytest.raises(InvalidInputError):
        Wanted(**limits)
