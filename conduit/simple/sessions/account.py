"""A session's account on the ledger: what holds its budget, warns of it, and adds it up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from enum import Enum
from uuid import uuid4

from conduit.budgets.nearness import WARNED, is_near
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.costs import CostFilter
from conduit.core.errors import ConduitError, InvalidInputError
from conduit.core.models import Query
from conduit.engines.configured import actor_of
from conduit.engines.shielding import finish
from conduit.simple.calls import Ask, answered
from conduit.simple.configuration import Configuration
from conduit.simple.grading.classification import classified
from conduit.simple.grading.verdicts import SmartClassification
from conduit.simple.house import House
from conduit.simple.sessions.terms import Strategy, Terms, alarm, fitting
from conduit.simple.sessions.totals import Step, Totals

WINDOW = Window(Period.TOTAL)
SLACK = 60.0
"""Seconds that a clock may step back while a session goes on."""

_log = logging.getLogger(__name__)


class Phase(Enum):
    """How far a session is."""

    NEW = "has not begun"
    OPEN = "is under way"
    ENDED = "has ended"


class Account:
    """Of one session; its coroutines run on the house's event loop, and so never at once.

    Args:
        home: lends the router.
        plan: what holds for all calls of the session.
        terms: what it may cost.
    """

    def __init__(self, home: House, plan: Configuration, terms: Terms) -> None:
        self.scope = Scope(ScopeKind.SESSION, uuid4().hex)
        self.steps: list[Step] = []
        self._alarms: deque[str] = deque()
        self._home = home
        self._plan = plan
        self._terms = terms
        self._phase = Phase.NEW
        self._began = time.time()
        self._under_way = 0
        self._warned_at = 0.0

    async def open(self) -> None:
        """Begin, and make the budget.

        Raises:
            InvalidInputError: for a session that began before.
            ConfigurationError: for a database that keeps no books.
        """
        self._check(Phase.NEW)
        self._phase = Phase.OPEN
        try:
            async with self._home.lent(self._plan) as router:
                ledger = await router.ledger()
                if (limit := self._terms.held) is not None:
                    await ledger.set_budget(self.scope, WINDOW, limit, actor=self._actor)
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """Take no more calls; once those under way have ended, costs are booked and the budget gone."""
        self._phase = Phase.ENDED
        await finish(self._cleared())

    async def answered(self, ask: Ask) -> Step:
        """Have a prompt answered on this account.

        Raises:
            InvalidInputError: when the session is not under way.
            BudgetExceededError: when its budget, or another one, has too little left.
        """
        async with self._call():
            among = await self._among(ask)
            answer = await answered(self._home, self._plan, ask, among=among)
            step = Step(number=len(self.steps) + 1, prompt=ask.prompt, response=answer)
            self.steps.append(step)
            return step

    async def classified(self, query: Query) -> SmartClassification:
        """Have a prompt judged on this account.

        Raises:
            InvalidInputError: when the session is not under way.
        """
        async with self._call():
            return await classified(self._home, self._plan, query, scopes=(self.scope,))

    def due(self) -> list[str]:
        """What is to be said of the budget, to the one thread that asks first."""
        said = []
        with suppress(IndexError):  # another thread may have taken the last
            while True:
                said.append(self._alarms.popleft())
        return said

    async def totals(self) -> Totals:
        """What the ledger has booked on this account."""
        wanted = CostFilter(since=self._began - SLACK, only={"session": self.scope.name})
        async with self._home.lent(self._plan) as router:
            ledger = await router.ledger()
            found = await ledger.report("session", wanted)
        totals = Totals(budget=self._terms.budget)
        for it in found:
            totals = replace(
                totals,
                cost=it.cost,
                base_cost=it.base_cost,
                calls=it.calls,
                input_tokens=it.input_tokens,
                output_tokens=it.output_tokens,
            )
        return totals

    @property
    def _actor(self) -> str:
        return actor_of(self._plan.settings)

    def _check(self, phase: Phase) -> None:
        if self._phase is not phase:
            raise InvalidInputError(
                f"this session {self._phase.value}",
                remedy='write "with session(...) as s:", once for each, and call s.llm() inside',
            )

    async def _among(self, ask: Ask) -> tuple[str, ...]:
        """Ids of the models that may answer: of an ``adaptive`` budget, while they fit well."""
        limit = self._terms.held
        if limit is None or self._terms.strategy is not Strategy.ADAPTIVE or ask.quality != "auto":
            return self._plan.candidates(ask.quality)
        async with self._home.lent(self._plan) as router:
            ledger = await router.ledger()
            spends = await ledger.standing([self.scope])
        left = min((spend.remaining for spend in spends), default=limit)
        return fitting((self._plan.cheap, self._plan.quality), ask, left=left)

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        self._check(Phase.OPEN)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            await finish(self._looked_after())

    async def _looked_after(self) -> None:
        """Neither may cost a caller the answer that was paid for, or hide why a call failed."""
        for work in (self._warned, self._cleared):
            try:
                await work()
            except ConduitError as error:
                _log.warning("the books of %s cannot be reached: %s", self.scope, error)

    async def _cleared(self) -> None:
        """Remove the budget after the last call: one that is under way must not outlive its limit."""
        if self._phase is not Phase.ENDED or self._under_way:
            return
        async with self._home.lent(self._plan) as router:
            ledger = await router.ledger()
            await ledger.standing([self.scope])  # once all that it owes is booked
            if self._terms.held is not None:
                await ledger.remove_budget(self.scope, WINDOW, actor=self._actor)

    async def _warned(self) -> None:
        """Say it when most of the budget is spent, and when all of it is; once each."""
        terms = self._terms
        if terms.strategy is not Strategy.WARN or terms.budget is None or self._warned_at > 1:
            return
        spent = (await self.totals()).cost
        if not spent or not is_near(spent, terms.budget):
            return
        level = 2.0 if spent > terms.budget else WARNED
        if level > self._warned_at:
            self._warned_at = level
            said = alarm(self.scope, spent, of=terms.budget)
            _log.warning("%s", said)
            self._alarms.append(said)
