"""The till of a ledger: an attempt's upper estimate is set aside, and what it did cost is settled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

from conduit.budgets.arrears import Arrears, Payment
from conduit.budgets.ledger import PATIENCE, Ledger
from conduit.budgets.quotes import cut_to, quote_for
from conduit.budgets.refusals import exceeded
from conduit.budgets.standings import Standings
from conduit.core.arms import Arm
from conduit.core.budgets import Scope, ScopeKind, nanos
from conduit.core.costs import CostKind, CostRecord
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import CANCELLED, Execution, ModelRequest
from conduit.core.spending import Reservation, Shortage, Spend
from conduit.engines.accounting import base_cost
from conduit.engines.till import Purse
from conduit.providers.cli_commands import TOOLS


@dataclass(slots=True, kw_only=True)
class LedgerTill:
    """Pays for the attempts of one query.

    What an attempt may cost at most is set aside in every budget of its accounts and of its model,
    see :mod:`conduit.budgets.quotes`. Nothing is set aside where no budget applies, for a free model,
    and for one without a price, whose cost nobody knows before; what it did cost is booked all the
    same, and where a budget is spent such a one is not asked: calls under way may overshoot it. A
    budget that another process made is known here within a second.

    Args:
        ledger: that keeps the money.
        arrears: see to it that it is paid.
        standings: which budgets there are.
        scopes: on whose account.
        baseline: what the same answers would have been bought at.
        kind: of the costs of what is answered.
        patience: seconds that all attempts together wait for others to settle.
    """

    ledger: Ledger
    arrears: Arrears
    standings: Standings
    scopes: tuple[Scope, ...]
    baseline: Arm
    kind: CostKind = CostKind.ANSWER
    patience: float = PATIENCE
    _waited: float = field(default=0.0, init=False)

    async def open(self, request: ModelRequest, *, decision_id: str) -> Purse:
        """Set aside what a call may cost at most, waiting a little for others to settle.

        Raises:
            BudgetExceededError: settled spending leaves too little, or nothing for a model whose
                costs are known afterwards.
            ReservationTimeoutError: the wait ended.
        """
        self.arrears.attend()
        self.ledger.attend()
        scopes = (*self.scopes, Scope(ScopeKind.MODEL, request.arm.id))
        quote = quote_for(request)
        if quote is None or not quote.estimate:
            if _costs_come_after(request.arm):
                _check_left(await self.standings.of(scopes))
            return self._purse(request, decision_id, scopes, None)
        if not await self.standings.of(scopes):
            return self._purse(request, decision_id, scopes, None)
        made = await self._reserved(scopes, quote.estimate, least=quote.least)
        self.standings.claimed(made)
        return self._purse(cut_to(request, quote, made.amount), decision_id, scopes, made)

    async def _reserved(
        self, scopes: Sequence[Scope], estimate: float, *, least: float
    ) -> Reservation:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await self.ledger.reserve(
                scopes,
                estimate,
                least=least,
                wait=max(self.patience - self._waited, 0.0),
                kept=True,
            )
        finally:
            self._waited += loop.time() - began

    def _purse(
        self,
        request: ModelRequest,
        decision_id: str,
        scopes: tuple[Scope, ...],
        made: Reservation | None,
    ) -> Purse:
        return LedgerPurse(
            request=request, till=self, decision_id=decision_id, scopes=scopes, reservation=made
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPurse:
    """Of one attempt.

    Args:
        request: as it may be made.
        till: that it is of.
        decision_id: the decision that led to it.
        scopes: on whose account.
        reservation: what was set aside; None where nothing was.
    """

    request: ModelRequest
    till: LedgerTill
    decision_id: str
    scopes: tuple[Scope, ...]
    reservation: Reservation | None

    async def settle(self, execution: Execution) -> None:
        """Pay what the attempt did cost, on record, and free the rest; done even if cancelled.

        It counts when the attempt began, in reports as in budgets.

        Nobody is kept waiting for it: what was set aside stays so until then. A store that is out of
        reach is paid later.
        """
        till, made, cost = self.till, self.reservation, execution.cost
        nothing = not cost and not _answered(execution)
        if made is not None:
            till.standings.ended(made, cost)
            payment = self._closed(made, None if nothing else execution)
            await till.arrears.pay_soon(payment, amount=cost)
        elif not nothing:
            till.standings.booked(self.scopes, cost)
            record = self._record(uuid4().hex, execution)
            await till.arrears.pay_soon(
                lambda: till.ledger.record_cost(record, self.scopes, soon=True), amount=cost
            )

    def _closed(self, made: Reservation, execution: Execution | None) -> Payment:
        """The end of what was set aside; None for an attempt that cost nothing.

        What was set aside may be gone from the books; what was spent is booked all the same.
        """
        ledger = self.till.ledger
        if execution is None:

            async def freed() -> None:
                with suppress(InvalidInputError):
                    await ledger.release(made.id)

            return freed
        record = self._record(made.id, execution)

        async def paid() -> None:
            try:
                await ledger.settle(made.id, record.cost, record=record, soon=True)
            except InvalidInputError:
                await ledger.record_cost(record, self.scopes, soon=True)

        return paid

    def _base_cost(self, execution: Execution) -> float:
        return base_cost(
            self.till.baseline,
            arm=execution.arm,
            cost=execution.cost,
            input_tokens=execution.input_tokens,
            output_tokens=execution.output_tokens,
        )

    def _record(self, id_: str, execution: Execution) -> CostRecord:
        till = self.till
        is_answer = till.kind is CostKind.ANSWER
        names = {scope.kind: scope.name for scope in self.scopes}
        return CostRecord(
            id=id_,
            at=execution.started_at if self.reservation is None else self.reservation.made_at,
            kind=CostKind.FAILED if execution.failure else till.kind,
            model=execution.arm,
            provider=self.request.arm.provider,
            cost=execution.cost,
            base_cost=self._base_cost(execution) if is_answer and _answered(execution) else 0.0,
            input_tokens=execution.input_tokens,
            output_tokens=execution.output_tokens,
            user=names.get(ScopeKind.USER),
            team=names.get(ScopeKind.TEAM),
            api_key=names.get(ScopeKind.API_KEY),
            session=names.get(ScopeKind.SESSION),
            task_type=names.get(ScopeKind.TASK_TYPE),
            decision_id=self.decision_id if is_answer else None,
        )


def _answered(execution: Execution) -> bool:
    return execution.failure is None and execution.finish_reason != CANCELLED


def _costs_come_after(arm: Arm) -> bool:
    """Whether a call may cost what no list price says: a model on this machine is free for good."""
    tool = TOOLS.get(arm.provider)
    return arm.price is None or (tool is not None and tool.says_cost)


def _check_left(standings: Sequence[Spend]) -> None:
    for spend in standings:
        if nanos(spend.settled, what="spending") >= nanos(spend.budget.limit, what="a limit"):
            raise exceeded(Shortage(spend=spend, wanted=0.0, final=True))
