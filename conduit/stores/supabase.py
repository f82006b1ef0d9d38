"""A store in a Supabase project, over REST, on the same tables as PostgreSQL's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from uuid import uuid4

from conduit.core.clocks import SystemClock
from conduit.core.decisions import Decision
from conduit.core.errors import SchemaVersionError, StoreError
from conduit.core.forgetting import Forgetting
from conduit.core.log import LoggedDecision
from conduit.core.loops import PerLoop
from conduit.core.outcomes import Change, Execution, Head, Observation
from conduit.core.ports import Clock
from conduit.core.sharing import Document, Edit, Folded, Json, Pulse
from conduit.core.statistics import LearnedState, Source, SufficientStatistics
from conduit.stores import supabase_learning as learning
from conduit.stores import supabase_log as log
from conduit.stores.delta import (
    StateKey,
    check_contexts,
    check_layout,
    check_observations,
    dimension_of,
    duplicate_decision,
    layout_of,
)
from conduit.stores.sql_schema import HEAD, changes
from conduit.stores.supabase_rest import Rest, row_of
from conduit.stores.supabase_state import read_state

_EDIT = [column for column in changes.c if column.name != "id"]


class SupabaseStore:
    """The :class:`~conduit.core.ports.Store` contract over REST, with the official client.

    Every write is one call of a function that the migrations have made, so it is done or undone as
    a whole; a project whose database was not migrated is refused. Any number of processes may
    share a project, over REST or over ``postgresql://``.

    Args:
        url: of the project, such as ``https://name.supabase.co``.
        key: the service role's key, or a secret key; row level security stops all others.
        clock: no decision is younger than its now; None takes the system's.

    Raises:
        ConfigurationError: for an address or a key that cannot be one.
    """

    def __init__(self, url: str, key: str, *, clock: Clock | None = None) -> None:
        self._rest = Rest(url, key)
        self._clock = clock or SystemClock()
        self._gate = PerLoop(asyncio.Lock)
        self._turn = PerLoop(asyncio.Lock)
        self._is_open = False
        self._name = uuid4().hex
        self._layout: tuple[str, int] | None = None

    @property
    def place(self) -> str:
        """Where the project is."""
        return self._rest.place

    @property
    def shared(self) -> bool:
        """Any number of processes may use the project."""
        return True

    async def open(self) -> None:
        """Connect, check the schema, and fold what a crash left pending.

        Raises:
            SchemaVersionError: for a database made by a newer version.
            ConfigurationError: for a key that may not use it, or a missing extra.
            StoreError: for one that was not migrated, or that cannot be reached.
        """
        async with self._gate.here():
            if self._is_open:
                return
            try:
                await self._rest.connect()
                _check_revision(await self._rest.call("conduit_revision"), self.place)
                await self.fold()
            except BaseException:
                await self._rest.close()
                raise
            self._is_open = True

    async def close(self) -> None:
        """Fold what is pending and let go of connections; a second time does nothing."""
        async with self._gate.here():
            if not self._is_open:
                return
            self._is_open = False
            try:
                await self.fold()
            finally:
                await self._rest.close()

    async def bind_layout(self, layout: str, dim: int) -> None:
        """Declare the context layout; the first declaration is kept.

        Raises:
            LayoutMismatchError: when the stored state is of another layout or dimension.
        """
        stored = await self._rest.call("conduit_bind_layout", new_layout=layout, new_dim=dim)
        check_layout((layout, dim), (stored["layout"], stored["dim"]))
        self._layout = layout, dim

    async def set_half_life(self, half_life: float) -> None:
        """Declare how fast evidence fades, from now on; the last declaration is kept.

        Raises:
            InvalidInputError: for a half-life that is not above 0.
        """
        wanted = Forgetting(half_life=half_life).half_life

        async def declare() -> bool:
            await self._fold()
            return await learning.set_half_life(self._rest, wanted, now=self._clock.now())

        await self._alone(declare)

    async def add_decision(self, decision: Decision) -> None:
        """Log a decision; the first one declares the layout if nobody has.

        Raises:
            InvalidInputError: when its id is taken, or its context is not finite.
            LayoutMismatchError: when its context is of another layout.
        """
        check_contexts([decision])
        if not await log.append(self._rest, [decision], [], bound=self._layout):
            raise duplicate_decision(decision.id)
        self._layout = layout_of(decision)

    async def decision(self, decision_id: str) -> Decision:
        """Read a decision back, without its embedding.

        Raises:
            UnknownDecisionError: when there is none.
        """
        return await log.read_decision(self._rest, decision_id)

    async def add_execution(self, execution: Execution) -> None:
        """Log one attempt.

        Raises:
            UnknownDecisionError: when its decision does not exist.
        """
        await log.add_execution(self._rest, execution)

    async def append(self, decisions: Sequence[Decision], executions: Sequence[Execution]) -> None:
        """Log decisions and attempts, all or none; those that are logged already stay as they are.

        Raises:
            InvalidInputError: for a context that is not finite.
            UnknownDecisionError: for an attempt of a decision that is neither logged nor given.
            LayoutMismatchError: for a decision whose context is of another layout.
        """
        check_contexts(decisions)
        if decisions or executions:
            await log.append(self._rest, decisions, executions, bound=self._layout)
        if decisions:
            self._layout = layout_of(decisions[0])

    async def executions(self, decision_id: str) -> tuple[Execution, ...]:
        """Attempts of a decision, in order."""
        return await log.read_executions(self._rest, decision_id)

    def log(self) -> AsyncIterator[LoggedDecision]:
        """Every decision with its attempts and observations, each once, in the order of ids.

        A page is as of one moment, and only one page is held at a time.
        """
        return log.read_log(self._rest)

    async def observe(self, observations: Sequence[Observation]) -> tuple[Change, ...]:
        """Make observations durable, all or none, and say what they changed.

        Raises:
            InvalidInputError: for a value or a weight that is no number.
            UnknownDecisionError: when a decision does not exist; nothing is stored then.
        """
        check_observations(observations)
        if not observations:
            return ()
        return await log.observe(self._rest, observations, writer=self._name)

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
        await self.bind_layout(*bound)
        known = await self._alone(
            lambda: learning.absorb(
                self._rest, statistics, source, layout=bound, now=self._clock.now()
            )
        )
        return known if isinstance(known, Source) else None

    async def shift(self, arm: str, head: Head, *, by: float, at: float | None = None) -> None:
        """Add ``by`` to every target learned so far for one head of one arm, once per moment."""
        await self.fold()
        key, now = (arm, head.value), self._clock.now()
        await self._alone(lambda: learning.shift(self._rest, key, by, at=at, now=now))

    async def discount(self, arm: str, head: Head, *, worth: float) -> None:
        """Let all learned so far of one head of one arm be worth at most that many ratings."""
        await self.fold()
        key = arm, head.value
        await self._alone(lambda: learning.discount(self._rest, key, worth, now=self._clock.now()))

    async def sources(self) -> tuple[Source, ...]:
        """What was absorbed, in that order."""
        return await learning.read_sources(self._rest)

    async def fold(self, *, wait: bool = True) -> Folded:
        """Fold pending observations into the learned state."""
        async with self._turn.here():
            return await self._fold(wait=wait)

    async def load(self) -> LearnedState:
        """The learned state after folding all that is pending.

        Raises:
            LayoutMismatchError: when it was rebuilt with another encoder than this process has.
        """
        await self.fold()
        known = await read_state(self._rest)
        if self._layout is not None and known.layout is not None:
            check_layout(self._layout, (known.layout, known.dim))
        return LearnedState(known.version, known.sums, known.forgetting)

    async def count(self) -> int:
        """Number of observations kept."""
        kept: int = await self._rest.call("conduit_count")
        return kept

    async def pulse(self) -> Pulse:
        """How far learned state and documents have come."""
        return Pulse(**await self._rest.call("conduit_pulse"))

    async def document(self, key: str) -> Document | None:
        """A value that all replicas share; None when nobody put one."""
        row = await self._rest.call("conduit_document", of_key=key)
        return None if row is None else Document(value=row["value"], version=row["version"])

    async def put_document(
        self, key: str, value: Json, *, expected: int, edit: Edit | None = None
    ) -> bool:
        """Replace a shared value, unless another process was first."""
        put: bool = await self._rest.call(
            "conduit_put_document",
            of_key=key,
            new_value=dict(value),
            expected=expected,
            new_edit=None if edit is None else asdict(edit),
        )
        return put

    async def edits(self, *, limit: int = 100) -> tuple[Edit, ...]:
        """Who changed what, the newest first."""
        rows = await self._rest.call("conduit_edits", most=limit)
        return tuple(Edit(**row_of(_EDIT, row)._mapping) for row in rows)

    async def _alone(self, step: Callable[[], Awaitable[Source | bool]]) -> Source | bool:
        """Change learned state; this store's own tasks do so one after the other."""
        async with self._turn.here():
            return await learning.until_first(step, place=self.place)

    async def _fold(self, *, wait: bool = True) -> Folded:
        return await learning.fold_all(
            self._rest, now=self._clock.now, writer=self._name, wait=wait
        )


def _check_revision(revision: object, place: str) -> None:
    if revision == HEAD:
        return
    if not (isinstance(revision, str) and revision.isdigit()):
        raise StoreError(
            f"{place} does not answer like a Supabase project with Conduit's tables",
            remedy="check SUPABASE_URL: https://name.supabase.co, without anything behind it",
        )
    if revision > HEAD:
        raise SchemaVersionError(
            f"{place} is at revision {revision!r}, this version of Conduit knows up to {HEAD!r}",
            remedy="upgrade conduit-router, or choose another project",
        )
    raise StoreError(
        f"{place} is at revision {revision!r}, this version of Conduit wants {HEAD!r}",
        remedy="run ./migrate.sh with its DATABASE_URL",
    )
