"""What a router remembers beside its store: alone, shared through Redis, and without it."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from conduit.cache.bell import MemoryBell
from conduit.cache.memory import MemoryCache
from conduit.core.clocks import ManualClock
from conduit.core.errors import ConfigurationError
from conduit.core.events import Event, Learned
from conduit.core.models import Query
from conduit.core.outcomes import Signal
from conduit.engines.caching import open_caches
from conduit.engines.router import Router
from conduit.features.encoders.hashing import HashingEncoder
from conduit.settings import Settings
from conduit.stores.sql import SQLStore
from experiments.servers.redis import Redis

from ..cache.hearing import heard
from .builders import router_of


class Counting(HashingEncoder):
    """Counts the texts it encodes; its vectors are told apart from those of other tests."""

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._own = name or f"counting-{uuid4().hex}"
        self.encoded: list[str] = []

    @property
    def name(self) -> str:
        return self._own

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += texts
        return super().encode(texts)


class Retries:
    """Notes the decisions that a retry was learned of."""

    def __init__(self) -> None:
        self.of: list[str] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Learned):
            seen = [change.observation for change in event.changes]
            self.of += [o.decision_id for o in seen if o.signal is Signal.RETRY]


async def test_a_prompt_is_encoded_once() -> None:
    """The second time its features are those of the first, and the router has counted a hit."""
    encoder = Counting()
    async with router_of(encoder=encoder) as router:
        first, second = await router.route("What is rain?"), await router.route("What is rain?")
        await router.route("What is snow?")
        said = router.cache_statistics
    assert encoder.encoded == ["What is rain?", "What is snow?"]
    np.testing.assert_array_equal(first.features.context, second.features.context)
    np.testing.assert_array_equal(first.features.embedding, second.features.embedding)
    assert (said.hits, said.misses, said.shared) == (1, 2, None)


async def test_a_router_may_be_told_to_remember_no_features() -> None:
    """CONDUIT_FEATURE_CACHE_BYTES=0: each prompt is encoded each time."""
    encoder = Counting()
    async with router_of(encoder=encoder, settings=Settings(feature_cache_bytes=0)) as router:
        for _ in range(2):
            await router.route("What is rain?")
    assert len(encoder.encoded) == 2


async def test_routers_share_features_through_redis(
    redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """What one process encoded last, the next one finds; with another encoder it does not."""
    encoders = [Counting(), Counting()]
    encoders.append(Counting(encoders[0].name))
    for encoder in encoders:
        async with router_of(encoder=encoder, redis_url=redis_server.url) as router:
            await router.route("What is rain?")
    assert [len(encoder.encoded) for encoder in encoders] == [1, 1, 0]
    assert not caplog.records


async def test_a_question_asked_again_elsewhere_is_a_retry(
    redis_server: Redis, tmp_path: Path
) -> None:
    """Two processes on one database and one Redis know that the user was here before."""
    user, retries = uuid4().hex, Retries()
    query = Query("What is rain?", user_id=user)
    store, encoder = SQLStore(tmp_path / "conduit.db"), Counting()
    async with router_of(store=store, encoder=encoder, redis_url=redis_server.url) as router:
        first = await router.route(query)
    store = SQLStore(tmp_path / "conduit.db")
    async with router_of(
        store=store, encoder=encoder, redis_url=redis_server.url, subscribers=[retries]
    ) as router:
        await router.route(query)
    assert retries.of == [first.id]


async def test_a_retry_of_a_decision_of_another_database_is_passed_over(
    redis_server: Redis,
) -> None:
    """Two databases beside one Redis: the request is answered, and nothing is learned of it."""
    query, retries, encoder = Query("What is rain?", user_id=uuid4().hex), Retries(), Counting()
    for _ in range(2):
        async with router_of(
            encoder=encoder, redis_url=redis_server.url, subscribers=[retries]
        ) as router:
            await router.route(query)
    assert retries.of == []


async def test_a_server_that_is_away_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Requests are answered, repeated questions are recognised, and the log says why it is slower."""
    retries = Retries()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"redis://:secret@127.0.0.1:{taken.getsockname()[1]}"
        async with router_of(redis_url=url, subscribers=[retries]) as router:
            first = await router.route(Query("What is rain?", user_id="ann"))
            for i in range(9):
                await router.route(Query(f"What is rain number {i}?"))
            await router.route(Query("What is rain?", user_id="ann"))
            assert router.cache_statistics.hits == 1
    assert retries.of == [first.id]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert "127.0.0.1" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("given", [{"redis_url": "http://:secret@host"}, {}])
def test_a_wrong_address_is_one_clear_error(given: dict[str, str]) -> None:
    """As an argument or as the setting; its password stays hidden."""
    settings = Settings(redis_url="http://:secret@host")
    with pytest.raises(ConfigurationError, match=r"redis_url http://.*redis://localhost") as caught:
        Router(settings=settings, **given)
    assert "secret" not in str(caught.value)


async def test_without_its_package_memory_does(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Routing works after a plain install: one warning names the remedy, and not the password."""
    monkeypatch.setitem(sys.modules, "redis", None)
    async with router_of(settings=Settings(redis_url="redis://:hunter2@host")) as router:
        for _ in range(2):
            await router.route("What is rain?")
        assert router.cache_statistics.hits == 1
        assert router.cache_statistics.shared is None
    (warning,) = caplog.records
    assert "pip install 'conduit-router[redis]'" in warning.getMessage()
    assert "hunter2" not in warning.getMessage()


async def test_the_setting_is_used_where_no_address_is_given(redis_server: Redis) -> None:
    """REDIS_URL alone makes a router share."""
    async with router_of(settings=Settings(redis_url=redis_server.url)) as router:
        await router.route("What is rain?")
        assert router.cache_statistics.shared is not None


async def test_routers_have_a_bell_on_redis(redis_server: Redis) -> None:
    """What one process rings, the others hear; without Redis there is none."""
    first, second, alone = (
        open_caches(url, most_bytes=None, cache=None, bell=None, clock=ManualClock())
        for url in (redis_server.url, redis_server.url, None)
    )
    assert first.bell is not None
    assert second.bell is not None
    assert alone.bell is None
    await heard(second.bell.listen(), first.bell, uuid4().hex)
    for caches in (first, second, alone):
        await caches.close()


async def test_a_cache_and_a_bell_of_ones_own_take_the_place_of_redis() -> None:
    """They are closed with the router."""
    cache, bell = MemoryCache(), MemoryBell()
    topics = bell.listen()
    async with router_of(cache=cache, bell=bell) as router:
        await router.route("What is rain?")
        assert router.cache_statistics.shared is not None
        assert cache.statistics.misses == 1
    assert [topic async for topic in topics] == []


def test_redis_is_imported_only_where_it_is_used() -> None:
    """A router without an address never loads the client."""
    program = (
        "import sys; from conduit import Router; from conduit.settings import Settings\n"
        "Router(settings=Settings()); print('redis' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert ran.stdout.strip() == "False"
