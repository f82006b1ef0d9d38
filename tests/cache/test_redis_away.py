"""Redis absent, slow, restarted or talking rubbish: a slower path, never an error."""

from __future__ import annotations

import asyncio
import logging
import sys

import pytest

from conduit.cache.guard import Guard, GuardedCache
from conduit.cache.redis import RedisCache, RedisServer
from conduit.core.clocks import ManualClock
from conduit.core.errors import CacheError, ConfigurationError
from experiments.servers.redis import RedisServer as OwnServer

from .conftest import speaking


def guarded(url: str, *, clock: ManualClock | None = None, timeout: float = 0.05) -> GuardedCache:
    """A cache on a server that fails soon."""
    server = RedisServer(url, shown="redis://there", timeout=timeout)
    return GuardedCache(RedisCache(server), Guard(clock=clock))


async def test_nobody_listens(nobody: str, caplog: pytest.LogCaptureFixture) -> None:
    """Every question is a miss, and the log has two warnings that name the address."""
    cache = guarded(nobody)
    await cache.put("key", b"value", ttl=60)
    assert [await cache.get("key") for _ in range(20)] == [None] * 20
    assert cache.statistics.errors == 5
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "redis://there does not answer" in caplog.messages[0]
    await cache.close()


RUBBISH = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"$abc\r\n",
    b"*-5\r\n",
    b"*3\r\n:1\r\n:2\r\n:3\r\n",
    b":7\r\n",
    b"\x00\xff\xfe\r\n",
    b"-NOAUTH Authentication required.\r\n",
    b"%1\r\n",
    b"\r\n",
    b"*1\r\n" * 5000,
    b"$99999999999\r\nshort",
    b"",
]


@pytest.mark.parametrize("answer", RUBBISH)
async def test_a_server_that_talks_rubbish_is_away(answer: bytes) -> None:
    """Whatever it says, or nothing, within one timeout per call."""
    async with speaking(answer) as url:
        cache = guarded(url)
        for _ in range(5):
            assert await cache.get("key") is None
        await cache.put("key", b"value", ttl=60)
        await cache.close()
    assert cache.statistics.errors == 5


async def test_a_frozen_server_costs_five_short_timeouts(own_redis_server: OwnServer) -> None:
    """Connections are accepted and nothing is answered: then it is left alone, and comes back."""
    clock = ManualClock(1000.0)
    cache = guarded(own_redis_server.url, clock=clock)
    await cache.put("key", b"value", ttl=60)
    assert await cache.get("key") == b"value"
    own_redis_server.freeze()
    try:
        assert [await cache.get("key") for _ in range(100)] == [None] * 100
    finally:
        own_redis_server.thaw()
    assert cache.statistics.errors == 5
    clock.advance(300.0)
    assert await cache.get("key") == b"value"
    await cache.close()


async def test_a_restart_is_survived(own_redis_server: OwnServer) -> None:
    """Connections that were cut are made again; what was kept is gone, which is a miss."""
    cache = guarded(own_redis_server.url, timeout=2.0)
    await cache.put("key", b"value", ttl=60)
    own_redis_server.restart()
    assert await cache.get("key") is None
    await cache.put("key", b"again", ttl=60)
    assert await cache.get("key") == b"again"
    await cache.close()


async def test_a_crowd_is_no_outage(own_redis_server: OwnServer) -> None:
    """More questions at once than connections may be open wait for their turn."""
    cache = guarded(own_redis_server.url, timeout=5.0)
    await cache.put("key", b"value", ttl=60)
    assert await asyncio.gather(*(cache.get("key") for _ in range(500))) == [b"value"] * 500
    assert cache.statistics.errors == 0
    await cache.close()


async def test_a_wrong_password_is_said_without_it(own_redis_server: OwnServer) -> None:
    """The server's refusal is a failure like any other; the message holds no secret."""
    url = own_redis_server.url.replace("://", "://:hunter2@")
    server = RedisServer(url, shown="redis://:********@there")
    with pytest.raises(CacheError) as caught:
        await RedisCache(server).get("key")
    assert "hunter2" not in str(caught.value)
    await server.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:6379",
        "localhost:6379",
        "redis://localhost:port",
        "redis://localhost:99999999",
        "redis://localhost/0?colour=blue",
        "redis://localhost/0?socket_timeout=soon",
    ],
)
def test_an_address_that_is_none_is_one_clear_error(url: str) -> None:
    """Said when the router is made, not at the first request."""
    with pytest.raises(ConfigurationError, match=r"redis_url SHOWN .* as in redis://localhost"):
        RedisServer(url, shown="SHOWN")


@pytest.mark.parametrize(
    "url", ["redis://:[hunter2]@h", "redis://:hunter2/x@h", "redis://:x[hunter2@h"]
)
def test_an_address_that_cannot_be_read_keeps_its_password(url: str) -> None:
    """What the client says of it may quote the password, and is not repeated."""
    with pytest.raises(ConfigurationError, match="redis_url SHOWN") as caught:
        RedisServer(url, shown="SHOWN")
    assert "hunter2" not in str(caught.value)


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set address and a missing extra: one line that says what to install."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'conduit-router\[redis\]'"):
        RedisServer("redis://localhost", shown="redis://localhost")
