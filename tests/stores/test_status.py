"""How a database is, told without touching it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from conduit.core.clocks import ManualClock
from conduit.core.errors import StoreError
from conduit.stores.sql import SQLStore
from conduit.stores.sql_schema import HEAD, metadata
from conduit.stores.status import status_of
from tests.stores.builders import ARMS, LAYOUT
from tests.stores.refitting import START, decided, during, learn, observed, refit
from tests.stores.test_purge import everything


async def pend(path: Path, clock: ManualClock) -> None:
    """A rating that nobody has folded, ten seconds after its decision."""
    store = SQLStore(path, clock=clock)
    await store.open()
    await store.add_decision(decided(9, clock))
    clock.advance(10.0)
    await store.observe([observed(9, 0.5, clock)])
    await store._worker.close()  # a crash: what is pending stays pending


def test_status_counts_what_is_there(path: Path) -> None:
    """Rows, models, times and versions are those of the log."""
    clock = ManualClock(START)
    asyncio.run(learn(path, clock, 1, 2, 3))
    asyncio.run(pend(path, clock))
    clock.advance(5.0)
    status = status_of(path, now=clock.now())
    assert (status.place, status.kind, status.exists) == (str(path), "sqlite", True)
    assert (status.revision, status.newest) == (HEAD, HEAD)
    assert status.size >= path.stat().st_size
    contents = status.contents
    assert contents is not None
    assert contents.rows.keys() == metadata.tables.keys()
    assert (contents.rows["decisions"], contents.rows["pending"]) == (4, 1)
    assert (contents.arms[ARMS[0]].observations, contents.arms[ARMS[0]].ratings) == (4, 4)
    assert (contents.layout, contents.rebuilding) == (LAYOUT, False)
    assert contents.last_decision == START
    assert contents.last_observation == contents.oldest_pending == START + 10.0
    assert contents.lag(clock.now()) == 5.0


def test_nothing_is_made_or_changed(path: Path, tmp_path: Path) -> None:
    """A file that is not there stays away, and one that is there stays as it is."""
    before = everything(path)
    status_of(path, now=START)
    assert everything(path) == before
    absent = status_of(tmp_path / "absent.db", now=START)
    assert (absent.exists, absent.contents) == (False, None)
    assert not (tmp_path / "absent.db").exists()


def test_a_file_that_keeps_no_log_is_left_as_it_is(path: Path, tmp_path: Path) -> None:
    """Looking changes not a byte of a file in another journal mode, ours or not; writing sets ours."""
    strange = tmp_path / "strange.db"
    for file, statement in ((path, "SELECT 1"), (strange, "CREATE TABLE it (a)")):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute(statement)
            connection.commit()
    for file in (path, strange):
        before = file.read_bytes()
        assert status_of(file, now=START).revision == (HEAD if file == path else None)
        assert file.read_bytes() == before
    asyncio.run(learn(path, ManualClock(START), 1))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_nothing_pending_is_no_lag(path: Path) -> None:
    """Lag is of observations that are not learned yet, not of time without any."""
    contents = status_of(path, now=START).contents
    assert contents is not None
    assert contents.lag(START) == 0.0


def test_a_rebuild_shows(path: Path) -> None:
    """While one runs, the status says why nothing is folded."""
    clock = ManualClock(START)
    asyncio.run(learn(path, clock, 1))
    seen: list[bool] = []

    def look() -> None:
        contents = status_of(path, now=clock.now()).contents
        assert contents is not None
        seen.append(contents.rebuilding)

    refit(path, clock, progress=during(look))
    look()
    assert seen == [True, False]


def test_a_file_of_something_else_is_one_line(tmp_path: Path) -> None:
    """What is no database is said to be none."""
    (tmp_path / "text.db").write_text("hello, this is no database at all" * 50)
    with pytest.raises(StoreError, match="is not a database"):
        status_of(tmp_path / "text.db", now=START)
