"""What belongs to one event loop, and is there anew in the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeGuard, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """One thing for the event loop that runs, such as a lock or a client's connections.

    Scripts that call ``asyncio.run`` once per request have a new loop each time, in which nothing
    works that waited in the one before.

    Args:
        make: makes it.
        close: lets go of it when its loop ends as ``asyncio.run`` ends one; None where nothing is
            held.
    """

    def __init__(
        self, make: Callable[[], T], *, close: Callable[[T], Awaitable[None]] | None = None
    ) -> None:
        self._make = make
        self._close = close
        self._thing: T
        self._loop: asyncio.AbstractEventLoop | None = None
        self._held: AsyncGenerator[T, None] | None = None

    def here(self) -> T:
        """The one of the loop that runs."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._thing, self._loop = self._make(), loop
            self._held = None if self._close is None else _held(self._thing, self._close)
            if self._held is not None:
                with suppress(StopIteration):  # begun, so that the loop closes it in its end
                    self._held.asend(None).send(None)
        return self._thing


def goes_on(task: asyncio.Future[T] | None) -> TypeGuard[asyncio.Future[T]]:
    """Whether it is under way, in the loop that runs: those of another loop have ended with it.

    Who waits for one of another loop waits for ever, or is told that its loop is closed.
    """
    return task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()


def cancellations() -> int:
    """How often this task was told to end, and has not ended yet."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def heed(*, since: int = 0) -> None:
    """End where that was asked for: a loop that ends asks but once.

    Who waits with ``asyncio.wait_for`` loses a cancellation, in Python 3.11, that comes as the wait
    ends; so does who calls somebody that does, as the Redis client does for all it sends.

    Args:
        since: cancellations that were there before, of a task that tidies up.
    """
    if cancellations() > since:
        raise asyncio.CancelledError


async def _held(thing: T, close: Callable[[T], Awaitable[None]]) -> AsyncGenerator[T, None]:
    try:
        yield thing
    finally:
        await close(thing)
