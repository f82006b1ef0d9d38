"""What a database holds: small rows, no prompt, a trail of corrections."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from conduit.stores.sql import SQLStore
from tests.stores.builders import ARMS, a_decision, an_observation

ROOT = Path(__file__).parents[2]


def _rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def test_a_decision_takes_at_most_one_and_a_half_kilobytes(
    sqlite: SQLStore, path: Path
) -> None:
    """At 64 numbers and 5 arms a decision grows the file by 1.5 kB, index and waste included."""
    sizes = []
    for start in (0, 400):
        await asyncio.gather(
            *[
                sqlite.add_decision(
                    replace(
                        a_decision(start + number, dim=64, arms=ARMS),
                        ratings=dict.fromkeys(ARMS, 2.5),
                        probes=dict.fromkeys(ARMS, 0.01),
                    )
                )
                for number in range(400)
            ]
        )
        sizes.append(
            _rows(path, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")[
                0
            ][0]
        )
    assert int(str(sizes[1])) - int(str(sizes[0])) <= 400 * 1500


async def test_learned_state_takes_half_a_matrix(sqlite: SQLStore, path: Path) -> None:
    """A symmetric (64, 64) of float64 is stored in 64·65/2 numbers."""
    await sqlite.add_decision(a_decision(dim=64))
    await sqlite.observe([an_observation()])
    await sqlite.close()
    assert _rows(path, "SELECT length(A), length(b) FROM arm_state") == [(64 * 65 // 2 * 8, 64 * 8)]


async def test_corrections_are_audited(sqlite: SQLStore, path: Path) -> None:
    """Every changed value leaves the old value, the new one and the time; first values do not."""
    await sqlite.add_decision(a_decision())
    for value in (0.2, 0.2, 0.9, 0.4):
        await sqlite.observe([an_observation(value=value)])
    assert _rows(path, "SELECT old_value, new_value, changed_at FROM audit ORDER BY id") == [
        (0.2, 0.9, an_observation().observed_at),
        (0.9, 0.4, an_observation().observed_at),
    ]
    assert _rows(path, "SELECT value FROM observations") == [(0.4,)]


async def test_folding_leaves_no_pending_row(sqlite: SQLStore, path: Path) -> None:
    """Pending rows are deleted in the transaction that sums them."""
    await sqlite.add_decision(a_decision())
    await sqlite.observe([an_observation()])
    assert _rows(path, "SELECT count(*) FROM pending") == [(1,)]
    await sqlite.fold()
    assert _rows(path, "SELECT count(*) FROM pending") == [(0,)]


async def test_sqlite_is_set_up_for_many_processes(sqlite: SQLStore, path: Path) -> None:
    """The file is in write-ahead mode."""
    assert _rows(path, "PRAGMA journal_mode") == [("wal",)]


async def test_foreign_keys_hold(sqlite: SQLStore, path: Path) -> None:
    """No row refers to a decision that is not there."""
    await sqlite.add_decision(a_decision())
    await sqlite.observe([an_observation()])
    assert _rows(path, "PRAGMA foreign_key_check") == []


def test_a_current_database_opens_without_alembic(path: Path) -> None:
    """Only a database that needs migrating pays for importing Alembic."""
    script = (
        "import asyncio, sys\n"
        "from conduit.stores.sql import SQLStore\n"
        "async def main():\n"
        "    store = SQLStore(sys.argv[1]); await store.open(); await store.close()\n"
        "asyncio.run(main())\n"
        "print('alembic' in sys.modules, 'psycopg' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False False\n"


def test_the_memory_store_needs_no_database_library() -> None:
    """``Router()`` alone does not import SQLAlchemy."""
    script = "import sys, conduit.stores.memory; print('sqlalchemy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
