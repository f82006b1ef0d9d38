"""A Redis server for the tests of this process, and one that a test may stop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from experiments.servers.redis import Redis, RedisServer, redis


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """The server that the environment names, or one of our own; keys of tests are their own."""
    with redis() as server:
        yield server


@pytest.fixture(scope="module")
def own_redis_server() -> Iterator[RedisServer]:
    """A server that a test may stop and start."""
    server = RedisServer()
    yield server
    server.close()
