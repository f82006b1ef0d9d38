"""Analysis of prompts beside an event loop: remembered, on a thread, or at once if that is shorter."""

from __future__ import annotations

import asyncio

from conduit.cache.feature_cache import FeatureCache
from conduit.core.decisions import QueryFeatures
from conduit.features.analyzer import Analyzer


class Analysis:
    """Analyzes prompts without holding up the event loop for long, and none of them twice.

    What was analyzed before is taken from the cache, and equal prompts that are under way share
    one analysis. A prompt goes to a thread, unless it is brief and no other is being analyzed.
    Handing over and back takes a twentieth of the time that a brief prompt is encoded in, and far
    more where other processes wait for the same cores; several prompts at once are what threads
    are for.

    Args:
        analyzer: thread-safe.
        cache: of features; the analyzer knows nothing of it.
    """

    def __init__(self, analyzer: Analyzer, cache: FeatureCache) -> None:
        self._analyzer = analyzer
        self._cache = cache
        self._under_way = 0
        self._shared: dict[str, asyncio.Task[QueryFeatures]] = {}

    async def of(self, text: str) -> QueryFeatures:
        """Features of one prompt."""
        shared = self._shared.get(text)
        if shared is None:
            found = await self._cache.get(self._analyzer.layout, text)
            if found is not None:
                return found
            shared = self._shared.get(text) or self._begin(text)
        return await asyncio.shield(shared)

    def _begin(self, text: str) -> asyncio.Task[QueryFeatures]:
        """An analysis that goes on for the others when one of those who wait for it gives up."""

        def end(task: asyncio.Task[QueryFeatures]) -> None:
            del self._shared[text]
            if not task.cancelled():
                task.exception()  # nobody may be left to take note of it

        task = asyncio.create_task(self._analyze(text))
        self._shared[text] = task
        task.add_done_callback(end)
        return task

    async def _analyze(self, text: str) -> QueryFeatures:
        self._under_way += 1
        try:
            await asyncio.sleep(0)  # prompts that came together all count themselves first
            if self._under_way == 1 and self._analyzer.is_brief(text):
                features = self._analyzer.analyze(text)
            else:
                features = await asyncio.to_thread(self._analyzer.analyze, text)
        finally:
            self._under_way -= 1
        await self._cache.put(self._analyzer.layout, text, features)
        return features
