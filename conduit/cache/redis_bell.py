"""A bell on Redis publish/subscribe, which reconnects by itself."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from uuid import uuid4

from conduit.cache.bell import Topics
from conduit.cache.guard import Guard
from conduit.cache.redis import RedisServer
from conduit.core.errors import CacheError
from conduit.core.loops import goes_on, heed

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

_log = logging.getLogger("conduit.cache")

CHANNEL = "conduit:bell"
"""Where bells of all processes are rung."""

QUIET_SECONDS = 15.0
"""After so long without a word the server is asked whether it is there."""

CANCEL_SECONDS = 0.1
"""After so long a listener that has not ended is cancelled again."""

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
"""Seconds between two attempts to reconnect: the first, and what doubling ends at."""


class RedisBell:
    """Rings in every process that listens on the same server.

    Args:
        server: left open, since others may be writing still.
        guard: shared by all that call the same server.
    """

    def __init__(self, server: RedisServer, *, guard: Guard) -> None:
        self._server = server
        self._guard = guard
        self._me = uuid4().hex
        self._listeners: list[Topics] = []
        self._listening: asyncio.Task[None] | None = None

    async def ring(self, topic: str) -> None:
        """Let the others know, if the server can be reached."""
        message = f"{self._me}:{topic}"
        await self._guard.run(
            lambda: self._server.ask(lambda redis: redis.publish(CHANNEL, message)), otherwise=0
        )

    def listen(self) -> Topics:
        """Topics that others ring from now on, until the bell is closed."""
        topics = Topics()
        if not goes_on(self._listening):  # as after the loop before
            self._listeners.clear()
            self._listening = asyncio.create_task(self._listen())
        self._listeners.append(topics)
        return topics

    async def close(self) -> None:
        """Stop listening and release the connection; repeatable."""
        listening, self._listening = self._listening, None
        was_here = goes_on(listening)
        while goes_on(listening):
            # Again and again: a cancellation is lost where the connection breaks at that moment.
            listening.cancel()
            await asyncio.wait([listening], timeout=CANCEL_SECONDS)
        if was_here:  # those of a loop that has ended are not there to be told
            for listener in self._listeners:
                listener.close()
        self._listeners.clear()

    async def _listen(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                with self._server.errors():
                    async with self._server.client.pubsub() as subscription:
                        await subscription.subscribe(CHANNEL)
                        pause = FIRST_PAUSE
                        await self._hear(subscription)
            except CacheError as error:
                _log.debug("no bell for now: %s", error)
            heed()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _hear(self, subscription: PubSub) -> None:
        """Pass on what is rung, until the server has said nothing even when asked."""
        asked = False
        while True:
            heed()
            message = await subscription.get_message(timeout=QUIET_SECONDS)
            if message is not None:
                asked = False
                self._pass_on(message["type"], message["data"])
            elif asked:
                return
            else:
                asked = True
                await subscription.ping()

    def _pass_on(self, kind: str, data: object) -> None:
        if kind != "message" or not isinstance(data, bytes):
            return
        sender, _, topic = data.decode("utf-8", "replace").partition(":")
        if sender != self._me:
            for listener in self._listeners:
                listener.add(topic)
