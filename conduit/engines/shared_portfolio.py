"""The portfolio that all replicas have: edits go through the store, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from conduit.core.arms import Arm, Price
from conduit.core.errors import StoreError
from conduit.core.ports import Clock, Store
from conduit.core.sharing import Edit, Json
from conduit.engines.portfolio import Portfolio
from conduit.engines.portfolio_edits import PortfolioEdits

PORTFOLIO = "portfolio"
"""Key of the shared document."""
ATTEMPTS = 20
"""Times that an edit is made anew because another process was first."""


class SharedPortfolio:
    """What the configuration and all edits together make of the portfolio.

    Args:
        store: holds the edits.
        configured: the portfolio without them.
        clock: dates edits.
        actor: who makes them, for the record.
    """

    def __init__(self, store: Store, *, configured: Portfolio, clock: Clock, actor: str) -> None:
        self._store = store
        self._configured = configured
        self._clock = clock
        self._actor = actor
        self._version = 0
        self._read = PortfolioEdits()

    @property
    def version(self) -> int:
        """Of the edits that were read last."""
        return self._version

    def as_removed(self, model: str) -> Arm | None:
        """An arm as it was when it was removed, by the edits that were read last; None where none was."""
        if model not in self._read.removed:
            return None
        configured = {arm.id: arm for arm in self._configured.arms}
        return self._read.gone.get(model, configured.get(model))

    async def read(self) -> Portfolio:
        """The portfolio as it is now for all."""
        return (await self._edits()).applied(self._configured)

    async def add(self, arm: Arm) -> None:
        """Add an arm, for all."""
        after = _arm_json(arm)
        await self._edit(lambda edits: edits.adding(arm), "add_model", arm.id, after=after)

    async def remove(self, arm: Arm) -> None:
        """Remove an arm, for all."""
        await self._edit(
            lambda edits: edits.removing(arm),
            "remove_model",
            arm.id,
            before=lambda _: _arm_json(arm),
        )

    async def reprice(self, model: str, price: Price) -> Arm:
        """Change what an arm costs, for all; the arm as it was for all until then.

        Raises:
            UnknownModelError: when another process has removed it.
        """
        earlier: list[Arm] = []

        def before(edits: PortfolioEdits) -> Json | None:
            earlier.append(edits.applied(self._configured).find(model))
            known = earlier[-1].price
            return None if known is None else asdict(known)

        await self._edit(
            lambda edits: edits.repricing(model, price),
            "set_price",
            model,
            before=before,
            after=asdict(price),
        )
        return earlier[-1]

    async def _edits(self) -> PortfolioEdits:
        document = await self._store.document(PORTFOLIO)
        if document is not None:
            self._version = document.version
            self._read = PortfolioEdits.of_json(document.value)
        return self._read

    async def _edit(
        self,
        change: Callable[[PortfolioEdits], PortfolioEdits],
        action: str,
        subject: str,
        *,
        before: Callable[[PortfolioEdits], Json | None] = lambda _: None,
        after: Json | None = None,
    ) -> None:
        for _ in range(ATTEMPTS):
            edits = await self._edits()
            changed, version = change(edits).to_json(), self._version
            edit = Edit(
                at=self._clock.now(),
                actor=self._actor,
                action=action,
                subject=subject,
                before=before(edits),  # of that very version, whoever was first
                after=after,
            )
            if await self._store.put_document(PORTFOLIO, changed, expected=version, edit=edit):
                self._version = version + 1
                return
        raise StoreError(
            f"{action} of {subject!r} found other processes changing models all the time",
            remedy="try again",
        )


def _arm_json(arm: Arm) -> Json:
    return asdict(arm)
