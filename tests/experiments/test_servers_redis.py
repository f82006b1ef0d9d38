"""The Redis that tests and experiments start."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from redis import ConnectionError as RedisConnectionError
from redis import Redis as Client

from conduit.core.errors import ConfigurationError
from experiments.servers import redis as servers

from ..test_setup import recipe


def test_a_server_stops_and_starts_on_the_same_port() -> None:
    """Stopped, it refuses; started again, it answers at the same address, empty."""
    server = servers.RedisServer()
    try:
        with Client.from_url(server.url) as client:
            client.set("key", "value")
            server.stop()
            with pytest.raises(RedisConnectionError):
                client.get("key")
            server.start()
            assert client.get("key") is None
    finally:
        server.close()


def test_a_running_server_is_taken_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started then."""
    monkeypatch.setenv(servers.VARIABLE, "redis://elsewhere:6379/5")
    with servers.redis() as server:
        assert server.url == "redis://elsewhere:6379/5"


def test_the_systems_server_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is on the PATH is preferred to pip's."""
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert servers.redis_binary() == program


def test_without_any_server_the_package_to_install_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line, with the system's package and the variable."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"apt-get install redis-server.*TEST_REDIS_URL"):
        servers.redis_binary()


def test_make_test_asks_for_a_server_before_any_test_runs() -> None:
    """The check comes before pytest, and succeeds or says in one line what is missing."""
    lines = recipe("test").splitlines()
    asks = [i for i, line in enumerate(lines) if "-m experiments.servers.redis" in line]
    runs = [i for i, line in enumerate(lines) if "-m pytest" in line]
    assert asks < runs
    ran = subprocess.run(
        [sys.executable, "-S", "-m", "experiments.servers.redis"],
        env={"PATH": "", "PYTHONPATH": str(Path.cwd())},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("no Redis server is installed")
    assert len(ran.stderr.splitlines()) == 1
