"""Bells in memory, and the list of topics that a listener has not heard yet."""

from __future__ import annotations

import asyncio
from typing import Self


class Topics:
    """An asynchronous iterator over topics; equal ones that wait are one, so it never grows."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}
        self._something = asyncio.Event()
        self._closed = False

    def add(self, topic: str) -> None:
        """Let the listener know."""
        self._waiting[topic] = None
        self._something.set()

    def close(self) -> None:
        """Let the iteration end."""
        self._closed = True
        self._something.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        await self._something.wait()
        if self._closed:
            raise StopAsyncIteration
        topic = next(iter(self._waiting))
        del self._waiting[topic]
        if not self._waiting:
            self._something.clear()
        return topic


class MemoryBell:
    """A bell within one process: ``peer()`` makes another one on the same rope.

    Args:
        rope: the bells that hear this one; None begins a rope.
    """

    def __init__(self, *, rope: list[MemoryBell] | None = None) -> None:
        self._rope = [] if rope is None else rope
        self._rope.append(self)
        self._listeners: list[Topics] = []

    def peer(self) -> MemoryBell:
        """Another process's bell."""
        return MemoryBell(rope=self._rope)

    async def ring(self, topic: str) -> None:
        """Let the others know."""
        for bell in self._rope:
            if bell is not self:
                for listener in bell._listeners:
                    listener.add(topic)

    def listen(self) -> Topics:
        """Topics that others ring from now on, until the bell is closed."""
        topics = Topics()
        self._listeners.append(topics)
        return topics

    async def close(self) -> None:
        """Stop listening."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
