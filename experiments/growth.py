"""Does a database of a million decisions cost a process more than one of a hundred thousand?

Decisions are appended to PostgreSQL in batches, a tenth of them rated and folded. After the first tenth and
at the end: the memory of this process, the time in which a store opens and reads what was learned, and the
plans of every statement that such a store runs for a request, which must not read a large table from end to
end. A seed is one opening.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url

from conduit.stores.sql import SQLStore
from experiments.arguments import Arguments, parse
from experiments.report import Check, conclude, show_table
from experiments.servers.postgres import Postgres, PostgresServer
from experiments.store_rows import attempts_of, decisions_from, feedback_on

NAME = "growth"
BATCH = 500
PARTS = 10
LARGE = ("decisions", "executions", "observations")
"""Tables that grow with every request."""
FLAT = 1.5
"""Times as long as after the first tenth that opening may take at the end."""
MEMORY = 16.0
"""Megabytes by which the process may have grown since the first tenth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How things stand at some size.

    Args:
        decisions: in the database.
        memory: resident megabytes of this process.
        opening: seconds from no connection to the learned state; the least of all openings, which
            is the one that was disturbed least.
        scans: statements that read a large table from end to end.
        statements: that were looked at.
        database: megabytes on the server.
    """

    decisions: int
    memory: float
    opening: float
    scans: tuple[str, ...]
    statements: int
    database: float


async def grow(arguments: Arguments, server: Postgres) -> list[Moment]:
    """Fill a database, and look at it after every tenth part."""
    address = server.create("growth")
    store = SQLStore(address)
    await store.open()
    await store.append(decisions_from(0, 1), [])
    moments: list[Moment] = []
    done, part = 1, max(arguments.size // PARTS, BATCH)
    while done < arguments.size:
        batch = decisions_from(done, BATCH)
        await store.append(batch, attempts_of(batch))
        await store.observe(feedback_on(batch[: BATCH // 10]))
        await store.fold()
        done += BATCH
        if done // part > len(moments):
            moments.append(await _look(address, done, openings=arguments.seeds))
    await store.close()
    return moments


async def _look(address: str, decisions: int, *, openings: int) -> Moment:
    engine = create_engine(make_url(address).set(drivername="postgresql+psycopg"))
    with engine.connect() as conn:
        conn.exec_driver_sql("ANALYZE")
        conn.commit()
        seen = await _statements(address, decisions)
        scans = tuple(statement for statement, values in seen if _scans(conn, statement, values))
        size = conn.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
    engine.dispose()
    return Moment(
        decisions=decisions,
        memory=_resident(),
        opening=min([await _opening(address) for _ in range(openings)]),
        scans=scans,
        statements=len(seen),
        database=size / 1e6,
    )


async def _opening(address: str) -> float:
    started = time.perf_counter()
    store = SQLStore(address)
    await store.open()
    await store.load()
    spent = time.perf_counter() - started
    await store.close()
    return spent


async def _statements(address: str, decisions: int) -> list[tuple[str, Any]]:
    """What a store runs to be opened, and for one more request with its feedback and a correction."""
    (new,) = decisions_from((1 << 40) + decisions, 1)
    (rating,) = feedback_on([new])
    with _overheard() as seen:
        store = SQLStore(address)
        await store.open()
        await store.append([new], attempts_of([new]))
        await store.append([], attempts_of([new]))
        await store.observe([rating])
        await store.observe([type(rating)(**asdict(rating) | {"value": 0.25})])
        await store.fold()
        await store.load()
        await store.pulse()
        await store.decision(new.id)
        await store.executions(new.id)
        await store.close()
    return seen


@contextmanager
def _overheard() -> Iterator[list[tuple[str, Any]]]:
    """Statements of every engine of this process that a plan can be asked for."""
    seen: list[tuple[str, Any]] = []

    def hear(
        _conn: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool
    ) -> None:
        if (
            statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE"}
            and "pg_catalog" not in statement
        ):
            seen.append((statement, values[0] if many else values))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def _scans(conn: Connection, statement: str, values: Any) -> bool:
    """Whether the plan of a statement reads a large table from end to end."""
    (described,) = conn.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
    return any(
        node["Node Type"].endswith("Seq Scan") and node.get("Relation Name") in LARGE
        for node in _nodes(described["Plan"])
    )


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _resident() -> float:
    """Megabytes; of Linux, as the other experiments that look at processes are."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096 / 1e6


def checks_of(moments: Sequence[Moment]) -> list[Check]:
    """The end against the first tenth."""
    first, last = moments[0], moments[-1]
    return [
        Check(name="megabytes grown", value=last.memory - first.memory, bound=MEMORY, most=True),
        Check(name="opening, times", value=last.opening / first.opening, bound=FLAT, most=True),
        Check(name="scans of large tables", value=float(len(last.scans)), bound=0.0, most=True),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Fill, look, and say whether it holds."""
    about = (__doc__ or "").partition("\n")[0]
    arguments = parse(NAME, about=about, seeds=9, size=1_000_000, argv=argv)
    server = PostgresServer()
    try:
        moments = asyncio.run(grow(arguments, server))
    finally:
        server.close()
    show_table(
        "after so many decisions",
        ["decisions", "process MB", "opening ms", "scans", "statements", "database MB"],
        [
            [
                f"{it.decisions:,}",
                f"{it.memory:.1f}",
                f"{it.opening * 1e3:.1f}",
                f"{len(it.scans)}",
                f"{it.statements}",
                f"{it.database:.0f}",
            ]
            for it in moments
        ],
    )
    for statement in moments[-1].scans:
        print(f"reads a large table: {' '.join(statement.split())[:200]}")
    figures = {"moments": [asdict(moment) for moment in moments]}
    return conclude(arguments, figures, checks=checks_of(moments), held_out=None)


if __name__ == "__main__":
    sys.exit(main())
