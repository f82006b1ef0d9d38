"""A database that cannot be used: one line that names it and the remedy, nothing changed."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from conduit.core.errors import (
    ConduitError,
    ConfigurationError,
    InvalidInputError,
    SchemaVersionError,
    StoreError,
    UnknownDecisionError,
)
from conduit.stores import sql_dialect
from conduit.stores.sql import SQLStore
from conduit.stores.sql_address import parse_address
from conduit.stores.sql_errors import translated
from conduit.stores.sql_schema import HEAD
from tests.stores.builders import DIM, a_decision, an_observation


async def _refusal(where: str | Path) -> ConduitError:
    """The error that opening ends with."""
    with pytest.raises(ConduitError) as caught:
        await SQLStore(where).open()
    assert "\n" not in str(caught.value)
    assert caught.value.remedy
    assert caught.value.exit_code == 2
    return caught.value


def _bytes(path: Path) -> bytes:
    return path.read_bytes()


async def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    """The first open needs no set-up."""
    path = tmp_path / "a" / "b 50%" / "conduit.db"
    store = SQLStore(path)
    await store.open()
    await store.close()
    assert path.is_file()


async def test_a_newer_database_is_left_alone(path: Path) -> None:
    """Both revisions are named and not a byte changes."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()
    before = _bytes(path)
    error = await _refusal(path)
    assert isinstance(error, SchemaVersionError)
    assert "'0999'" in str(error)
    assert repr(HEAD) in str(error)
    assert "upgrade conduit-router" in str(error)
    assert _bytes(path) == before


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """A note under that name is not overwritten."""
    path = tmp_path / "notes.txt"
    path.write_text("remember the milk\n" * 100)
    error = await _refusal(path)
    assert str(error) == f"{path} is not a database; choose another file, or move this one away"
    assert path.read_text() == "remember the milk\n" * 100


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """A path that names a folder is refused by name."""
    error = await _refusal(tmp_path)
    assert isinstance(error, StoreError)
    assert f"{tmp_path} cannot be opened" in str(error)


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the place of the folder is said to be in the way."""
    (tmp_path / "file").write_text("")
    error = await _refusal(tmp_path / "file" / "conduit.db")
    assert "the folder of" in str(error)


async def test_a_read_only_database_opens_and_refuses_to_write(path: Path) -> None:
    """Reading works; writing says what to allow."""
    store = SQLStore(f"sqlite:///file:{path}?mode=ro&uri=true")
    await store.open()
    assert await store.count() == 0
    with pytest.raises(StoreError, match="may not be written; allow writing"):
        await store.add_decision(a_decision())
    await store.close()


@pytest.mark.parametrize(
    ("where", "file"),
    [
        ("sqlite:////my%20data/100%25.db", "/my data/100%.db"),
        ("sqlite:////data/100%.db", "/data/100%.db"),
        ("/my data/kept%20?.db", "/my data/kept%20?.db"),
    ],
)
def test_an_address_is_decoded_and_a_path_is_not(where: str, file: str) -> None:
    """A file whose name no address can hold as it is can be named by one all the same."""
    assert parse_address(where).place == file


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP TABLE pending", f"revision {HEAD} lacks pending"),
        ("DELETE FROM alembic_version", "arm_state, .*decisions, .* but no revision"),
        ("DROP TABLE alembic_version", "arm_state, .*decisions, .* but no revision"),
    ],
)
async def test_a_half_applied_schema_is_recognised(path: Path, damage: str, said: str) -> None:
    """Tables without a revision, and a revision without its tables, are said to be that."""
    with sqlite3.connect(path) as connection:
        connection.execute(damage)
    connection.close()
    error = await _refusal(path)
    assert isinstance(error, StoreError)
    with pytest.raises(StoreError, match=said):
        raise error


async def test_a_missing_column_is_translated(path: Path) -> None:
    """Damage that only shows later is no error of SQLAlchemy's either."""
    store = SQLStore(path)
    await store.open()
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE decisions DROP COLUMN reasoning")
    connection.close()
    with pytest.raises(StoreError, match="lacks a table or a column"):
        await store.add_decision(a_decision())
    await store.close()


async def test_a_writer_that_never_ends_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for another process has an end, and says why."""
    monkeypatch.setattr("conduit.stores.sql_dialect.BUSY_SECONDS", 0.05)
    store = SQLStore(path)
    await store.open()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="is held by another process"):
        await store.add_decision(a_decision())
    holder.execute("COMMIT")
    holder.close()
    await store.add_decision(a_decision())
    await store.close()


async def test_a_full_disk_loses_nothing_that_was_acknowledged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write that found no room is refused whole; what was there stays and can be read."""
    store = SQLStore(path)
    await store.open()
    await store.append([a_decision(1)], [])
    await store.close()
    pages = len(_bytes(path)) // 4096
    configure = sql_dialect._configure_connection

    def with_little_room(connection: Any, record: Any) -> None:
        configure(connection, record)
        connection.execute(f"PRAGMA max_page_count={pages + 2}")

    monkeypatch.setattr(sql_dialect, "_configure_connection", with_little_room)
    await store.open()
    with pytest.raises(StoreError, match="has no room left on its disk; free some space"):
        await store.append([a_decision(number, dim=DIM) for number in range(2, 99)], [])
    assert (await store.decision(a_decision(1).id)).id == a_decision(1).id
    with pytest.raises(UnknownDecisionError):
        await store.decision(a_decision(2).id)
    await store.close()


def test_a_full_disk_in_sqlites_other_words_is_named() -> None:
    """Where the files beside the database find no room, the remedy is the disk, not an address."""
    with pytest.raises(StoreError) as caught, translated("x.db"):
        raise sqlite3.OperationalError("disk I/O error")
    assert str(caught.value).startswith("x.db cannot be read or written: disk I/O error")
    assert "check that its disk has room" in str(caught.value)


async def test_a_closed_store_says_so(path: Path) -> None:
    """Before open and after close there is a StoreError, and closing twice is allowed."""
    store = SQLStore(path)
    with pytest.raises(StoreError, match=r"is not open; await open\(\) first"):
        await store.count()
    await store.open()
    await store.open()
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="is not open"):
        await store.observe([an_observation()])


async def test_a_failed_open_can_be_tried_again(tmp_path: Path) -> None:
    """Nothing stays behind when opening fails, so the same store opens once the cause is gone."""
    path = tmp_path / "conduit.db"
    path.write_text("not a database, but long enough to look at" * 10)
    store = SQLStore(path)
    with pytest.raises(StoreError):
        await store.open()
    path.unlink()
    await store.open()
    await store.close()


async def test_text_that_is_no_unicode_is_refused(sql: SQLStore) -> None:
    """A lone surrogate is an input error that shows the text."""
    with pytest.raises(InvalidInputError, match=r"'a\\udcff'"):
        await sql.decision("a\udcff")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("postgresql://postgres.x:[password]@host:6543/postgres", r"placeholder \[password\]"),
        ("mysql://root@localhost/x", "'mysql' are not supported"),
        ("postgresql://user:secret@host:many/x", "cannot be read"),
        ("sqlite://", "would vanish"),
        (":memory:", "would vanish"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(where: str, said: str) -> None:
    """The message says what to write instead, and never shows a password."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        SQLStore(where)
    assert "secret" not in str(caught.value)
    assert caught.value.remedy


async def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL without psycopg is one line with the command that installs it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = await _refusal("postgresql://user:secret@localhost/x")
    assert "pip install 'conduit-router[postgres]'" in str(error)


def test_a_store_names_its_place_without_the_password() -> None:
    """What is shown of an address can be shown to anybody."""
    for address in (
        "postgresql://user:secret@localhost/x",
        "postgresql://localhost/x?user=user&password=secret",
        "postgresql://user@localhost/x?sslpassword=secret&sslmode=require",
    ):
        place = SQLStore(address).place
        assert "secret" not in place
        assert "localhost/x" in place


@pytest.mark.parametrize("password", ["a@secret", "a@b/secret", "@secret"])
def test_a_password_that_is_not_escaped_is_refused_and_not_shown(password: str) -> None:
    """Where it holds an @ nobody knows where it ends: the remedy is told, and no part of it."""
    with pytest.raises(ConfigurationError, match="%40") as refused:
        SQLStore(f"postgresql://user:{password}@localhost/x")
    assert "secret" not in str(refused.value)


def test_a_home_folder_that_is_unknown_is_refused() -> None:
    """A path that begins with nobody's folder is a mistake of the configuration."""
    with pytest.raises(ConfigurationError, match="home folder is unknown"):
        SQLStore("~nobody-of-this-name/x.db")
