"""Cost control: budgets that hold, what was spent, and who spent it."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

from conduit.budgets.ledger import PATIENCE
from conduit.budgets.nearness import warnings_of
from conduit.budgets.paying import accounts_of
from conduit.core.costs import CostKind, CostRecord
from conduit.core.errors import BudgetWarning, InvalidInputError
from conduit.core.spending import Spend
from conduit.engines.configured import actor_of
from conduit.settings import Settings
from conduit.simple.amounts import count, name, name_or_none, usd, wait_of
from conduit.simple.control.bookkeeper import Bookkeeper
from conduit.simple.control.books import Books, SQLiteStorage
from conduit.simple.control.held import Held, Payer
from conduit.simple.control.limits import Limits
from conduit.simple.control.reports import Reports

_log = logging.getLogger("conduit.simple")


class CostController(Limits, Reports):
    """Budgets and costs of users, models and kinds of tasks; for any number of threads.

    It keeps the same books as :func:`conduit.llm`, sessions and the server, where they use the same
    database: a budget that is made here holds there, and what is spent there counts here. Other
    processes may use that database at the same time.

    Args:
        storage: a SQLite file; None takes the database that the settings name, as :func:`conduit.llm`
            does.
        offline: take the one of ``llm(…, offline=True)``, where there is no storage.

    Raises:
        ConfigurationError: for settings that cannot be used.
        InvalidInputError: for another storage.
    """

    def __init__(self, storage: SQLiteStorage | None = None, *, offline: bool = False) -> None:
        if not isinstance(storage, SQLiteStorage | None):
            raise InvalidInputError(
                f"storage={storage!r} is no storage",
                remedy="give SQLiteStorage(…), or leave it out",
            )
        settings = Settings.load()
        settings = replace(settings, offline=settings.offline or offline)
        books = Books(settings=settings, file=None if storage is None else storage.file)
        super().__init__(Bookkeeper(books), actor=actor_of(settings))

    def check_budget(
        self,
        user_id: str,
        estimated_cost: float = 0.0,
        *,
        model: str | None = None,
        task_type: str | None = None,
    ) -> list[Spend]:
        """Ask whether a call may be made; in constant time, whatever was spent before.

        This is advice: others may spend the money in the next moment. What holds a budget is
        :meth:`reserve`, which :func:`conduit.llm` and the server use for every call. From 80% of a
        limit on, a warning is logged and issued.

        Args:
            user_id: whose budgets have to pay.
            estimated_cost: USD that the call costs.
            model: whose budgets have to pay, too.
            task_type: likewise.

        Returns:
            How these budgets stand.

        Raises:
            BudgetExceededError: where what was spent and the estimate exceed a limit; it says when
                money comes back.
            InvalidInputError: for an estimate that cannot be.
        """
        payer = Payer(user=user_id, model=model, task_type=task_type)
        estimate = usd(estimated_cost, what="an estimate")
        spends = self._keeper.read(lambda ledger: ledger.check(payer.scopes, estimate))
        for said in warnings_of(spends, estimate):
            _log.warning(said)
            warnings.warn(said, BudgetWarning, stacklevel=2)
        return spends

    @contextmanager
    def reserve(
        self,
        user_id: str,
        estimated_cost: float,
        *,
        model: str | None = None,
        task_type: str | None = None,
        wait: float = PATIENCE,
    ) -> Iterator[Held]:
        """Set money aside for a call that is made within; what was not settled is free afterwards.

        Together with all who reserve, in whatever thread or process, no budget is ever exceeded by
        calls that cost what was set aside at most, however long they take. Should the process die,
        the money is free after 15 minutes. A cost that the database could not take stays set aside
        as long: settle it again.

        Args:
            user_id: whose budgets have to pay.
            estimated_cost: USD that the call costs at most.
            model: whose budgets have to pay, too.
            task_type: likewise.
            wait: seconds for others to settle.

        Raises:
            BudgetExceededError: where what was spent leaves too little; nothing is called.
            ReservationTimeoutError: where others hold what would be left.
            InvalidInputError: for an amount that cannot be.
        """
        payer = Payer(user=user_id, model=model, task_type=task_type)
        estimate = usd(estimated_cost, what="an estimate")
        patience = wait_of(wait)
        made = self._keeper.do(
            lambda it: it.reserve(payer.scopes, estimate, wait=patience, kept=True)
        )
        held = Held(made, payer, self._keeper)
        try:
            yield held
        finally:
            if not held.was_spent:
                self._keeper.do(lambda ledger: ledger.release(made.id))

    def record_cost(
        self,
        user_id: str,
        cost_usd: float,
        model: str,
        task_type: str | None = None,
        *,
        session: str | None = None,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        id: str | None = None,  # noqa: A002 - what it is
    ) -> bool:
        """Put on record what a call did cost that was made without Conduit.

        Budgets count it at once, even beyond a limit: the money was spent. What :func:`conduit.llm`
        and the server spend is on record already.

        Args:
            user_id: whose call it was.
            cost_usd: USD.
            model: that was called.
            task_type: what for.
            session: of which it was a part.
            prompt_tokens: as billed; None where nobody counted.
            completion_tokens: likewise.
            id: of the cost; the same one again counts once.

        Returns:
            Whether it was new.

        Raises:
            InvalidInputError: for a cost that cannot be, or what is no name; nothing has changed.
        """
        cost = usd(cost_usd, what="a cost")
        record = CostRecord(
            id=name_or_none(id, what="id") or uuid4().hex,
            at=time.time(),
            kind=CostKind.REPORTED,
            model=name(model, what="model"),
            provider="",
            cost=cost,
            base_cost=cost,
            input_tokens=count(prompt_tokens, what="prompt_tokens"),
            output_tokens=count(completion_tokens, what="completion_tokens"),
            user=name(user_id, what="user_id"),
            session=name_or_none(session, what="session"),
            task_type=name_or_none(task_type, what="task_type"),
        )
        return self._keeper.do(lambda ledger: ledger.record_cost(record, accounts_of(record)))
