"""Migrations: one history, up and down, that ends at the tables the code uses."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from conduit.core.errors import SchemaVersionError, StoreError
from conduit.stores import migrate, sql_migrations
from conduit.stores.sql import SQLStore
from conduit.stores.sql_address import parse_address
from conduit.stores.sql_dialect import make_engine
from conduit.stores.sql_schema import HEAD, metadata
from tests.servers.postgres import Databases
from tests.stores.builders import (
    ARMS,
    a_decision,
    an_observation,
    assert_equal_statistics,
    batch,
)

ROOT = Path(__file__).parents[2]


@contextmanager
def _connected(where: str | Path) -> Iterator[Connection]:
    engine = make_engine(parse_address(where))
    with engine.begin() as conn:
        yield conn
    engine.dispose()


def _tables(where: str | Path) -> set[str]:
    with _connected(where) as conn:
        return set(inspect(conn).get_table_names())


def _older_than(revision: str) -> list[str]:
    """The revisions before one, newest first."""
    config = Config()
    config.set_main_option("script_location", str(sql_migrations.migrations_folder()))
    history = ScriptDirectory.from_config(config).walk_revisions("base", revision)
    return [script.revision for script in history][1:]


def test_head_is_the_newest_revision() -> None:
    """The constant that opening compares with is the script directory's only head."""
    config = Config()
    config.set_main_option("script_location", str(sql_migrations.migrations_folder()))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_migrated_schema_is_the_metadata(where: str) -> None:
    """Alembic finds no difference between a migrated database and the tables in code."""
    with _connected(where) as conn:
        context = MigrationContext.configure(
            conn, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_a_file_that_does_not_exist_is_said_not_to(tmp_path: Path) -> None:
    """Asking for the status makes no file."""
    path = tmp_path / "conduit.db"
    assert "does not exist yet" in migrate.status(path)
    assert not path.exists()


def test_up_down_up(bare: str) -> None:
    """Down takes every table away, and up brings them back; each says what it did."""
    path = bare
    assert f"is now at revision {HEAD} (before: empty)" in migrate.up(path)
    assert _tables(path) == {*metadata.tables, "alembic_version"}
    assert f"is up to date at revision {HEAD}" in migrate.up(path)
    for older, newer in pairwise([HEAD, *_older_than(HEAD), "none"]):
        assert f"is now at revision {newer} (before: {older})" in migrate.down(path)
    assert _tables(path) == {"alembic_version"}
    assert f"is at revision none; this version wants {HEAD}" in migrate.status(path)
    assert "has nothing to undo" in migrate.down(path)
    assert f"is now at revision {HEAD} (before: empty)" in migrate.up(path)
    assert "is up to date" in migrate.status(path)


async def test_a_database_of_the_first_revision_keeps_what_it_holds(where: str) -> None:
    """Opening an older database brings it up, and nothing that was in it is lost."""
    path = where
    store = SQLStore(path)
    await store.open()
    await store.add_decision(a_decision())
    await store.observe([an_observation(value=0.25)])
    await store.close()
    while "0001" not in migrate.status(path):
        migrate.down(path)
    await store.open()
    assert await store.sources() == ()
    assert (await store.decision(a_decision().id)).id == a_decision().id
    assert_equal_statistics(
        (await store.load()).statistics[ARMS[0], "quality"], batch([(1, 0.25, 1.0)])
    )
    await store.close()


def test_down_makes_no_database(tmp_path: Path) -> None:
    """There is nothing to undo where there is no file, and none appears."""
    path = tmp_path / "conduit.db"
    assert "has nothing to undo" in migrate.down(path)
    assert not path.exists()


@pytest.mark.parametrize("step", [migrate.up, migrate.down])
def test_an_unknown_revision_is_never_touched(where: str, step: object) -> None:
    """Neither up nor down moves a database made by a newer version."""
    with _connected(where) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(SchemaVersionError):
        step(where)  # type: ignore[operator]
    assert _tables(where) == {*metadata.tables, "alembic_version"}
    assert "is at revision 0999" in migrate.status(where)


def test_a_migration_that_fails_leaves_nothing(
    tmp_path: Path, bare: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables of a migration that breaks half-way are gone, and the next attempt succeeds."""
    broken = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", broken)
    script = next((broken / "versions").glob("0001_*.py"))
    script.write_text(
        script.read_text().replace("    _create_delta_log()\n", '    op.execute("nonsense")\n')
    )
    with monkeypatch.context() as patch:
        patch.setattr(sql_migrations, "migrations_folder", lambda: broken)
        with pytest.raises(StoreError, match="nonsense"):
            migrate.up(bare)
    assert _tables(bare) == set()
    assert f"is now at revision {HEAD}" in migrate.up(bare)


def test_migrations_are_found_in_a_checkout_and_in_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They lie beside the package in a checkout and inside it once installed."""
    assert sql_migrations.migrations_folder() == ROOT / "migrations"
    wheel = tmp_path / "site-packages" / "conduit"
    (wheel / "stores").mkdir(parents=True)
    shutil.copytree(ROOT / "migrations", wheel / "migrations")
    monkeypatch.setattr(sql_migrations, "__file__", str(wheel / "stores" / "sql_migrations.py"))
    assert sql_migrations.migrations_folder() == wheel / "migrations"


def test_the_sql_for_copying_by_hand_is_up_to_date() -> None:
    """The committed PostgreSQL script is what the migrations say, and needs no driver."""
    committed = (ROOT / "migrations" / "001_initial_schema.sql").read_text()
    assert committed == migrate.sql("postgresql://localhost/any").rstrip("\n") + "\n"


def test_the_sql_for_sqlite_makes_the_same_tables(tmp_path: Path) -> None:
    """Run by hand, the printed statements make a database that opens as current."""
    path = tmp_path / "by_hand.db"
    connection = sqlite3.connect(path)
    connection.executescript(migrate.sql(path))
    connection.close()
    assert f"is up to date at revision {HEAD}" in migrate.status(path)


CATALOGUE = """
SELECT c.relname, c.relkind::text, c.relrowsecurity, c.reloptions::text, t.reloptions::text,
       (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                                    a.attnotnull, a.attstorage,
                                    pg_get_expr(d.adbin, d.adrelid),
                                    col_description(c.oid, a.attnum)), ', ' ORDER BY a.attnum)
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       (SELECT string_agg(concat_ws(' ', conname, pg_get_constraintdef(oid)), ', ' ORDER BY conname)
        FROM pg_constraint WHERE conrelid = c.oid)
FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
WHERE c.relnamespace = 'public'::regnamespace ORDER BY c.relname
"""


def _catalogue(where: str) -> list[tuple[object, ...]]:
    with _connected(where) as conn:
        return [tuple(row) for row in conn.execute(text(CATALOGUE))]


def test_the_file_pasted_into_an_editor_makes_the_same_schema(databases: Databases) -> None:
    """Tables, columns, keys, storage, options and security equal the migrated ones; it opens."""
    by_hand = databases.bare()
    with psycopg.connect(by_hand, autocommit=True) as connection:
        connection.execute((ROOT / "migrations" / "001_initial_schema.sql").read_bytes())
    assert f"is up to date at revision {HEAD}" in migrate.status(by_hand)
    found = _catalogue(by_hand)
    assert {row[0] for row in found} >= metadata.tables.keys()
    assert found == _catalogue(databases.new())


def test_every_table_has_row_level_security(databases: Databases) -> None:
    """A table that anybody may read through the API of a hosted database would be a leak."""
    tables = [row for row in _catalogue(databases.new()) if row[1] == "r"]
    assert {row[0] for row in tables} == {*metadata.tables, "alembic_version"}
    assert all(row[2] for row in tables)
