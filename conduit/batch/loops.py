"""Asynchronous work for plain functions, wherever they are called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_here(work: Coroutine[Any, Any, T]) -> T:
    """Do some work on an event loop of its own and wait for it; Ctrl-C cancels it.

    Where a loop runs in this thread already, as in a notebook, the work has another thread.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    return _aside(work)


def _aside(work: Coroutine[Any, Any, T]) -> T:
    begun: Future[Callable[[], object]] = Future()

    async def to_be_stopped() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        begun.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await work

    with ThreadPoolExecutor(1, thread_name_prefix="conduit-batch") as pool:
        done = pool.submit(asyncio.run, to_be_stopped())
        try:
            return done.result()
        except BaseException:  # Ctrl-C comes to this thread, and to no other
            if not done.done():
                begun.result()()
            raise
