"""An event loop on a thread of its own, so that plain functions can use what is asynchronous.

Callers may be threads, scripts, or cells of a notebook whose own loop runs: none of them is the
thread of this loop, and each waits for its own work alone.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, Generic, TypeVar

from conduit.core.errors import ConduitError
from conduit.simple.ending import over

T = TypeVar("T")
SETTLING = 5.0
"""Seconds that work which was interrupted may take to put its books in order."""


class Background:
    """Runs coroutines on one event loop, for any number of threads.

    The loop begins with the first of them, and ends with :meth:`close`. A process that is forked
    meanwhile needs another one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._leaving = self._closed = False
        self._iterated: set[_Pieces[Any]] = set()
        self._process = os.getpid()

    @property
    def is_running(self) -> bool:
        """Whether there is a loop, which may have work."""
        return self._loop is not None

    @property
    def is_forked(self) -> bool:
        """Whether this process was forked from the one that made this."""
        return os.getpid() != self._process

    def check(self) -> None:
        """Refuse to go on in a child process.

        Threads do not survive a fork, and SQLite must not be carried through one.

        Raises:
            ConduitError: in a process that was forked from the one that made this.
        """
        if self.is_forked:
            raise ConduitError(
                "this process was forked from one that uses Conduit already",
                remedy='start it anew, as multiprocessing does with the method "spawn", or fork '
                "before the first call",
            )

    def run(self, work: Coroutine[Any, Any, T], *, ends: bool = False) -> T:
        """Do some work and wait for it; Ctrl-C cancels it.

        Args:
            work: to be done.
            ends: whether it only ends what was begun, which is done while this is left, too.

        Raises:
            ConduitError: when called by that loop itself, which would wait for ever; in a forked
                process; and once this is left or closed.
        """
        future: Future[T] | None = None
        try:
            future = self._submitted(work, ends=ends)
            return future.result()
        except CancelledError:
            raise over() from None
        except BaseException:  # Ctrl-C may come before the work has begun
            if future is None or not future.done():
                self._give_up(work)
            raise

    async def awaited(self, work: Coroutine[Any, Any, T], *, ends: bool = False) -> T:
        """Likewise for a caller on another event loop, which goes on meanwhile.

        Cancelling the caller cancels the work.
        """
        if self._is_here():
            return await work
        future = self._submitted(work, ends=ends)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if self._leaving:
                raise over() from None
            raise

    def iterate(self, make: Callable[[], AsyncGenerator[T, None]]) -> Generator[T, None, None]:
        """What an asynchronous generator yields, one by one; it is closed when nobody wants more."""
        with self._opened(make) as pieces:
            try:
                while not isinstance(piece := self.run(pieces.next()), _Ended):
                    yield piece
            finally:
                if not self._closed:  # which has closed it as well
                    self.run(pieces.close(), ends=True)

    async def each(self, make: Callable[[], AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
        """Likewise for a caller on another event loop, which goes on meanwhile."""
        with self._opened(make) as pieces:
            try:
                while not isinstance(piece := await self.awaited(pieces.next()), _Ended):
                    yield piece
            finally:
                if not self._closed:
                    await self.awaited(pieces.close(), ends=True)

    def leave(self) -> None:
        """Take no more work, but for what ends what was begun; then :meth:`close`."""
        with self._lock:
            self._leaving = True

    async def end_iterating(self) -> None:
        """Close all that is still iterated, while what it uses is open; whoever reads is given up."""
        for pieces in tuple(self._iterated):
            await pieces.end()

    def close(self) -> None:
        """End the loop, and with it all that still runs; repeatable, and for good."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
            self._leaving = self._closed = True
        if loop is None or thread is None:
            return
        with suppress(RuntimeError):  # it has ended by itself
            loop.call_soon_threadsafe(loop.stop)
        thread.join()

    @contextmanager
    def _opened(self, make: Callable[[], AsyncGenerator[T, None]]) -> Iterator[_Pieces[T]]:
        pieces = _Pieces(make())
        self._iterated.add(pieces)
        try:
            yield pieces
        finally:
            self._iterated.discard(pieces)

    def _submitted(self, work: Coroutine[Any, Any, T], *, ends: bool = False) -> Future[T]:
        try:
            self.check()
            if self._is_here():
                raise ConduitError(
                    "a plain function was called on Conduit's own event loop",
                    remedy="await its asynchronous form there, such as allm()",
                )
            return asyncio.run_coroutine_threadsafe(work, self._running(ends=ends))
        except ConduitError:
            work.close()
            raise

    def _give_up(self, work: Coroutine[Any, Any, Any]) -> None:
        """Cancel, and wait until what was set aside is settled or released."""
        with suppress(TimeoutError, ConduitError):
            self._submitted(_cancelled(work), ends=True).result(timeout=SETTLING)
        if getcoroutinestate(work) == CORO_CREATED:
            work.close()

    def _is_here(self) -> bool:
        return threading.current_thread() is self._thread

    def _running(self, *, ends: bool) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed or (self._leaving and not ends):
                raise over()
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
        while left := asyncio.all_tasks(loop):  # some begin others as they end
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class _Ended:
    """In the place of a piece: there are no more."""


async def _cancelled(work: Coroutine[Any, Any, Any]) -> None:
    """Until the task that does some work has ended."""
    for task in asyncio.all_tasks():
        if task.get_coro() is work:
            task.cancel()
            await asyncio.wait([task])


class _Pieces(Generic[T]):
    """What an asynchronous generator yields; used by one at a time.

    Whoever was cancelled may still be putting its books in order when somebody closes it.
    """

    def __init__(self, pieces: AsyncGenerator[T, None]) -> None:
        self._pieces = pieces
        self._turn = asyncio.Lock()
        self._reader: asyncio.Task[Any] | None = None

    async def next(self) -> T | _Ended:
        async with self._turn:
            self._reader = asyncio.current_task()
            try:
                return await anext(self._pieces, _Ended())
            finally:
                self._reader = None

    async def close(self) -> None:
        async with self._turn:
            await self._pieces.aclose()

    async def end(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        await self.close()
