"""How budgets stand, asked at most once a second, and moved along by what happens here meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from conduit.budgets.ledger import Ledger
from conduit.core.budgets import Scope
from conduit.core.errors import StoreError
from conduit.core.ports import Clock
from conduit.core.spending import Reservation, Spend

FRESH = 1.0
"""Seconds for which a look at a budget serves."""
PATIENCE = 0.1
"""Seconds that a look may take before the one before it serves."""
KNOWN = 10_000
"""Most scopes that are remembered."""
SUPPOSED = 0.5
"""Share of what is set aside that calls are supposed to cost, while none has been settled here."""


@dataclass(slots=True)
class _Look:
    at: float
    edition: int
    ids: tuple[str, ...]


class Standings:
    """Budgets by scope, from memory: advice for decisions. Only a claim is certain.

    While the store is out of reach the last look serves, and where it found that nobody has a
    budget, it serves for all. A scope of which nothing is known while there are budgets waits for
    the store: its money is not spent blindly.

    Args:
        ledger: that is asked.
        clock: tells how old a look is.
    """

    def __init__(self, ledger: Ledger, *, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._looks: dict[Scope, _Look] = {}
        self._spends: dict[str, Spend] = {}
        self._reading: dict[Scope, asyncio.Task[None]] = {}
        self._none: _Look | None = None
        self._set_aside = 0.0
        self._billed = 0.0

    @property
    def billed(self) -> float:
        """Share of what was set aside that calls did cost, as seen here; 0..1."""
        return min(self._billed / self._set_aside, 1.0) if self._set_aside else SUPPOSED

    @property
    def are_none(self) -> bool:
        """Whether nobody had a budget a second ago."""
        return self._is_fresh(self._none)

    async def of(self, scopes: Sequence[Scope]) -> list[Spend]:
        """How the budgets of some scopes stand, at most a second ago but for what happened here.

        Raises:
            StoreError: when the store is out of reach, and nothing is known of one of them.
        """
        while stale := [scope for scope in scopes if not self._is_fresh(self._looks.get(scope))]:
            if not await self._refreshed(stale):
                break
        return [self._spends[id_] for scope in scopes for id_ in self._ids(scope)]

    def claimed(self, made: Reservation) -> None:
        """Money was set aside."""
        for id_, _ in made.lines:
            self._move(id_, reserved=made.amount)

    def ended(self, made: Reservation, cost: float) -> None:
        """A call that money was set aside for has ended; ``cost`` in USD, 0 if it was released."""
        for id_, _ in made.lines:
            self._move(id_, reserved=-made.amount, settled=cost)
        if made.lines and cost:
            self._set_aside += made.amount
            self._billed += cost

    def booked(self, scopes: Iterable[Scope], cost: float) -> None:
        """Money was spent that was not set aside."""
        for scope in scopes:
            for id_ in self._ids(scope):
                self._move(id_, settled=cost)

    def _ids(self, scope: Scope) -> tuple[str, ...]:
        look = self._looks.get(scope)
        return () if look is None else look.ids

    def _is_fresh(self, look: _Look | None) -> bool:
        if look is None or look.edition != self._ledger.edition:
            return False
        return abs(self._clock.now() - look.at) <= FRESH

    async def _refreshed(self, scopes: Sequence[Scope]) -> bool:
        """Look again, together with all who want the same; False where what is known has to do."""
        mine = [scope for scope in scopes if scope not in self._reading]
        if mine:
            task = asyncio.create_task(self._read(mine))
            self._reading |= dict.fromkeys(mine, task)
            task.add_done_callback(lambda task: self._done(task, mine))
        tasks = {self._reading[scope] for scope in scopes}
        known = self._none is not None or all(scope in self._looks for scope in scopes)
        done, late = await asyncio.wait(tasks, timeout=PATIENCE if known else None)
        errors = [error for task in done if (error := task.exception()) is not None]
        for error in errors:
            if not known or not isinstance(error, StoreError):
                raise error
        if errors or late:
            self._make_do(scopes)
        return not (errors or late)

    def _done(self, task: asyncio.Task[None], scopes: Sequence[Scope]) -> None:
        for scope in scopes:
            del self._reading[scope]
        if not task.cancelled():
            task.exception()  # has been looked at, should nobody wait any more

    def _make_do(self, scopes: Sequence[Scope]) -> None:
        """What is known serves for another second, so that not everybody waits for the store."""
        now = self._clock.now()
        for scope in scopes:
            look = self._looks.get(scope)
            ids = () if look is None else look.ids
            self._looks[scope] = _Look(at=now, edition=self._ledger.edition, ids=ids)

    async def _read(self, scopes: Sequence[Scope]) -> None:
        edition, now = self._ledger.edition, self._clock.now()
        spends = await self._ledger.look(scopes)
        none = not spends and not await self._ledger.any_budget()
        self._none = _Look(at=now, edition=edition, ids=()) if none else None
        if len(self._looks) + len(scopes) > KNOWN:
            self._looks.clear()
            self._spends.clear()
        for scope in scopes:
            ids = tuple(it.id for it in spends if it.budget.scope == scope)
            self._looks[scope] = _Look(at=now, edition=edition, ids=ids)
        self._spends |= {it.id: it for it in spends}

    def _move(self, id_: str, *, settled: float = 0.0, reserved: float = 0.0) -> None:
        known = self._spends.get(id_)
        if known is not None:
            self._spends[id_] = replace(
                known,
                settled=known.settled + settled,
                reserved=max(known.reserved + reserved, 0.0),
            )
