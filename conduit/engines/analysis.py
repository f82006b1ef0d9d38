"""Analysis of prompts beside an event loop: on a thread, or at once where that is shorter."""

from __future__ import annotations

import asyncio

from conduit.core.decisions import QueryFeatures
from conduit.features.analyzer import Analyzer


class Analysis:
    """Analyzes prompts without holding up the event loop for long.

    A prompt goes to a thread, unless it is brief and no other is being analyzed. Handing over and
    back takes a twentieth of the time that a brief prompt is encoded in, and far more where other
    processes wait for the same cores; several prompts at once are what threads are for.

    Args:
        analyzer: thread-safe.
    """

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._under_way = 0

    async def of(self, text: str) -> QueryFeatures:
        """Features of one prompt."""
        self._under_way += 1
        try:
            await asyncio.sleep(0)  # prompts that came together all count themselves first
            if self._under_way == 1 and self._analyzer.is_brief(text):
                return self._analyzer.analyze(text)
            return await asyncio.to_thread(self._analyzer.analyze, text)
        finally:
            self._under_way -= 1
