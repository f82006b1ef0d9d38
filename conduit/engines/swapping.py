"""Hot swap: models come, go and change their price while requests are in flight.

What is in effect is one snapshot: the learner's models, which hold the arms and their prices, and
the decider's rules. Both are replaced between two events of the loop, so every decision sees one
portfolio or the other, and a call goes on with the arms and prices it was decided with.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from conduit.bandits.list_prices import log_price_change
from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.arms import Arm, Price
from conduit.core.errors import InvalidInputError, StoreError
from conduit.core.outcomes import Head
from conduit.core.ports import Clock, Store
from conduit.engines.decider import Decider
from conduit.engines.learner import Learner
from conduit.engines.portfolio import Portfolio
from conduit.engines.shared_portfolio import SharedPortfolio
from conduit.engines.shielding import finish
from conduit.engines.turn import Turn

Labelled: TypeAlias = Callable[[Portfolio], NearestNeighbours | None]
"""The labelled queries of some models; None where the policy needs none."""
_log = logging.getLogger(__name__)
_ELSEWHERE = "models changed elsewhere, which cannot be done here: %s"


class Swapping:
    """Replaces the portfolio of a running engine; statistics, pacer and random draws stay.

    Args:
        learner: holds the arms, and what is known of them.
        decider: holds the baseline.
        shared: the portfolio that all processes have.
        store: keeps what was learned of every model, arm or not.
        clock: dates what is shifted there.
        find: the model of a name, or the given one, once it is known to have a price and to be
            called from here.
        labelled: the labelled queries of some models, None where the policy needs none.
    """

    def __init__(
        self,
        learner: Learner,
        decider: Decider,
        *,
        shared: SharedPortfolio,
        store: Store,
        clock: Clock,
        find: Callable[[str | Arm], Arm],
        labelled: Labelled,
    ) -> None:
        self._learner = learner
        self._decider = decider
        self._shared = shared
        self._store = store
        self._clock = clock
        self._find = find
        self._labelled = labelled
        self._turn = Turn()
        self._owed: dict[str, list[tuple[float, float]]] = {}
        self._moment = -math.inf
        self._version = shared.version

    @property
    def portfolio(self) -> Portfolio:
        """What the next decision chooses among."""
        return Portfolio(arms=self._learner.models.arms, baseline=self._decider.rules.baseline)

    @property
    def version(self) -> int:
        """Of the edits that are in effect here, by which the portfolio differs from the configured."""
        return self._version

    async def follow(self) -> None:
        """Take up what other processes have changed.

        Raises:
            StoreError: when the store is out of reach.
        """
        async with self._turn:
            await self._follow()

    async def add(self, model: str | Arm) -> Arm:
        """Add a model; one that was removed goes on with what was learned of it.

        Raises:
            InvalidInputError: for a model that is there already, one that cannot be called from
                here, or one without labelled queries where the policy needs them.
            UnknownModelError: for a name that nothing answers to.
            UnknownPriceError: for a model that nobody priced.
        """
        async with self._turn:
            await self._follow()
            arm = await self._resolved(model)
            wanted = self.portfolio.adding(arm)
            dearer = _dearer(self._shared.as_removed(arm.id) or arm, arm.price)

            async def say() -> float:
                await self._shared.add(arm)
                return dearer

            await self._take_up(wanted, arm.id, dearer=dearer, say=say)
            return arm

    async def remove(self, model: str) -> Arm:
        """Remove a model; calls under way are finished, and what was learned of it is kept.

        Raises:
            UnknownModelError: when it is no arm.
            InvalidInputError: when no other is left, or the policy always takes this one.
        """
        async with self._turn:
            await self._follow()
            wanted, gone = self.portfolio.removing(model), self.portfolio.find(model)
            if self._decider.rules.policy.only == model:
                raise InvalidInputError(
                    f"policy {self._decider.rules.policy.name!r} needs {model!r}",
                    remedy="keep the model, or make a router with another policy",
                )

            async def say() -> float:
                await self._shared.remove(gone)
                return 0.0

            await self._take_up(wanted, model, say=say)
            return gone

    async def reprice(self, model: str, price: Price) -> Arm:
        """Change what a model costs from the next decision on.

        Raises:
            UnknownModelError: when it is no arm.
            InvalidInputError: for a price that is no amount of money.
            StoreError: when the store is out of reach; it says so where the price holds already.
        """
        async with self._turn:
            await self._follow()
            wanted, before = self.portfolio.repricing(model, price), self.portfolio.find(model)

            async def say() -> float:
                return _dearer(await self._shared.reprice(model, price), price)

            await self._take_up(wanted, model, dearer=_dearer(before, price), say=say)
            return wanted.find(model)

    async def _resolved(self, model: str | Arm) -> Arm:
        known = self._shared.as_removed(model) or model if isinstance(model, str) else model
        return await asyncio.to_thread(self._find, known)

    async def _follow(self) -> None:
        """What others have priced anew is in the store's evidence already."""
        wanted = await self._shared.read()
        version = self._shared.version
        if version == self._version:
            return
        try:
            neighbours = await asyncio.to_thread(self._labelled, wanted)
        except InvalidInputError as error:
            _log.warning(_ELSEWHERE, error)
        else:
            async with self._learner.quiet.kept():
                self._learner.adopt(await self._learner.built(wanted.arms))
                self._decider.follow(baseline=wanted.baseline, neighbours=neighbours)
        self._version = version

    async def _take_up(
        self,
        wanted: Portfolio,
        model: str,
        *,
        say: Callable[[], Awaitable[float]],
        dearer: float = 0.0,
    ) -> None:
        """Everything that can fail comes first; what is in effect changes at once, or not at all.

        Once others may have been told, it is done to its end, whoever gives up.

        Args:
            wanted: what is to be in effect.
            model: the one that changes.
            say: tells all; by how much its log cost has grown for all, as others may have been first.
            dearer: the same as far as is known here.
        """
        neighbours = await asyncio.to_thread(self._labelled, wanted)
        async with self._learner.quiet.kept():
            built = await self._learner.built(wanted.arms, dearer={model: dearer})

            async def settle() -> None:
                await self._shift(model, by=await say())
                self._learner.adopt(built)
                self._decider.follow(baseline=wanted.baseline, neighbours=neighbours)
                # Where another was first with an edit of its own, this one is not all there is to follow.
                self._version += 1

            await finish(settle())

    async def _shift(self, model: str, *, by: float) -> None:
        """Shift what was learned of a model's costs, and before it what no answer came for.

        Each has a moment of its own, by which the store knows one that is said again.
        """
        owed = self._owed.setdefault(model, [])
        if by:
            self._moment = max(self._clock.now(), math.nextafter(self._moment, math.inf))
            owed.append((by, self._moment))
        try:
            while owed:
                by, at = owed[0]
                await self._store.shift(model, Head.LOG_COST, by=by, at=at)
                del owed[0]
        except StoreError as error:
            raise StoreError(
                f"the new price of {model!r} holds, but what was learned of its costs is not shifted "
                f"to it yet: {error.problem}",
                remedy="set the same price once more in this process when the store answers",
            ) from error


async def as_edited(
    shared: SharedPortfolio, configured: Portfolio, *, labelled: Labelled
) -> tuple[Portfolio, NearestNeighbours | None]:
    """The portfolio that a router begins with, and its labelled queries.

    Where others have added a model of which no query is labelled, it is the configured one: a
    router by labels cannot follow them.

    Raises:
        InvalidInputError: for a configured model without labels.
    """
    wanted = await shared.read()
    try:
        return wanted, await asyncio.to_thread(labelled, wanted)
    except InvalidInputError as error:
        neighbours = await asyncio.to_thread(labelled, configured)
        _log.warning(_ELSEWHERE, error)
        return configured, neighbours


def _dearer(before: Arm, price: Price | None) -> float:
    return 0.0 if price is None else log_price_change(before.price, price)
