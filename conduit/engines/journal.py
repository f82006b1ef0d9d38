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
from itertools import islice, takewhile

from conduit.core.decisions import Decision
from conduit.core.errors import (
    ConduitError,
    InvalidInputError,
    LayoutMismatchError,
    StoreError,
)
from conduit.core.outcomes import Change, Execution, Observation
from conduit.core.ports import Store
from conduit.engines.journal_entries import Discount, Entry, by_decision, is_row, parts
from conduit.engines.turn import Turn

MOST = 20_000
"""Entries kept while the store is out of reach; later ones are not logged."""
AT_ONCE = 256
"""Entries that are written together."""
GATHER = 0.05
"""Seconds in which more may come before a database is written to: a commit costs as much as fifty rows."""
PATIENCE = 4
"""Entries that may fail one after another before it is the store that is held to be at fault."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between attempts; each is twice as long as the one before."""

_log = logging.getLogger(__name__)


class Journal:
    """Writes entries to a store, in the order in which they were made.

    One event loop owns it. An entry that the store refuses, while it takes others, is dropped with a
    warning, so that it does not hold up those behind it.

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
        some = [*takewhile(is_row, front)] or [self._entries[0]]
        done: list[Entry] = []
        try:
            for part in parts(some):
                await self._write_part(part, done)
        finally:
            gone = set(map(id, done))
            for _ in some:
                self._entries.popleft()
            self._entries.extendleft(it for it in reversed(some) if id(it) not in gone)
        return len(some)

    async def _write_part(self, part: Sequence[Entry], done: list[Entry]) -> None:
        """Write entries of one kind, and add to ``done`` those that are not to be tried again.

        Raises:
            StoreError: for the others.
        """
        try:
            await self._write(part)
        except ConduitError as error:
            if _is_out_of_reach(error) and (len(part) == 1 or not await self._answers()):
                raise
            await self._one_by_one(part, done)
        else:
            done.extend(part)

    async def _write(self, part: Sequence[Entry]) -> None:
        decisions = [it for it in part if isinstance(it, Decision)]
        executions = [it for it in part if isinstance(it, Execution)]
        if decisions or executions:
            await self._store.append(decisions, executions)
        if observations := [it for it in part if isinstance(it, Observation)]:
            self._stored(await self._store.observe(observations))
        for it in part:
            if isinstance(it, Discount):
                await self._store.discount(it.arm, it.head, worth=it.worth)

    async def _answers(self) -> bool:
        """Whether the store can be read, so that what it refused may be one entry's fault."""
        try:
            await self._store.pulse()
        except ConduitError:
            return False
        return True

    async def _one_by_one(self, part: Sequence[Entry], done: list[Entry]) -> None:
        """Write what belongs to each decision apart, so that one does not hold up the others.

        What fails for a reason that may be the store's is given up only if it fails again after one
        that came later was written.
        """
        doubtful: list[Sequence[Entry]] = []
        proven, failure = 0, None
        for group in by_decision(part):
            try:
                written = await self._write_apart(group)
            except ConduitError as error:
                failure = error
                doubtful.append(group)
                if len(doubtful) - proven == PATIENCE:
                    break
            else:
                done.extend(group)
                proven = len(doubtful) if written else proven
        for group in doubtful[:proven]:
            await self._write_apart(group, given_up=True)
            done.extend(group)
        if failure is not None and proven < len(doubtful):
            raise failure

    async def _write_apart(self, group: Sequence[Entry], *, given_up: bool = False) -> int:
        """Write each alone, and give up those that the store refuses; how many were written.

        Raises:
            StoreError: for one that may be welcome later, unless it is to be ``given_up`` and the
                store answers.
        """
        reasons: list[str] = []
        for entry in group:
            try:
                await self._write([entry])
            except ConduitError as error:
                if _is_out_of_reach(error) and not (given_up and await self._answers()):
                    raise
                reasons.append(str(error))
        for reason in reasons:
            self._miss(1, reason)
        return len(group) - len(reasons)

    def _miss(self, entries: int, reason: str) -> None:
        if not self._missed:
            _log.warning("the log is no longer complete: %s", reason)
        self._missed += entries


def _is_out_of_reach(error: ConduitError) -> bool:
    """Whether it is about the store or its key, not about an entry, which will never be welcome."""
    return not isinstance(error, InvalidInputError | LayoutMismatchError)
