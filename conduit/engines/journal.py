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
from typing import TypeAlias

from conduit.core.decisions import Decision
from conduit.core.errors import (
    ConduitError,
    InvalidInputError,
    LayoutMismatchError,
    StoreError,
)
from conduit.core.outcomes import Change, Execution, Head, Observation
from conduit.core.ports import Store
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """Let all learned of one head of one arm be worth at most that many ratings."""

    arm: str
    head: Head
    worth: float


Entry: TypeAlias = Decision | Execution | Observation | Discount


class Journal:
    """Writes entries to a store, in the order in which they were made.

    One event loop owns it. An entry that the store refuses is dropped with a warning, so that it
    does not hold up those behind it.

    Args:
        store: where to.
        stored: is told of what observations have changed, once they are durable.
    """

    def __init__(
        self, store: Store, *, stored: Callable[[Sequence[Change]], None] = lambda _: None
    ) -> None:
        self._store = store
        self._stored = stored
        self._entries: deque[Entry] = deque()
        self._writing: asyncio.Task[None] | None = None
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
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_on())
        if not self._store.shared:
            await asyncio.sleep(0)

    async def flush(self) -> None:
        """Write everything entered so far.

        Raises:
            StoreError: when the store is out of reach; what is not written is kept.
        """
        async with self._turn:
            left = len(self._entries)  # who enters more meanwhile has it written the next time
            while left > 0:
                left -= await self._write_some(left)

    async def close(self) -> None:
        """Write what is left, and stop.

        Raises:
            StoreError: when the store is out of reach, naming how much is lost.
        """
        self._closed = True
        writing, self._writing = self._writing, None
        if writing is not None and not writing.done():
            writing.cancel()
            await asyncio.wait([writing])
        try:
            await self.flush()
        except StoreError as error:
            raise StoreError(
                f"{len(self._entries)} entries of the log could not be written: {error.problem}",
                remedy=error.remedy,
            ) from None

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
            with suppress(ConduitError):
                await self.flush()
            raise

    async def _write_some(self, most: int) -> int:
        """The entries in front, as far as they can be written together: up to the next discount.

        Decisions and attempts go first, which no observation minds that came between them. What fails
        after a part of it was written is written again, and changes nothing then.

        Returns:
            How many.
        """
        front = islice(self._entries, min(most, AT_ONCE))
        some = [*takewhile(_is_row, front)] or [self._entries[0]]
        try:
            await self._write(some)
        except ConduitError as error:
            if _is_out_of_reach(error):
                raise
            await self._one_by_one(some)
        for _ in some:
            self._entries.popleft()
        return len(some)

    async def _write(self, entries: Sequence[Entry]) -> None:
        decisions = [it for it in entries if isinstance(it, Decision)]
        executions = [it for it in entries if isinstance(it, Execution)]
        if decisions or executions:
            await self._store.append(decisions, executions)
        if observations := [it for it in entries if isinstance(it, Observation)]:
            self._stored(await self._store.observe(observations))
        for it in entries:
            if isinstance(it, Discount):
                await self._store.discount(it.arm, it.head, worth=it.worth)

    async def _one_by_one(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            try:
                await self._write([entry])
            except ConduitError as error:
                if _is_out_of_reach(error):
                    raise
                self._miss(1, str(error))

    def _miss(self, entries: int, reason: str) -> None:
        if not self._missed:
            _log.warning("the log is no longer complete: %s", reason)
        self._missed += entries


def _is_out_of_reach(error: ConduitError) -> bool:
    """Whether it is about the store or its key, not about an entry, which will never be welcome."""
    return not isinstance(error, InvalidInputError | LayoutMismatchError)


def _is_row(entry: Entry) -> bool:
    """Whether it may be written before others that came earlier."""
    return not isinstance(entry, Discount)
