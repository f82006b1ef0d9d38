"""The journal: what is logged behind the back of those who decide, in order and in batches.

A decision does not wait for a disk. What is entered is written by one task, everything that has
come in the meantime at once; while the store is out of reach it is kept and tried again, so that
routing goes on from memory. What is promised to a caller, feedback, is not entered here: it waits
for what was entered before it, and then for the store.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, takewhile

from conduit.core.errors import ConduitError, StoreError
from conduit.core.loops import PerLoop, goes_on
from conduit.core.outcomes import Change
from conduit.core.ports import Store
from conduit.engines.journal_entries import Entry, is_row, parts
from conduit.engines.journal_writer import JournalWriter
from conduit.engines.turn import Turn

MOST = 20_000
"""Entries kept while the store is out of reach; later ones are not logged."""
AT_ONCE = 256
"""Entries that are written together."""
GATHER = 0.05
"""Seconds in which more may come before a database is written to: a commit costs as much as fifty rows."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between attempts; each is twice as long as the one before."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Here:
    writing: asyncio.Task[None] | None = None
    ending: bool = False


class Journal:
    """Writes entries to a store, in the order in which they were made.

    One event loop at a time owns it. One that ends as ``asyncio.run`` does has its last entries written
    before it is closed; what another has left is written in the next one. An entry that the store
    refuses, while it takes others, is dropped with a warning, so that it does not hold up those
    behind it.

    Args:
        store: where to.
        stored: is told of what observations have changed, once they are durable.
    """

    def __init__(
        self, store: Store, *, stored: Callable[[Sequence[Change]], None] = lambda _: None
    ) -> None:
        self._store = store
        self._writer = JournalWriter(store, stored=stored, miss=lambda why: self._miss(1, why))
        self._entries: deque[Entry] = deque()
        self._loop = PerLoop(_Here, close=self._end)
        self._turn = Turn()
        self._missed = 0
        self._closed = False

    def __len__(self) -> int:
        """Number of entries that are not written yet."""
        return len(self._entries)

    @property
    def missed(self) -> int:
        """Entries that found no room, or that the store refused."""
        return self._missed

    async def enter(self, *entries: Entry) -> None:
        """Have entries written soon; a store that need not wait has them on return."""
        if self._closed:
            self._miss(len(entries), "what ends after its router was closed is not logged")
            return
        if len(self._entries) + len(entries) > MOST:
            self._miss(len(entries), "the store has been out of reach for too long")
            return
        self._entries.extend(entries)
        here = self._loop.here()
        if here.ending:  # nobody would wait for a task
            await self._write_last()
        elif not goes_on(here.writing):
            here.writing = asyncio.create_task(self._write_on())
        if not self._store.shared:
            await asyncio.sleep(0)

    async def flush(self) -> None:
        """Write everything entered so far.

        Raises:
            StoreError: when the store is out of reach; what is not written is kept.
        """
        async with self._turn:
            left = len(self._entries)  # who enters more meanwhile has it written the next time
            while left > 0 and self._entries:
                left -= await self._write_some(left)

    async def close(self) -> None:
        """Write what is left, and stop.

        Raises:
            StoreError: when the store is out of reach, naming how much is lost.
        """
        self._closed = True
        await _stopped(self._loop.here())
        try:
            await self.flush()
        except StoreError as error:
            raise StoreError(
                f"{len(self._entries)} entries of the log could not be written: {error.problem}",
                remedy=error.remedy,
            ) from None

    async def _end(self, here: _Here) -> None:
        here.ending = True
        await _stopped(here)
        await self._write_last()

    async def _write_last(self) -> None:
        """In a loop that ends: what the store does not take now is for the next loop."""
        with suppress(ConduitError):
            await self.flush()

    async def _write_on(self) -> None:
        """Until nothing is left. A loop that ends cancels this, and what is left is written once."""
        pause = FIRST_PAUSE
        try:
            while self._entries:
                if self._store.shared:
                    await asyncio.sleep(GATHER)
                try:
                    await self.flush()
                    pause = FIRST_PAUSE
                except ConduitError as error:
                    if pause == FIRST_PAUSE:
                        _log.warning("routing goes on from memory: %s", error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        except asyncio.CancelledError:
            await self._write_last()
            raise

    async def _write_some(self, most: int) -> int:
        """The entries in front, as far as they can be written together: up to the next discount.

        Decisions and attempts go first, which no observation minds that came between them. What fails
        after a part of it was written is written again, and changes nothing then.

        Returns:
            How many.
        """
        front = islice(self._entries, min(most, AT_ONCE))
        some = [*takewhile(is_row, front)] or [self._entries[0]]
        done: list[Entry] = []
        try:
            for part in parts(some):
                await self._writer.write(part, done)
        finally:
            gone = set(map(id, done))  # others may have come in front, where a loop was dropped
            self._entries = deque(it for it in self._entries if id(it) not in gone)
        return len(some)

    def _miss(self, entries: int, reason: str) -> None:
        if not self._missed:
            _log.warning("the log is no longer complete: %s", reason)
        self._missed += entries


async def _stopped(here: _Here) -> None:
    writing, here.writing = here.writing, None
    if goes_on(writing):
        writing.cancel()
        await asyncio.wait([writing])
