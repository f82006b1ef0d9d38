"""Analysis of prompts beside an event loop: remembered, on a thread, or at once if that is shorter."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from conduit.cache.feature_cache import FeatureCache
from conduit.core.decisions import QueryFeatures
from conduit.core.loops import PerLoop
from conduit.features.analyzer import Analyzer

AT_ONCE = 32
"""Prompts that one thread analyzes together: half of a batch's time is saved by then, where they are short."""

_Waiting: TypeAlias = tuple[str, "asyncio.Future[QueryFeatures]"]


@dataclass(slots=True)
class _Here:
    under_way: int = 0
    shared: dict[str, asyncio.Task[QueryFeatures]] = field(default_factory=dict)
    waiting: deque[_Waiting] = field(default_factory=deque)
    working: set[asyncio.Task[None]] = field(default_factory=set)


class Analysis:
    """Analyzes prompts without holding up the event loop for long, and none of them twice.

    What was analyzed before is taken from the cache, and equal prompts that are under way share
    one analysis. A prompt goes to a thread, unless it is brief and no other is being analyzed.
    Handing over and back takes a twentieth of the time that a brief prompt is encoded in, and far
    more where other processes wait for the same cores. As many threads as there are cores work at a time;
    prompts that pile up meanwhile are analyzed together. Each event loop has its own, and waits for
    nothing that another has left.

    Args:
        analyzer: thread-safe.
        cache: of features; the analyzer knows nothing of it.
        threads: that work at a time; None takes the number of cores.
    """

    def __init__(
        self, analyzer: Analyzer, cache: FeatureCache, *, threads: int | None = None
    ) -> None:
        self._analyzer = analyzer
        self._cache = cache
        self._threads = threads or os.cpu_count() or 1
        self._loop = PerLoop(_Here)

    async def of(self, text: str) -> QueryFeatures:
        """Features of one prompt."""
        here = self._loop.here()
        shared = here.shared.get(text)
        if shared is None:
            found = await self._cache.get(self._analyzer.edition, text)
            if found is not None:
                return self._analyzer.with_text(found, text)
            shared = here.shared.get(text) or self._begin(text, here)
        return await asyncio.shield(shared)

    def _begin(self, text: str, here: _Here) -> asyncio.Task[QueryFeatures]:
        """An analysis that goes on for the others when one of those who wait for it gives up."""

        def end(task: asyncio.Task[QueryFeatures]) -> None:
            del here.shared[text]
            if not task.cancelled():
                task.exception()  # nobody may be left to take note of it

        task = asyncio.create_task(self._analyze(text, here))
        here.shared[text] = task
        task.add_done_callback(end)
        return task

    async def _analyze(self, text: str, here: _Here) -> QueryFeatures:
        here.under_way += 1
        try:
            await asyncio.sleep(0)  # prompts that came together all count themselves first
            if here.under_way == 1 and self._analyzer.is_brief(text):
                features = self._analyzer.analyze(text)
            else:
                features = await self._handed_over(text, here)
        finally:
            here.under_way -= 1
        await self._cache.put(self._analyzer.edition, text, features)
        return features

    async def _handed_over(self, text: str, here: _Here) -> QueryFeatures:
        done: asyncio.Future[QueryFeatures] = asyncio.get_running_loop().create_future()
        here.waiting.append((text, done))
        here.working = {task for task in here.working if not task.done()}
        if len(here.working) < self._threads:
            here.working.add(asyncio.create_task(self._work(here)))
        return await done

    async def _work(self, here: _Here) -> None:
        """One thread's worth of work, as long as there is any.

        It leaves in the same step in which it finds none: who comes next begins anew.
        """
        while here.waiting:
            some = [here.waiting.popleft() for _ in range(min(AT_ONCE, len(here.waiting)))]
            wanted = [it for it in some if not it[1].done()]  # others were given up
            if wanted and not await self._done(wanted):
                for one in wanted:
                    await self._done([one])
        task = asyncio.current_task()
        assert task is not None
        here.working.discard(task)

    async def _done(self, some: Sequence[_Waiting]) -> bool:
        """Whether they were answered; False when one of several fails, who are then taken one by one."""
        texts = [text for text, _ in some]
        (found,) = await asyncio.gather(
            asyncio.to_thread(self._analyzer.analyze_many, texts), return_exceptions=True
        )
        if isinstance(found, BaseException):  # whatever an encoder raises is for whoever asked
            if len(some) > 1:
                return False
            some[0][1].set_exception(found)
            return True
        for (_, done), features in zip(some, found, strict=True):
            if not done.done():
                done.set_result(features)
        return True
