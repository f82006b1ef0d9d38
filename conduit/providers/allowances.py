"""The time a model is given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Allowance:
    """Seconds a call may take, used up by waiting for the model and by nothing else.

    What the reader of a stream does between two pieces is none of the model's time: a slow reader
    neither runs into the deadline nor makes the model look slow.

    Args:
        seconds: for the whole call; None for no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self.used = 0.0

    async def wait(self, answer: Awaitable[T]) -> T:
        """Wait for the model.

        Raises:
            TimeoutError: when the time was used up before.
        """
        started = time.perf_counter()
        left = None if self._seconds is None else max(0.0, self._seconds - self.used)
        try:
            async with asyncio.timeout(left):
                return await answer
        finally:
            self.used += time.perf_counter() - started
