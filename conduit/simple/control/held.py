"""Money that is set aside for one call of the caller's own."""

from __future__ import annotations

from dataclasses import dataclass

from conduit.budgets.ledger import Ledger
from conduit.budgets.paying import accounts, accounts_of
from conduit.core.budgets import Scope
from conduit.core.costs import CostKind, CostRecord
from conduit.core.spending import Reservation
from conduit.simple.amounts import count, name, name_or_none, usd
from conduit.simple.control.bookkeeper import Bookkeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """On whose account a call is, as far as it is known before.

    Args:
        user: whose call it is.
        model: that is called.
        task_type: what it is for.

    Raises:
        InvalidInputError: for what is no name.
    """

    user: str
    model: str | None = None
    task_type: str | None = None

    def __post_init__(self) -> None:
        name(self.user, what="user_id")
        name_or_none(self.model, what="model")
        name_or_none(self.task_type, what="task_type")

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Whose budgets have to pay."""
        return accounts(user=self.user, task_type=self.task_type, model=self.model)


class Held:
    """What was set aside for a call, until the call has ended.

    Args:
        reservation: what was set aside.
        payer: on whose account.
        keeper: settles it.
    """

    def __init__(self, reservation: Reservation, payer: Payer, keeper: Bookkeeper) -> None:
        self._reservation = reservation
        self._payer = payer
        self._keeper = keeper
        self._spent = False

    @property
    def id(self) -> str:
        """Of the reservation, and of the record of what it did cost."""
        return self._reservation.id

    @property
    def amount(self) -> float:
        """USD that were set aside."""
        return self._reservation.amount

    @property
    def was_spent(self) -> bool:
        """Whether it was said what the call did cost, so that nothing must be freed any more."""
        return self._spent

    def settle(
        self,
        cost_usd: float,
        model: str | None = None,
        task_type: str | None = None,
        *,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
    ) -> None:
        """Spend what the call did cost, on record, and free the rest; the first cost stands.

        Budgets of a model or a task that is named only now count it, too, though nothing was set
        aside of them. A call that did cost more than was set aside is paid in full.

        Args:
            cost_usd: USD.
            model: that was called; None for the one that money was set aside for.
            task_type: what for; likewise.
            prompt_tokens: as billed; None where nobody counted.
            completion_tokens: likewise.

        Raises:
            InvalidInputError: for a cost that cannot be, or no model.
            StoreError: when the database is out of reach; the money stays set aside, so that the
                cost can be settled again.
        """
        record = CostRecord(
            id=self.id,
            at=self._reservation.made_at,
            kind=CostKind.REPORTED,
            model=name(model or self._payer.model, what="model"),
            provider="",
            cost=usd(cost_usd, what="a cost"),
            base_cost=usd(cost_usd, what="a cost"),
            input_tokens=count(prompt_tokens, what="prompt_tokens"),
            output_tokens=count(completion_tokens, what="completion_tokens"),
            user=self._payer.user,
            task_type=name_or_none(task_type, what="task_type") or self._payer.task_type,
        )
        self._spent = True
        self._keeper.do(lambda ledger: _settled(ledger, record))


async def _settled(ledger: Ledger, record: CostRecord) -> None:
    await ledger.settle(record.id, record.cost, record=record, scopes=accounts_of(record))
