"""What an engine knows of hard budgets: tills for its calls, and means for its decisions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from conduit.bandits.means import UNLIMITED, Means
from conduit.budgets.arrears import Arrears
from conduit.budgets.ledger import Ledger, Tally
from conduit.budgets.pressure import strongest
from conduit.budgets.quotes import most_input_tokens, quote_for
from conduit.budgets.standings import Standings
from conduit.core.arms import Arm
from conduit.core.budgets import Scope, ScopeKind
from conduit.core.costs import CostKind, CostRecord
from conduit.core.decisions import Decision
from conduit.core.errors import StoreError
from conduit.core.models import Query
from conduit.core.outcomes import ModelRequest
from conduit.core.ports import Clock, Store
from conduit.core.spending import BudgetStore, Spend
from conduit.engines.learner import REMEMBERED
from conduit.engines.ledger_till import LedgerTill
from conduit.engines.till import OpenTill, Till


class Money:
    """Tills and means over one store; where it keeps no budgets, nothing is limited or recorded.

    Args:
        store: that keeps the books.
        clock: tells the windows.
        baseline: what savings are measured against, as it is now.
    """

    def __init__(self, store: Store, *, clock: Clock, baseline: Callable[[], Arm]) -> None:
        self._store = store
        self._clock = clock
        self._baseline = baseline
        self._arrears = Arrears()
        self._ledger = Ledger(store, clock=clock) if isinstance(store, BudgetStore) else None
        self._standings = None if self._ledger is None else Standings(self._ledger, clock=clock)
        self._awaited: OrderedDict[str, tuple[Scope, ...]] = OrderedDict()

    @property
    def ledger(self) -> Ledger:
        """The ledger.

        Raises:
            ConfigurationError: for a store that keeps no budgets.
        """
        return Ledger(self._store) if self._ledger is None else self._ledger

    @property
    def tally(self) -> Tally:
        """What became of claims so far."""
        return Tally() if self._ledger is None else self._ledger.tally

    def till(self, scopes: Sequence[Scope], *, kind: CostKind = CostKind.ANSWER) -> Till:
        """Opens a till on some accounts, for one query, or for an aside of another kind."""
        if self._ledger is None or self._standings is None:
            return OpenTill()
        return LedgerTill(
            ledger=self._ledger,
            arrears=self._arrears,
            standings=self._standings,
            scopes=tuple(dict.fromkeys(scopes)),
            baseline=self._baseline(),
            kind=kind,
        )

    async def means(self, query: Query, scopes: Sequence[Scope], arms: Sequence[Arm]) -> Means:
        """What budgets leave for a decision, from what was known within the last second.

        The budgets of accounts press on all arms. A model's own budget is no reason to save money
        elsewhere: it only removes its arm when what is left does not pay for the call.

        Args:
            query: to be answered.
            scopes: on whose account.
            arms: among which is chosen.
        """
        if self._standings is None or self._standings.are_none:
            return UNLIMITED
        models = [Scope(ScopeKind.MODEL, arm.id) for arm in arms]
        spends = await self._standings.of([*dict.fromkeys((*scopes, *models))])
        if not spends:
            return UNLIMITED
        shared = [it for it in spends if it.budget.scope in scopes]
        own = [[it for it in spends if it.budget.scope == scope] for scope in models]
        needs = self._needs(query, arms)
        left = [_left([*shared, *some]) for some in own]
        return Means(
            pressure=strongest(shared, now=self._clock.now(), billed=self._standings.billed),
            headroom=np.array(
                [it if need <= it else -1.0 for need, it in zip(needs, left, strict=True)]
            ),
        )

    def awaits(self, decision_id: str, scopes: tuple[Scope, ...]) -> None:
        """Remember on whose account a caller makes a call, until its cost is reported."""
        if self._ledger is None or not scopes:
            return
        self._awaited[decision_id] = scopes
        if len(self._awaited) > REMEMBERED:
            self._awaited.popitem(last=False)

    async def said_before(self, decision_id: str) -> CostRecord | None:
        """What a caller was booked to have paid for a call of theirs; None where nothing is known."""
        if self._ledger is None:
            return None
        try:
            return await self._ledger.record(_reported(decision_id))
        except StoreError:  # feedback that is durable is not refused for it
            return None

    async def reported(
        self,
        decision: Decision,
        arm: Arm,
        *,
        cost: float,
        output_tokens: int | None,
        corrects: bool = False,
    ) -> None:
        """Book what a caller paid who made the call; once.

        On the accounts that the decision was made for, where that was here and not long ago, else
        on that of its user.

        Args:
            decision: that the caller followed.
            arm: that served.
            cost: USD.
            output_tokens: where they were said.
            corrects: whether the caller may have said another cost before, whose place it takes.
        """
        ledger = self._ledger
        if ledger is None:
            return
        scopes = self._awaited.get(decision.id) or _user_of(decision)
        names = {scope.kind: scope.name for scope in scopes}
        record = CostRecord(
            id=_reported(decision.id),
            at=self._clock.now(),
            kind=CostKind.REPORTED,
            model=arm.id,
            provider=arm.provider,
            cost=cost,
            base_cost=cost,
            output_tokens=output_tokens,
            user=names.get(ScopeKind.USER),
            team=names.get(ScopeKind.TEAM),
            api_key=names.get(ScopeKind.API_KEY),
            session=names.get(ScopeKind.SESSION),
            task_type=names.get(ScopeKind.TASK_TYPE),
            decision_id=decision.id,
        )
        accounts = (*scopes, Scope(ScopeKind.MODEL, record.model))
        await self._arrears.pay_soon(
            lambda: ledger.record_cost(record, accounts, corrects=corrects), amount=cost
        )

    async def settle_up(self) -> None:
        """Pay all that is owed; before the store closes.

        Raises:
            StoreError: when the store is out of reach, naming how many costs are lost.
        """
        await self._arrears.settle_up()

    def _needs(self, query: Query, arms: Sequence[Arm]) -> list[float]:
        """USD that a call of each arm has to be able to cost for its till to open."""
        sent = most_input_tokens(query.text, query.chat)
        requests = (
            ModelRequest(arm=arm, text=query.text, max_tokens=query.max_tokens) for arm in arms
        )
        quotes = (quote_for(request, input_tokens=sent) for request in requests)
        return [0.0 if quote is None else quote.least for quote in quotes]


def _reported(decision_id: str) -> str:
    """Id of the record of what a caller has paid."""
    return f"reported-{decision_id}"


def _user_of(decision: Decision) -> tuple[Scope, ...]:
    return (Scope(ScopeKind.USER, decision.user_id),) if decision.user_id else ()


def _left(spends: Sequence[Spend]) -> float:
    """USD of the tightest of some budgets that nobody has spent; infinite without any.

    What is set aside for calls under way counts as there: it is several times what they will cost.
    """
    return min((it.budget.limit - it.settled for it in spends), default=np.inf)
