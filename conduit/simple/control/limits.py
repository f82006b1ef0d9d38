"""Budgets by name: of users, of models, and of kinds of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conduit.budgets.ledger import Ledger
from conduit.core.budgets import Budget, Period, Scope, ScopeKind, Window
from conduit.core.errors import InvalidInputError
from conduit.core.spending import Spend
from conduit.simple.amounts import name, usd
from conduit.simple.control.bookkeeper import Clerk


class Limits(Clerk):
    """Makes, shows and removes budgets."""

    def set_user_budget(
        self,
        user_id: str,
        *,
        hourly_usd: float | None = None,
        daily_usd: float | None = None,
        weekly_usd: float | None = None,
        monthly_usd: float | None = None,
        rolling: bool = False,
        hard_limit: bool = True,
    ) -> list[Spend]:
        """Say what a user may spend; it holds for all calls on the same database from now on.

        Periods that are left out stay as they are, and what was spent stays spent.

        Args:
            user_id: whose budget it is.
            hourly_usd: most USD in an hour; periods are those of the calendar, in UTC.
            daily_usd: in a day.
            weekly_usd: in a week, from Monday on.
            monthly_usd: in a month.
            rolling: in the last hour, 24 hours, 7 or 30 days instead, which are budgets besides.
            hard_limit: every limit holds; False is refused.

        Returns:
            How all budgets of that user stand.

        Raises:
            InvalidInputError: for no period at all, or an amount that cannot be; nothing has changed.
        """
        limits = _limits(hourly_usd, daily_usd, weekly_usd, monthly_usd)
        scope = _scope(ScopeKind.USER, user_id, what="user_id")
        return self._set(scope, limits, rolling=rolling, hard=hard_limit)

    def set_model_budget(
        self,
        model: str,
        *,
        hourly_usd: float | None = None,
        daily_usd: float | None = None,
        weekly_usd: float | None = None,
        monthly_usd: float | None = None,
        rolling: bool = False,
        hard_limit: bool = True,
    ) -> list[Spend]:
        """Say what a model may cost all users together; as :meth:`set_user_budget`."""
        limits = _limits(hourly_usd, daily_usd, weekly_usd, monthly_usd)
        scope = _scope(ScopeKind.MODEL, model, what="model")
        return self._set(scope, limits, rolling=rolling, hard=hard_limit)

    def set_task_type_budget(
        self,
        task_type: str,
        *,
        hourly_usd: float | None = None,
        daily_usd: float | None = None,
        weekly_usd: float | None = None,
        monthly_usd: float | None = None,
        rolling: bool = False,
        hard_limit: bool = True,
    ) -> list[Spend]:
        """Say what a kind of task may cost all users together; as :meth:`set_user_budget`."""
        limits = _limits(hourly_usd, daily_usd, weekly_usd, monthly_usd)
        scope = _scope(ScopeKind.TASK_TYPE, task_type, what="task_type")
        return self._set(scope, limits, rolling=rolling, hard=hard_limit)

    def get_user_budget(self, user_id: str) -> list[Spend]:
        """How the budgets of a user stand; empty without any."""
        return self._standing(_scope(ScopeKind.USER, user_id, what="user_id"))

    def get_model_budget(self, model: str) -> list[Spend]:
        """Likewise of a model."""
        return self._standing(_scope(ScopeKind.MODEL, model, what="model"))

    def get_task_type_budget(self, task_type: str) -> list[Spend]:
        """Likewise of a kind of task."""
        return self._standing(_scope(ScopeKind.TASK_TYPE, task_type, what="task_type"))

    def get_budgets(self) -> list[Spend]:
        """How all budgets stand, of whatever they are."""
        return self._keeper.read(lambda ledger: ledger.standing())

    def remove_user_budget(self, user_id: str) -> bool:
        """Forget all budgets of a user, and what was spent of them; whether there were any."""
        return self._remove(_scope(ScopeKind.USER, user_id, what="user_id"))

    def remove_model_budget(self, model: str) -> bool:
        """Likewise of a model."""
        return self._remove(_scope(ScopeKind.MODEL, model, what="model"))

    def remove_task_type_budget(self, task_type: str) -> bool:
        """Likewise of a kind of task."""
        return self._remove(_scope(ScopeKind.TASK_TYPE, task_type, what="task_type"))

    def _set(
        self, scope: Scope, limits: Mapping[Period, float], *, rolling: bool, hard: bool
    ) -> list[Spend]:
        _check_hard(hard=hard)
        wanted = [
            Budget(scope=scope, window=Window(period, rolling=rolling), limit=limit)
            for period, limit in limits.items()
        ]
        return self._keeper.change(lambda ledger: _made(ledger, wanted, actor=self._actor))

    def _standing(self, scope: Scope) -> list[Spend]:
        return self._keeper.read(lambda ledger: ledger.standing([scope]))

    def _remove(self, scope: Scope) -> bool:
        return self._keeper.change(lambda ledger: _removed(ledger, scope, actor=self._actor))


async def _made(ledger: Ledger, wanted: Sequence[Budget], *, actor: str) -> list[Spend]:
    for budget in wanted:
        await ledger.set_budget(budget.scope, budget.window, budget.limit, actor=actor)
    return await ledger.standing([budget.scope for budget in wanted])


async def _removed(ledger: Ledger, scope: Scope, *, actor: str) -> bool:
    there = await ledger.standing([scope])
    for spend in there:
        await ledger.remove_budget(scope, spend.budget.window, actor=actor)
    return bool(there)


def _scope(kind: ScopeKind, value: object, *, what: str) -> Scope:
    return Scope(kind, name(value, what=what))


def _limits(
    hourly: float | None, daily: float | None, weekly: float | None, monthly: float | None
) -> dict[Period, float]:
    """Those that were given.

    Raises:
        InvalidInputError: for none, or one that cannot be.
    """
    given = {
        Period.HOURLY: hourly,
        Period.DAILY: daily,
        Period.WEEKLY: weekly,
        Period.MONTHLY: monthly,
    }
    limits = {
        period: usd(limit, what=f"{period}_usd")
        for period, limit in given.items()
        if limit is not None
    }
    if not limits:
        named = ", ".join(f"{period}_usd" for period in given)
        raise InvalidInputError("no limit was given", remedy=f"give one of {named}")
    return limits


def _check_hard(*, hard: bool) -> None:
    if not hard:
        raise InvalidInputError(
            "hard_limit=False makes no budget: every limit here holds",
            remedy="leave it out, or look at get_cost_report() and warn where you like",
        )
