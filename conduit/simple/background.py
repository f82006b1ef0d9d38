"""An event loop on a thread of its own, so that plain functions can use what is asynchronous.

Callers may be threads, scripts, or cells of a notebook whose own loop runs: none of them is the
thread of this loop, and each waits for its own work alone.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

from conduit.core.errors import ConduitError

T = TypeVar("T")
SETTLING = 5.0
"""Seconds that work which was interrupted may take to put its books in order."""


class Background:
    """Runs coroutines on one event loop, for any number of threads.

    The loop begins with the first of them, and ends with :meth:`close`. A process that was forked
    needs another one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work and wait for it; Ctrl-C cancels it.

        Raises:
            ConduitError: when called by that loop itself, which would wait for ever.
        """
        tasks: list[asyncio.Task[Any]] = []
        future = self._submitted(_known(work, tasks))
        try:
            return future.result()
        except BaseException:
            if not future.done() and tasks:
                self._end(future, tasks[0])
            raise

    async def awaited(self, work: Coroutine[Any, Any, T]) -> T:
        """Likewise for a caller on another event loop, which goes on meanwhile.

        Cancelling the caller cancels the work.
        """
        if self._is_here():
            return await work
        return await asyncio.wrap_future(self._submitted(work))

    def iterate(self, make: Callable[[], AsyncGenerator[T, None]]) -> Generator[T, None, None]:
        """What an asynchronous generator yields, one by one; it is closed when nobody wants more."""
        pieces = _Pieces(make())
        try:
            while not isinstance(piece := self.run(pieces.next()), _Ended):
                yield piece
        finally:
            self.run(pieces.close())

    async def each(self, make: Callable[[], AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
        """Likewise for a caller on another event loop, which goes on meanwhile."""
        pieces = _Pieces(make())
        try:
            while not isinstance(piece := await self.awaited(pieces.next()), _Ended):
                yield piece
        finally:
            await self.awaited(pieces.close())

    def close(self) -> None:
        """End the loop, and with it all that still runs; repeatable."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        with suppress(RuntimeError):  # it has ended by itself
            loop.call_soon_threadsafe(loop.stop)
        thread.join()

    def _submitted(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if self._is_here():
            work.close()
            raise ConduitError(
                "a plain function was called on Conduit's own event loop",
                remedy="await its asynchronous form there, such as allm()",
            )
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def _end(self, future: Future[Any], task: asyncio.Task[Any]) -> None:
        """Cancel, and wait until what was set aside is settled or released."""
        self._running().call_soon_threadsafe(task.cancel)
        with suppress(CancelledError, TimeoutError):
            future.exception(timeout=SETTLING)

    def _is_here(self) -> bool:
        return threading.current_thread() is self._thread

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="conduit", daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class _Ended:
    """In the place of a piece: there are no more."""


async def _known(work: Coroutine[Any, Any, T], tasks: list[asyncio.Task[Any]]) -> T:
    """Do some work, having said which task does it."""
    if (task := asyncio.current_task()) is not None:
        tasks.append(task)
    return await work


class _Pieces(Generic[T]):
    """What an asynchronous generator yields; used by one at a time.

    Whoever was cancelled may still be putting its books in order when somebody closes it.
    """

    def __init__(self, pieces: AsyncGenerator[T, None]) -> None:
        self._pieces = pieces
        self._turn = asyncio.Lock()

    async def next(self) -> T | _Ended:
        async with self._turn:
            return await anext(self._pieces, _Ended())

    async def close(self) -> None:
        async with self._turn:
            await self._pieces.aclose()
