"""What has to be done is done, whatever becomes of the task that wanted it and of its event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from conduit.core.loops import PerLoop

T = TypeVar("T")
Work: TypeAlias = Callable[[], Awaitable[T]]
"""Does something; done again, it changes nothing."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Here:
    tasks: set[asyncio.Future[Any]] = field(default_factory=set)
    ending: bool = False


class Finishing:
    """Does work, in one event loop after another.

    A loop that ends cancels what is under way in it, as ``asyncio.run`` does; it is done again then,
    before the loop is closed. What a loop has left that was not ended so is done in the next one.
    """

    def __init__(self) -> None:
        self._works: dict[asyncio.Future[Any], Work[Any]] = {}
        self._loop = PerLoop(_Here, close=self._end)

    def __len__(self) -> int:
        """Works under way in this loop."""
        return len(self._loop.here().tasks)

    @property
    def is_ending(self) -> bool:
        """Whether this loop is ending, and only what somebody waits for is sure to be done."""
        return self._loop.here().ending

    def attend(self) -> None:
        """Be there when this loop ends; for work that may come only then."""
        self._loop.here()

    def begin(self, work: Work[T]) -> asyncio.Future[T]:
        """Begin some work, which nobody need wait for; cancelling a wait must not cancel it."""
        self._begin_again()
        return self._begin(work)

    async def done(self) -> None:
        """Until all that was begun by now is done; others may begin more, on and on."""
        self._begin_again()
        if tasks := set(self._loop.here().tasks):
            await asyncio.wait(tasks)

    async def rest(self) -> None:
        """Until nothing is left to do."""
        self._begin_again()
        await _done(self._loop.here())

    def _begin(self, work: Work[T]) -> asyncio.Future[T]:
        task = asyncio.ensure_future(work())
        tasks = self._loop.here().tasks
        tasks.add(task)
        self._works[task] = work
        task.add_done_callback(tasks.discard)
        task.add_done_callback(self._ended)
        return task

    def _begin_again(self) -> None:
        """What was cancelled, or was left by a loop that is no more."""
        tasks = self._loop.here().tasks
        if len(self._works) == len(tasks):
            return
        for task in [it for it in self._works if it not in tasks]:
            self._begin(self._works.pop(task)).add_done_callback(_say_why)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        if not task.cancelled():
            self._works.pop(task, None)

    async def _end(self, here: _Here) -> None:
        here.ending = True
        await _done(here)
        self._begin_again()
        await _done(here)


async def _done(here: _Here) -> None:
    while here.tasks:
        await asyncio.wait(here.tasks)


def _say_why(task: asyncio.Future[Any]) -> None:
    """Who wanted it is not there any more to be told."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("what an event loop left undone: %s", error)
