"""How a journal's entries reach the store: together, or apart where the store refuses one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conduit.core.decisions import Decision
from conduit.core.errors import ConduitError, InvalidInputError, LayoutMismatchError
from conduit.core.outcomes import Change, Execution, Observation
from conduit.core.ports import Store
from conduit.engines.journal_entries import Discount, Entry, by_decision

PATIENCE = 4
"""Entries that may fail one after another before it is the store that is held to be at fault."""


class JournalWriter:
    """Writes entries of one kind, and gives up those that the store refuses while it takes others.

    Args:
        store: where to.
        stored: is told of what observations have changed, once they are durable.
        miss: is told why, for each that is given up.
    """

    def __init__(
        self,
        store: Store,
        *,
        stored: Callable[[Sequence[Change]], None],
        miss: Callable[[str], None],
    ) -> None:
        self._store = store
        self._stored = stored
        self._miss = miss

    async def write(self, part: Sequence[Entry], done: list[Entry]) -> None:
        """Write entries of one kind, and add to ``done`` those that are not to be tried again.

        Raises:
            StoreError: for the others.
        """
        try:
            await self._put(part)
        except ConduitError as error:
            if _is_out_of_reach(error) and (len(part) == 1 or not await self._answers()):
                raise
            await self._one_by_one(part, done)
        else:
            done.extend(part)

    async def _put(self, part: Sequence[Entry]) -> None:
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
                written = await self._put_apart(group)
            except ConduitError as error:
                failure = error
                doubtful.append(group)
                if len(doubtful) - proven == PATIENCE:
                    break
            else:
                done.extend(group)
                proven = len(doubtful) if written else proven
        for group in doubtful[:proven]:
            await self._put_apart(group, given_up=True)
            done.extend(group)
        if failure is not None and proven < len(doubtful):
            raise failure

    async def _put_apart(self, group: Sequence[Entry], *, given_up: bool = False) -> int:
        """Write each alone, and give up those that the store refuses; how many were written.

        Raises:
            StoreError: for one that may be welcome later, unless it is to be ``given_up`` and the
                store answers.
        """
        reasons: list[str] = []
        for entry in group:
            try:
                await self._put([entry])
            except ConduitError as error:
                if _is_out_of_reach(error) and not (given_up and await self._answers()):
                    raise
                reasons.append(str(error))
        for reason in reasons:
            self._miss(reason)
        return len(group) - len(reasons)


def _is_out_of_reach(error: ConduitError) -> bool:
    """Whether it is about the store or its key, not about an entry, which will never be welcome."""
    return not isinstance(error, InvalidInputError | LayoutMismatchError)
