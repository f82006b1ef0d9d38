"""How budgets stand, asked at most once a second, and moved along by what happens here meanwhile."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from conduit.budgets.ledger import Ledger
from conduit.core.budgets import Scope
from conduit.core.errors import StoreError
from conduit.core.loops import PerLoop
from conduit.core.ports import Clock
from conduit.core.spending import Reservation, Spend

FRESH = 1.0
"""Seconds for which a look at a budget serves."""
PATIENCE = 0.1
"""Seconds that a look may take before the one before it serves."""
LATE = 10.0
"""Age in seconds up to which that one does, while the store is slow."""
KNOWN = 10_000
"""Most scopes that are remembered."""
SUPPOSED = 0.5
"""Share of what is set aside that calls are supposed to cost, while none has been settled here."""


@dataclass(frozen=True, slots=True)
class _Look:
    read: float
    edition: int
    ids: tuple[str, ...]
    at: float
    """As of when it serves: a store that is slow is not waited for by everybody."""


class Standings:
    """Budgets by scope, from memory: advice for decisions. Only a claim is certain.

    While the store is out of reach the last look serves, while it is slow one that is a few seconds
    old; and where it found that nobody has a budget, it serves for all. No look serves that was taken
    before a budget was made or changed here. A scope of which nothing is known while there are
    budgets waits for the store: its money is not spent blindly.

    Args:
        ledger: that is asked.
        clock: tells how old a look is.
    """

    def __init__(self, ledger: Ledger, *, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._looks: dict[Scope, _Look] = {}
        self._spends: dict[str, Spend] = {}
        self._reading = PerLoop(dict[Scope, asyncio.Task[None]])
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

        A look that takes longer than that serves who has waited for it.

        Raises:
            StoreError: when the store is out of reach, and nothing is known of one of them.
        """
        stale = [scope for scope in scopes if not self._is_fresh(self._looks.get(scope))]
        while stale and await self._refreshed(stale):
            stale = [scope for scope in stale if not self._is_current(self._looks.get(scope))]
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
        return self._is_current(look) and abs(self._clock.now() - look.at) <= FRESH

    def _is_current(self, look: _Look | None) -> TypeGuard[_Look]:
        """Whether no budget was made or changed here since."""
        return look is not None and look.edition == self._ledger.edition

    async def _refreshed(self, scopes: Sequence[Scope]) -> bool:
        """Look again, together with all who want the same; False where what is known has to do."""
        tasks = self._looks_at(scopes)
        soon = self._are_known(scopes, age=LATE)
        done, late = await asyncio.wait(tasks, timeout=PATIENCE if soon else None)
        errors = [error for task in done if (error := task.exception()) is not None]
        known = self._are_known(scopes, age=math.inf)
        for error in errors:
            if not known or not isinstance(error, StoreError):
                raise error
        if not known or not (errors or late):  # a budget may have been made meanwhile
            return True
        self._make_do(scopes)
        return False

    def _looks_at(self, scopes: Sequence[Scope]) -> set[asyncio.Task[None]]:
        reading = self._reading.here()
        mine = [scope for scope in scopes if scope not in reading]

        def done(task: asyncio.Task[None]) -> None:
            for scope in mine:
                del reading[scope]
            if not task.cancelled():
                task.exception()  # has been looked at, should nobody wait any more

        if mine:
            task = asyncio.create_task(self._read(mine))
            reading |= dict.fromkeys(mine, task)
            task.add_done_callback(done)
        return {reading[scope] for scope in scopes}

    def _are_known(self, scopes: Sequence[Scope], *, age: float) -> bool:
        """Whether a look at each, or one that found no budgets at all, is so many seconds old at most."""
        looks = [self._looks.get(scope) for scope in scopes]
        return self._serves(self._none, age=age) or all(self._serves(it, age=age) for it in looks)

    def _serves(self, look: _Look | None, *, age: float) -> bool:
        return self._is_current(look) and abs(self._clock.now() - look.read) <= age

    def _make_do(self, scopes: Sequence[Scope]) -> None:
        """What is known serves for another second, so that not everybody waits for the store."""
        now = self._clock.now()
        for scope in scopes:
            own = self._looks.get(scope)
            look = own if self._serves(own, age=math.inf) else self._none
            assert look is not None
            self._looks[scope] = replace(look, at=now)

    async def _read(self, scopes: Sequence[Scope]) -> None:
        edition, now = self._ledger.edition, self._clock.now()
        spends = await self._ledger.look(scopes)
        none = not spends and not await self._ledger.any_budget()
        self._none = _Look(read=now, edition=edition, ids=(), at=now) if none else None
        if len(self._looks) + len(scopes) > KNOWN:
            self._looks.clear()
            self._spends.clear()
        for scope in scopes:
            ids = tuple(it.id for it in spends if it.budget.scope == scope)
            self._looks[scope] = _Look(read=now, edition=edition, ids=ids, at=now)
        self._spends |= {it.id: it for it in spends}

    def _move(self, id_: str, *, settled: float = 0.0, reserved: float = 0.0) -> None:
        known = self._spends.get(id_)
        if known is not None:
            self._spends[id_] = replace(
                known,
                settled=known.settled + settled,
                reserved=max(known.reserved + reserved, 0.0),
            )
