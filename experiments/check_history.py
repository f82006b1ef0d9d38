"""A user's history of calls, written into a store's own tables at once: a million take seconds."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Table

from conduit.core.budgets import DAY, HOUR
from conduit.core.costs import CostKind
from conduit.core.spending import Line, ReservationState, Spend
from conduit.stores.sql_schema import costs, reservations, spend

Row: TypeAlias = dict[str, Any]
SPAN = 28 * DAY
"""Seconds between the first call and the last, however many there are, so that they meet the same days."""
NANOS = 7_001
"""Nanodollars that each call did cost."""
MODELS = ("gpt-4o-mini", "gpt-4o")


def write_history(file: Path, spends: Sequence[Spend], calls: int, *, now: float) -> None:
    """Let a user have made so many calls, each set aside for, settled, and on record.

    Args:
        file: of a SQLite store that has the user's budgets, of which nothing was spent yet.
        spends: these budgets.
        calls: how many.
        now: seconds since the epoch, when the last one was made.
    """
    user, step = spends[0].budget.scope.name, SPAN / max(calls - 1, 1)
    moments = [now - step * (calls - 1 - number) for number in range(calls)]
    lines = {hour: _lines(spends, hour * HOUR, now=now) for hour in {*map(_hour, moments)}}
    totals = Counter(line for at in moments for line in lines[_hour(at)])
    said = {hour: json.dumps(some) for hour, some in lines.items()}
    claims = (_claim(number, at, said[_hour(at)]) for number, at in enumerate(moments))
    with closing(sqlite3.connect(file)) as database:
        with database:
            _insert(database, costs, (_cost(user, number, at) for number, at in enumerate(moments)))
            _insert(database, reservations, claims)
            _insert(database, spend, (_total(line, count) for line, count in totals.items()))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _insert(database: sqlite3.Connection, table: Table, rows: Iterator[Row]) -> None:
    """All at once, below SQLAlchemy, which takes three times as long."""
    first = next(rows)
    places = ", ".join(f":{name}" for name in first)
    query = f"INSERT INTO {table.name} ({', '.join(first)}) VALUES ({places})"  # noqa: S608 - ours
    database.executemany(query, chain([first], rows))


def _hour(at: float) -> int:
    return int(at // HOUR)


def _lines(spends: Sequence[Spend], at: float, *, now: float) -> list[Line]:
    """Where a call of that hour counts now; the rest was forgotten."""
    slots = [(it.id, it.budget.window, it.budget.window.slot(at)) for it in spends]
    return [(id_, slot) for id_, window, slot in slots if slot >= window.oldest(now)]


def _cost(user: str, number: int, at: float) -> Row:
    return {
        "id": f"call-{number}",
        "at": at,
        "kind": CostKind.ANSWER.value,
        "model": MODELS[number % len(MODELS)],
        "provider": "openai",
        "cost": NANOS,
        "base_cost": 2 * NANOS,
        "input_tokens": 100,
        "output_tokens": 300,
        "user_id": user,
    }


def _claim(number: int, at: float, lines: str) -> Row:
    return {
        "id": f"call-{number}",
        "lines": lines,
        "nanos": 2 * NANOS,
        "made_at": at,
        "ends_at": at + 900.0,
        "state": ReservationState.SETTLED.value,
        "cost": NANOS,
    }


def _total(line: Line, calls: int) -> Row:
    id_, slot = line
    return {"budget_id": id_, "slot": slot, "settled": calls * NANOS, "reserved": 0}
