"""Sessions: several calls on one account, what they may cost, and what they came to."""

from __future__ import annotations

import warnings
from typing import Self

from conduit.core.budgets import Scope, ScopeKind
from conduit.core.errors import BudgetWarning
from conduit.core.models import Query
from conduit.engines.shielding import finish
from conduit.simple.answer import Answer
from conduit.simple.calls import Ask, checked
from conduit.simple.configuration import configuration
from conduit.simple.grading.verdicts import SmartClassification
from conduit.simple.house import House
from conduit.simple.sessions.account import Account
from conduit.simple.sessions.terms import Terms
from conduit.simple.sessions.totals import Step, Totals, as_table


class Session:
    """Calls of a piece of work, on one account of the ledger; for any number of threads and tasks.

    Prices, models and keys are those that held when it was made. Its totals are the ledger's, so
    that what failed calls did cost is part of them, and can be read at any time, also afterwards.

    Args:
        home: lends what answers.
        budget_usd: USD that it may or should cost; None for any.
        budget_strategy: ``warn`` says so, ``strict`` refuses what does not fit, and ``adaptive``
            too, having gone over to the cheaper model in good time.
        user_id: whose budgets have to pay as well.
        api_key: OpenAI's, or the provider's whose models were set; None reads the environment and
            ``.env``.
        offline: answer with scripted models.

    Raises:
        InvalidInputError: for a budget that cannot be, an unknown strategy, or a user that is no text.
        ConfigurationError: when no key is set, naming the variables.
    """

    def __init__(
        self,
        home: House,
        *,
        budget_usd: float | None = None,
        budget_strategy: str = "warn",
        user_id: str | None = None,
        api_key: str | None = None,
        offline: bool = False,
    ) -> None:
        terms = Terms.of(budget_usd, budget_strategy)
        if user_id is not None:
            Scope(ScopeKind.USER, user_id)  # raises for what cannot be one
        self._home = home
        self._plan = configuration(home.overrides, api_key=api_key, offline=offline)
        self._account = Account(home, self._plan, terms)
        self._user_id = user_id

    @property
    def id(self) -> str:
        """What its costs are on record by, as ``session``."""
        return self._account.scope.name

    def __enter__(self) -> Self:
        """Begin."""
        self._home.background.run(self._account.open())
        return self

    def __exit__(self, *_: object) -> None:
        """End: nothing more is answered, and the budget is gone; a forked child ends nothing."""
        if not self._home.background.is_forked:
            self._home.background.run(self._account.close())

    async def __aenter__(self) -> Self:
        """Begin."""
        await self._home.background.awaited(self._account.open())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End: nothing more is answered, and the budget is gone."""
        await finish(self._home.background.awaited(self._account.close()))

    def llm(
        self,
        prompt: str,
        quality: str = "auto",
        *,
        max_tokens: int = 1000,
        task_type: str | None = None,
    ) -> Answer:
        """Have a prompt answered, as :func:`conduit.llm` does, on this session's account.

        Raises:
            InvalidInputError: when the session is not under way, or as there.
            BudgetExceededError: when too little is left for it.
        """
        ask = self._ask(prompt, quality, max_tokens=max_tokens, task_type=task_type)
        try:
            return self._home.background.run(self._account.answered(ask)).response
        finally:
            self._warn()

    async def allm(
        self,
        prompt: str,
        quality: str = "auto",
        *,
        max_tokens: int = 1000,
        task_type: str | None = None,
    ) -> Answer:
        """Likewise, awaited."""
        ask = self._ask(prompt, quality, max_tokens=max_tokens, task_type=task_type)
        try:
            return (await self._home.background.awaited(self._account.answered(ask))).response
        finally:
            self._warn()

    def smart_classify(self, prompt: str) -> SmartClassification:
        """Have a prompt judged, as :func:`conduit.smart_classify` does, on this session's account.

        Raises:
            InvalidInputError: when the session is not under way, or for an empty prompt.
        """
        query = Query(prompt, user_id=self._user_id)
        try:
            return self._home.background.run(self._account.classified(query))
        finally:
            self._warn()

    @property
    def steps(self) -> tuple[Step, ...]:
        """What was answered so far."""
        return tuple(self._account.steps)

    @property
    def totals(self) -> Totals:
        """All sums at once, of one moment."""
        return self._home.background.run(self._account.totals())

    @property
    def total_cost(self) -> float:
        """USD, of all that was paid for."""
        return self.totals.cost

    @property
    def total_saved(self) -> float:
        """USD less than at the baseline; negative where it was more."""
        return self.totals.saved

    @property
    def baseline_cost(self) -> float:
        """USD of the same answers at the baseline."""
        return self.totals.base_cost

    @property
    def savings_pct(self) -> float:
        """Saving in percent of the baseline's cost, at most 100."""
        return self.totals.savings_pct

    @property
    def budget_remaining(self) -> float | None:
        """USD of the budget that are not spent, at least 0; None without a budget."""
        return self.totals.remaining

    @property
    def budget_utilization(self) -> float | None:
        """Share of the budget that is spent; above 1 only with ``warn``, None without a budget."""
        return self.totals.utilization

    def get_stats(self) -> dict[str, float | int | None]:
        """The totals by name, of one moment, and how many steps there were."""
        totals = self.totals
        return {
            "total_cost": totals.cost,
            "total_saved": totals.saved,
            "baseline_cost": totals.base_cost,
            "savings_pct": totals.savings_pct,
            "budget_usd": totals.budget,
            "budget_remaining": totals.remaining,
            "budget_utilization": totals.utilization,
            "steps": len(self._account.steps),
            "calls": totals.calls,
            "input_tokens": totals.input_tokens,
            "output_tokens": totals.output_tokens,
        }

    def get_report(self) -> str:
        """For a terminal: what each step did cost and save, then the totals."""
        return as_table(self.steps, self.totals)

    def _ask(self, prompt: str, quality: str, *, max_tokens: int, task_type: str | None) -> Ask:
        ask = Ask(
            prompt=prompt,
            quality=quality,
            max_tokens=max_tokens,
            user_id=self._user_id,
            task_type=task_type,
            session=self.id,
        )
        return checked(self._plan, ask)

    def _warn(self) -> None:
        """Say what is due, where the caller's caller sees it."""
        for said in self._account.due():
            warnings.warn(said, BudgetWarning, stacklevel=3)
