"""What goes wrong with a server is one line that says what and what to do, and nothing starts anew."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

from conduit.cli.migrate import main
from conduit.core.errors import (
    InvalidInputError,
    SchemaVersionError,
    StoreError,
    UnknownDecisionError,
)
from conduit.stores.direct import engine_of
from conduit.stores.sql import SQLStore
from conduit.stores.sql_address import parse_address
from conduit.stores.sql_migrations import bring_down, bring_up
from conduit.stores.sql_schema import HEAD
from conduit.stores.sql_worker import Worker
from experiments.servers.postgres import Postgres
from tests.servers.postgres import Databases
from tests.stores.builders import a_decision, an_execution, an_observation


@pytest.fixture
def address(databases: Databases) -> str:
    """An empty database on PostgreSQL."""
    return databases.new()


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where somebody listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def role(postgres_server: Postgres) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    name = f"stranger_{uuid4().hex[:12]}"
    postgres_server.run(f"CREATE ROLE {name} LOGIN PASSWORD 'loopback'")
    yield name
    postgres_server.run(f"DROP ROLE {name}")


def _run(address: str, *statements: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def _changed(address: str, **parts: object) -> str:
    return make_url(address).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]


async def _refusal(address: str) -> str:
    """What opening ends with: one line, with a remedy and without the password."""
    with pytest.raises(StoreError) as caught:
        await SQLStore(address).open()
    said = str(caught.value)
    assert "\n" not in said
    assert caught.value.remedy
    assert caught.value.exit_code == 2
    assert str(make_url(address).password) not in said
    return said


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


WRONG: list[tuple[Callable[[str], str], str]] = [
    (lambda it: _changed(it, password="guess"), "refuses this user or password; put the right"),
    (lambda it: _changed(it, username="nobody_here"), "refuses this user or password"),
    (lambda it: _changed(it, database="nowhere_here"), "does not exist; create it, or choose"),
    (lambda it: _changed(it, port=_free_port()), "cannot be reached; check its host and port"),
    (lambda it: _changed(it, host="nowhere.invalid"), "names a host that does not exist; check"),
]


@pytest.mark.parametrize(("change", "said"), WRONG)
async def test_an_address_that_leads_nowhere_is_one_line(
    address: str,
    change: Callable[[str], str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Password, user, database, port and host: each is told apart, in the store and the command."""
    wrong = change(address)
    refusal = await _refusal(wrong)
    assert said in refusal
    monkeypatch.setenv("DATABASE_URL", wrong)
    assert main(["status"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"migrate.sh: {refusal}\n")


async def test_a_server_that_never_answers_is_given_up(address: str, silent: int) -> None:
    """The address may shorten the five seconds."""
    mute = _changed(address, port=silent) + "?connect_timeout=2"
    assert "cannot be reached" in await _refusal(mute)


@pytest.mark.parametrize("changes", [{"user_id": "a\0b"}, {"fallback_chain": ("a\0b",)}])
async def test_text_that_postgresql_cannot_keep_is_refused(
    address: str, changes: dict[str, Any]
) -> None:
    """A NUL character, in text or in JSON, is an input error, and nothing is stored."""
    store = SQLStore(address)
    await store.open()
    with pytest.raises(InvalidInputError, match="NUL character; leave it out"):
        await store.append([replace(a_decision(1), **changes), a_decision(2)], [])
    with pytest.raises(UnknownDecisionError):
        await store.decision(a_decision(2).id)
    await store.close()


async def test_a_newer_database_is_left_alone(address: str) -> None:
    """Both revisions are named, and the database stays at its own."""
    _run(address, "UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(SchemaVersionError, match=f"'0999'.*'{HEAD}'; upgrade conduit-router"):
        await SQLStore(address).open()
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [("0999",)]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP TABLE pending", f"half-migrated: revision {HEAD} lacks pending"),
        ("DELETE FROM alembic_version", "half-migrated: it has adjustments, .* but no revision"),
        ("DROP TABLE alembic_version", "half-migrated: it has adjustments, .* but no revision"),
    ],
)
async def test_a_half_applied_schema_is_recognised(address: str, damage: str, said: str) -> None:
    """Tables without a revision, and a revision without its tables, are said to be that."""
    _run(address, damage)
    with pytest.raises(StoreError, match=said):
        await SQLStore(address).open()


async def test_a_read_only_database_opens_and_refuses_to_write(address: str) -> None:
    """Reading works, as on a standby; writing says what to connect to."""
    _run(
        address,
        f"ALTER DATABASE {make_url(address).database} SET default_transaction_read_only = on",
    )
    store = SQLStore(address)
    await store.open()
    assert await store.count() == 0
    with pytest.raises(StoreError, match="may not be written; connect to the primary server"):
        await store.append([a_decision()], [])
    await store.close()


async def test_a_full_disk_loses_nothing_that_was_acknowledged(address: str) -> None:
    """The write that found no room is refused whole, and the next one after there is room works."""
    store = SQLStore(address)
    await store.open()
    await store.append([a_decision(1)], [an_execution(1)])
    _run(
        address,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
        " 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON pending EXECUTE FUNCTION refuse()",
    )
    with pytest.raises(StoreError, match="has no room left on its disk; free some space"):
        await store.observe([an_observation(1)])
    assert await store.count() == 0
    _run(address, "DROP TRIGGER full_disk ON pending")
    await store.observe([an_observation(1)])
    assert (await store.fold()).count == 1
    await store.close()


async def test_a_role_that_may_read_no_table_is_told_which_may(address: str, role: str) -> None:
    """Without grants the role is refused; with them, row level security still hides the rows.

    With what DEPLOYMENT.md lists it serves.
    """
    stranger = _changed(address, username=role, password="loopback")
    assert "may not be used by this role; connect as the role that made" in await _refusal(stranger)
    _run(address, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    assert "row level security hides the database's rows" in await _refusal(stranger)
    _run(
        address,
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO " + role,
        f"ALTER ROLE {role} BYPASSRLS",
    )
    store = SQLStore(stranger)
    await store.open()
    await store.append([a_decision(1)], [an_execution(1)])
    await store.observe([an_observation(1)])
    assert (await store.fold()).count == 1
    await store.close()
    _run(address, f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}")
    _run(address, f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_what_the_server_undid_for_another_transaction_may_be_tried_again(
    address: str, state: str
) -> None:
    """A transaction that could not stand beside another one is told in words, in any language."""
    worker = Worker(parse_address(address))
    fails = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(StoreError, match=r"was (changed|held) by another transaction.*; try again"):
        await worker.write(lambda conn: conn.exec_driver_sql(fails), lock="")
    await worker.close()


async def test_a_schema_that_is_not_public_is_used_as_public_is(databases: Databases) -> None:
    """Functions look for the tables where they were made, also once a revision was undone."""
    address = databases.bare()
    _run(
        address,
        'CREATE SCHEMA "an app"',
        f"ALTER DATABASE {make_url(address).database} SET search_path = 'an app'",
    )
    store = SQLStore(address)
    await store.open()
    await store.append([a_decision(1)], [])
    await store.observe([an_observation(1)])
    await store.close()
    with psycopg.connect(address) as connection:
        connection.execute("SET search_path = public")
        counted = 'SELECT "an app".conduit_count(), "an app".conduit_revision()'
        assert connection.execute(counted).fetchall() == [(1, HEAD)]
    with engine_of(parse_address(address)) as engine:
        for _ in range(5):
            bring_down(engine)
        assert bring_up(engine).after == HEAD


async def test_what_the_server_says_is_absent_is_not_taken_for_the_database(address: str) -> None:
    """A function or a schema that does not exist is told in the server's words."""
    worker = Worker(parse_address(address))
    with pytest.raises(StoreError, match=r"function nothing.* does not exist") as caught:
        await worker.write(lambda conn: conn.exec_driver_sql("SELECT nothing()"), lock="")
    assert "create it, or choose another database" not in str(caught.value)
    await worker.close()
