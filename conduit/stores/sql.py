"""A store in a database: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from conduit.core.decisions import Decision
from conduit.core.forgetting import Forgetting
from conduit.core.log import LoggedDecision
from conduit.core.outcomes import Change, Execution, Head, Observation
from conduit.core.sharing import Folded
from conduit.core.statistics import LearnedState, Source, SufficientStatistics
from conduit.stores import sql_adjustments as adjusting
from conduit.stores import sql_evidence as evidence
from conduit.stores import sql_learning as learning
from conduit.stores import sql_log as log
from conduit.stores import sql_reading as reading
from conduit.stores import sql_state as state
from conduit.stores.delta import (
    StateKey,
    check_contexts,
    check_observations,
    dimension_of,
    layout_of,
)
from conduit.stores.sql_accounts import SQLBudgets
from conduit.stores.sql_observing import observe


class SQLStore(SQLBudgets):
    """The :class:`~conduit.core.ports.Store` contract on SQLAlchemy.

    Any number of tasks and processes may share one database. Transactions run on threads of
    the store's own; a task that is cancelled leaves its transaction whole, done or undone.

    Args:
        where: path of a SQLite file, whose folder is made when missing, or a ``sqlite:///`` or
            ``postgresql://`` address.
        clock: no decision is younger than its now; None takes the system's.
        timeout: how long a statement may take on a server, in seconds; None takes 30. What the
            address, the role or the database bounds itself stays as it is.

    Raises:
        ConfigurationError: for an address that cannot be used.
    """

    async def bind_layout(self, layout: str, dim: int) -> None:
        """Declare the context layout; the first declaration is kept.

        Raises:
            LayoutMismatchError: when the stored state is of another layout or dimension.
        """
        await self._worker.write(lambda conn: log.bind_layout(conn, layout, dim))
        self._layout = (layout, dim)

    async def set_half_life(self, half_life: float) -> None:
        """Declare how fast evidence fades, from now on; the last declaration is kept.

        Raises:
            InvalidInputError: for a half-life that is not above 0.
        """
        wanted = Forgetting(half_life=half_life).half_life
        await self._worker.write(
            lambda conn: learning.set_half_life(conn, wanted, now=self._clock.now())
        )

    async def add_decision(self, decision: Decision) -> None:
        """Log a decision; the first one declares the layout if nobody has.

        Raises:
            InvalidInputError: when its id is taken, or its context is not finite.
            LayoutMismatchError: when its context is of another layout.
        """
        check_contexts([decision])
        layout = layout_of(decision)
        bound = layout == self._layout
        await self._worker.write(
            lambda conn: log.add_decision(conn, decision, bound=bound),
            lock=decision.id if bound else None,
        )
        self._layout = layout

    async def decision(self, decision_id: str) -> Decision:
        """Read a decision back, without its embedding.

        Raises:
            UnknownDecisionError: when there is none.
        """
        return await self._worker.read(lambda conn: log.read_decision(conn, decision_id))

    async def add_execution(self, execution: Execution) -> None:
        """Log one attempt.

        Raises:
            UnknownDecisionError: when its decision does not exist.
        """
        await self._worker.write(
            lambda conn: log.add_execution(conn, execution), lock=execution.decision_id
        )

    async def append(self, decisions: Sequence[Decision], executions: Sequence[Execution]) -> None:
        """Log decisions and attempts, all or none; those that are logged already stay as they are.

        Raises:
            InvalidInputError: for a context that is not finite.
            UnknownDecisionError: for an attempt of a decision that is neither logged nor given.
            LayoutMismatchError: for a decision whose context is of another layout.
        """
        check_contexts(decisions)
        unbound = {layout_of(decision) for decision in decisions} - {self._layout}
        ids = [*(it.id for it in decisions), *(it.decision_id for it in executions)]
        await self._worker.write(
            lambda conn: log.append(conn, decisions, executions, unbound=unbound),
            lock=None if unbound else min(ids, default=""),
        )
        if unbound:
            self._layout = layout_of(decisions[0])

    async def executions(self, decision_id: str) -> tuple[Execution, ...]:
        """Attempts of a decision, in order."""
        return await self._worker.read(lambda conn: log.read_executions(conn, decision_id))

    async def log(self) -> AsyncIterator[LoggedDecision]:
        """Every decision with its attempts and observations, each once, in the order of ids.

        A page is one transaction, and only one page is held at a time.
        """
        page = await self._worker.read(partial(reading.page, after=None))
        while page:
            for logged in page:
                yield logged
            last = page[-1].decision.id
            page = await self._worker.read(partial(reading.page, after=last))

    async def observe(self, observations: Sequence[Observation]) -> tuple[Change, ...]:
        """Make observations durable, all or none, and say what they changed.

        Raises:
            InvalidInputError: for a value or a weight that is no number.
            UnknownDecisionError: when a decision does not exist; nothing is stored then.
        """
        check_observations(observations)
        if not observations:
            return ()
        first = min(observation.decision_id for observation in observations)
        return await self._worker.share(self._observed, observations, lock=first)

    async def absorb(
        self,
        statistics: Mapping[StateKey, SufficientStatistics],
        *,
        source: Source,
        layout: str,
    ) -> Source | None:
        """Add evidence from elsewhere to the learned state, once per source; None when it was new.

        Raises:
            LayoutMismatchError: when the stored state is of another layout or dimension.
            InvalidInputError: for sums that no observations have.
        """
        bound = layout, dimension_of(statistics)
        return await self._worker.write(
            lambda conn: evidence.absorb(conn, statistics, source, layout=bound), durable=True
        )

    async def shift(self, arm: str, head: Head, *, by: float, at: float | None = None) -> None:
        """Add ``by`` to every target learned so far for one head of one arm, once per moment."""
        await self.fold()
        key, now = (arm, head.value), self._clock.now()
        await self._worker.write(
            lambda conn: adjusting.shift(conn, key, by, at=at, now=now), durable=True
        )

    async def discount(self, arm: str, head: Head, *, worth: float) -> None:
        """Let all learned so far of one head of one arm be worth at most that many ratings."""
        await self.fold()
        await self._worker.write(
            lambda conn: adjusting.discount(conn, (arm, head.value), worth, now=self._clock.now()),
            durable=True,
        )

    async def sources(self) -> tuple[Source, ...]:
        """What was absorbed, in that order."""
        return await self._worker.read(evidence.read_sources)

    async def fold(self, *, wait: bool = True) -> Folded:
        """Fold pending observations into the learned state."""
        return await self._fold(self._worker, wait=wait)

    async def load(self) -> LearnedState:
        """The learned state after folding all that is pending.

        Raises:
            LayoutMismatchError: when it was rebuilt with another encoder than this process has.
        """
        bound = self._layout
        found = await self._worker.read(partial(learning.load_if_folded, bound=bound))
        if found is not None:
            return found
        await self.fold()
        return await self._worker.read(partial(state.load, bound=bound))

    async def count(self) -> int:
        """Number of observations kept."""
        return await self._worker.read(learning.count)

    def _observed(
        self, conn: Connection, calls: Sequence[Sequence[Observation]]
    ) -> list[tuple[Change, ...]]:
        return observe(conn, calls, writer=self._name)
