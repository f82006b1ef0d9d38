"""How much of a database's own speed does the store keep, and what does it write per feedback?

One PostgreSQL server with its default settings, which wait for the disk at every commit. The store
appends decisions with their attempts, and observations, in batches; between two of its batches the bare
driver inserts the same rows into the same tables of another database, prepared and pipelined, which is the
fastest way it has short of COPY. A seed is one such round with rows of its own. Then feedback is observed
and folded, a batch at a time, for as long as ``--size`` says.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import LiteralString

import psycopg
from psycopg.sql import SQL, Identifier, Placeholder
from psycopg.types.json import Jsonb

from conduit.core.decisions import Decision
from conduit.core.outcomes import Change
from conduit.stores import migrate
from conduit.stores.sql import SQLStore
from conduit.stores.sql_codec import Row, execution_row, observation_row, pending_row
from conduit.stores.sql_decisions import decision_row
from experiments.arguments import Arguments, parse
from experiments.report import Check, conclude, mean_and_error, show_table
from experiments.servers.postgres import Postgres, PostgresServer
from experiments.store_rows import attempts_of, decisions_from, feedback_on

NAME = "bench_store"
BATCH, BATCHES = 256, 8
"""Decisions per call, and calls per round."""
KEPT = 0.5
"""Share of the driver's own rate that is to be left."""
ROOM = 64.0
"""Megabytes that ``arm_state`` may take, dead rows and all."""
JSON = ("arms", "fallback_chain", "constraints_relaxed")
WAL: LiteralString = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"


@dataclass(slots=True)
class Rates:
    """Decisions, or feedbacks, per second: one for each round."""

    ours: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)


class Raw:
    """The bare driver on the tables of a store."""

    def __init__(self, address: str) -> None:
        self._connection = psycopg.connect(address, autocommit=True)

    def insert(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """Insert rows of several tables in one transaction."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for table, rows in tables.items():
                names = SQL(", ").join(map(Identifier, rows[0]))
                values = SQL(", ").join(map(Placeholder, rows[0]))
                query = SQL("INSERT INTO {} ({}) VALUES ({})")
                cursor.executemany(query.format(Identifier(table), names, values), rows)

    def number(self, query: LiteralString) -> float:
        """The one number that a query gives."""
        row = self._connection.execute(query).fetchone()
        return float(row[0]) if row else 0.0

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


async def compare(store: SQLStore, raw: Raw, rounds: int) -> tuple[Rates, Rates]:
    """Rates of decisions with their attempts, and of feedback, each in turn with the driver."""
    decided, told = Rates(), Rates()
    for number in range(rounds):
        first = 1 + number * BATCH * BATCHES
        batches = [decisions_from(first + BATCH * k, BATCH) for k in range(BATCHES)]
        for rates, write, rows in (
            (decided, _append, _decision_rows),
            (told, _observe, _feedback_rows),
        ):
            ours = theirs = 0.0
            for batch in batches:
                prepared = rows(batch)
                started = time.perf_counter()
                raw.insert(prepared)
                between = time.perf_counter()
                await write(store, batch)
                ours += time.perf_counter() - between
                theirs += between - started
            rates.ours.append(BATCH * BATCHES / ours)
            rates.raw.append(BATCH * BATCHES / theirs)
        await store.fold()
    return decided, told


async def _append(store: SQLStore, decisions: Sequence[Decision]) -> None:
    await store.append(decisions, attempts_of(decisions))


async def _observe(store: SQLStore, decisions: Sequence[Decision]) -> None:
    await store.observe(feedback_on(decisions))


def _decision_rows(decisions: Sequence[Decision]) -> dict[str, list[Row]]:
    rows = [decision_row(decision) for decision in decisions]
    for row in rows:
        row |= {name: Jsonb(row[name]) for name in JSON}
    return {"decisions": rows, "executions": [execution_row(it) for it in attempts_of(decisions)]}


def _feedback_rows(decisions: Sequence[Decision]) -> dict[str, list[Row]]:
    told = feedback_on(decisions)
    waiting = [pending_row(Change(observation=it)) for it in told]
    return {"observations": [observation_row(it) for it in told], "pending": waiting}


async def learn(store: SQLStore, raw: Raw, size: int) -> dict[str, float]:
    """Observe and fold so many ratings; what was written meanwhile, and what is left of it."""
    first, spent, done = 1 << 40, 0.0, 0
    written = 0.0
    while done < size:
        batch = decisions_from(first + done, min(BATCH, size - done))
        await store.append(batch, attempts_of(batch))
        before, started = raw.number(WAL), time.perf_counter()
        await _observe(store, batch)
        await store.fold()
        spent += time.perf_counter() - started
        written += raw.number(WAL) - before
        done += len(batch)
    return {
        "feedback_per_second_folded": done / spent,
        "wal_bytes_per_feedback": written / done,
        "arm_state_megabytes": raw.number("SELECT pg_total_relation_size('arm_state') / 1e6"),
        "arm_state_rows": raw.number("SELECT count(*) FROM arm_state"),
    }


async def measure(
    arguments: Arguments, server: Postgres
) -> tuple[dict[str, Rates], dict[str, float]]:
    """All of it, on two databases of one server."""
    ours, theirs = server.create("ours"), server.create("theirs")
    migrate.up(theirs)
    store, raw, beside = SQLStore(ours), Raw(theirs), Raw(ours)
    await store.open()
    await store.append(decisions_from(0, 1), [])
    decided, told = await compare(store, raw, arguments.seeds)
    written = await learn(store, beside, arguments.size)
    await store.close()
    raw.close()
    beside.close()
    return {"decisions": decided, "feedback": told}, written


def checks_of(rates: Mapping[str, Rates], written: Mapping[str, float]) -> list[Check]:
    """Half of the driver's rate, and a table that does not swell."""
    shares = [
        Check(name=f"{what} against the driver", value=_share(found), bound=KEPT)
        for what, found in rates.items()
    ]
    size = Check(
        name="megabytes of arm_state", value=written["arm_state_megabytes"], bound=ROOM, most=True
    )
    return [*shares, size]


def _share(rates: Rates) -> float:
    return mean_and_error(rates.ours)[0] / mean_and_error(rates.raw)[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, report, and say whether it holds."""
    about = (__doc__ or "").partition("\n")[0]
    arguments = parse(NAME, about=about, seeds=10, size=100_000, argv=argv)
    server = PostgresServer({})
    try:
        rates, written = asyncio.run(measure(arguments, server))
    finally:
        server.close()
    show_table(
        "per second",
        ["what", "store", "± s.e.", "driver", "± s.e."],
        [
            [what, *(f"{it:,.0f}" for it in (*mean_and_error(r.ours), *mean_and_error(r.raw)))]
            for what, r in rates.items()
        ],
    )
    show_table("written", ["what", "figure"], [[k, f"{v:,.1f}"] for k, v in written.items()])
    figures = {
        "rates": {what: asdict(found) for what, found in rates.items()},
        **written,
        "load_average": os.getloadavg(),
    }
    return conclude(arguments, figures, checks=checks_of(rates, written), held_out=None)


if __name__ == "__main__":
    sys.exit(main())
