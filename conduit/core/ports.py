"""The ports: what the engine needs from the world, as protocols.

Every port has a public stand-in that runs offline: ``MemoryStore``, ``ScriptedProvider``,
``RecordedProvider``, ``HashingEncoder``, ``ManualClock``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from conduit.core.decisions import Decision
from conduit.core.log import LoggedDecision
from conduit.core.outcomes import (
    Change,
    Delta,
    Execution,
    Head,
    ModelReply,
    ModelRequest,
    Observation,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from conduit.core.sharing import Document, Edit, Folded, Json, Pulse
    from conduit.core.statistics import LearnedState, Source, SufficientStatistics


class Clock(Protocol):
    """Time, injected so that tests and replays own it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """Text to a vector of meaning. Thread-safe; called off the event loop, unless it is brief."""

    @property
    def name(self) -> str:
        """Identity of the weights: equal names give equal vectors."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit-norm embeddings, (n, dim)."""
        ...


@runtime_checkable
class BriefEncoder(Encoder, Protocol):
    """An encoder that knows which texts are too short to be worth a thread."""

    @property
    def brief(self) -> int:
        """Bytes of UTF-8 of ordinary text that it encodes within about 10 ms."""
        ...


@runtime_checkable
class ModelClient(Protocol):
    """Calls models."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer one prompt.

        Raises:
            ProviderError: when the model did not answer.
        """
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...


@runtime_checkable
class StreamingClient(ModelClient, Protocol):
    """Calls models that answer piece by piece; other clients' answers come in one piece."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | ModelReply, None]:
        """Answer one prompt: pieces as they come, and last of all the whole reply.

        Closing the generator early hangs up on the model. Different tasks may ask for its pieces,
        one after the other: no timeout or cancel scope may be held from one piece to the next.

        Raises:
            ProviderError: when the model did not answer, or broke off; ``output_tokens`` says then
                what was billed, where that is known.
        """
        ...


@runtime_checkable
class Store(Protocol):
    """Durable memory of decisions, executions, observations and learned state.

    ``observe`` is the delta log: once it returns, the observation is durable and will be folded
    into the learned state exactly once.
    """

    @property
    def shared(self) -> bool:
        """Whether other processes may use what this one uses."""
        ...

    async def open(self) -> None:
        """Connect, and bring the schema to this version.

        Raises:
            SchemaVersionError: for a database made by a newer version.
        """
        ...

    async def close(self) -> None:
        """Fold what is pending and let go of connections."""
        ...

    async def bind_layout(self, layout: str, dim: int) -> None:
        """Declare the context layout that state is learned in; the first declaration is kept.

        Raises:
            LayoutMismatchError: when the stored state is of another layout or dimension.
        """
        ...

    async def set_half_life(self, half_life: float) -> None:
        """Declare after how many seconds what was learned counts half, from now on.

        The last declaration is kept; at first nothing but availability is forgotten. What is
        pending is folded under what held before.

        Raises:
            InvalidInputError: for a half-life that is not above 0; infinity is.
        """
        ...

    async def add_decision(self, decision: Decision) -> None:
        """Log a decision."""
        ...

    async def decision(self, decision_id: str) -> Decision:
        """Read a decision back, without its embedding.

        Raises:
            UnknownDecisionError: when there is none.
        """
        ...

    async def add_execution(self, execution: Execution) -> None:
        """Log one attempt."""
        ...

    async def append(self, decisions: Sequence[Decision], executions: Sequence[Execution]) -> None:
        """Log decisions and attempts, all or none; those that are logged already are left as they are.

        A writer that does not know whether it succeeded may say the same again. An attempt is
        known by its decision and number.

        Raises:
            UnknownDecisionError: for an attempt of a decision that is neither logged nor given.
            LayoutMismatchError: for a decision whose context is of another layout.
        """
        ...

    async def executions(self, decision_id: str) -> tuple[Execution, ...]:
        """Attempts of a decision, in order."""
        ...

    def log(self) -> AsyncIterator[LoggedDecision]:
        """Every decision with its attempts and observations, each once, in an order of its own.

        The order stays the same from one reading to the next. Memory is bounded however long the
        log is; decisions that are made while it is read may or may not be among them.
        """
        ...

    async def observe(self, observations: Sequence[Observation]) -> tuple[Change, ...]:
        """Make observations durable, all or none, and say what they changed.

        An observation equal to the one already kept for its (decision, arm, signal) is left out
        of the answer; another value replaces it and is answered with the value it replaced, and
        with whether a shift or a discount has come in between.

        Raises:
            UnknownDecisionError: when a decision does not exist; nothing is stored then.
        """
        ...

    async def absorb(
        self,
        statistics: Mapping[tuple[str, str], SufficientStatistics],
        *,
        source: Source,
        layout: str,
    ) -> Source | None:
        """Add evidence from elsewhere to the learned state, all or none, and once per source.

        Args:
            statistics: per (arm id, head name), at least one, all of one dimension; undated ones
                count as of when they were absorbed.
            source: where they come from; kept, as the record of what was added.
            layout: context layout of the statistics; declared, if none was.

        Returns:
            None when the evidence was added; what was kept the first time when the store had
            absorbed a source of this digest already, and nothing changed.

        Raises:
            LayoutMismatchError: when the stored state is of another layout or dimension.
            InvalidInputError: for sums that no observations have.
        """
        ...

    async def shift(self, arm: str, head: Head, *, by: float, at: float | None = None) -> None:
        """Add ``by`` to every target learned so far for one head of one arm, pending ones included.

        How a change of price reaches what was paid before. Nothing to do where nothing is known.

        Args:
            arm: id of the arm.
            head: what was learned of it.
            by: what is added.
            at: the moment that names this shift, in seconds since the epoch: the same shift of the
                same moment is done once, so that it may be said again when its answer was lost.
                None makes it another one every time.
        """
        ...

    async def discount(self, arm: str, head: Head, *, worth: float) -> None:
        """Let all learned so far of one head of one arm be worth at most that many ratings.

        How a change of the arm reaches what was learned before; pending observations are included.
        Nothing to do where less is known, so that saying it twice changes nothing.
        """
        ...

    async def sources(self) -> tuple[Source, ...]:
        """What was absorbed, in that order."""
        ...

    async def fold(self, *, wait: bool = True) -> Folded:
        """Fold pending observations into the learned state.

        Each counts as old as its decision, and no decision younger than now; sums are weighed as
        of the newest decision in them.

        Args:
            wait: for another process that is folding; otherwise the work is left to it.
        """
        ...

    async def load(self) -> LearnedState:
        """The learned state after folding all that is pending."""
        ...

    async def count(self) -> int:
        """Number of observations kept."""
        ...

    async def pulse(self) -> Pulse:
        """How far learned state and documents have come; cheap, to be asked often."""
        ...

    async def document(self, key: str) -> Document | None:
        """A value that all replicas share; None when nobody put one."""
        ...

    async def put_document(
        self, key: str, value: Json, *, expected: int, edit: Edit | None = None
    ) -> bool:
        """Replace a shared value, unless another process was first.

        Args:
            key: which one.
            value: the new one.
            expected: version that the new value was made from; 0 where there was none.
            edit: what to put on record, together with the change or not at all.

        Returns:
            Whether the value was replaced; False, and nothing has changed, when the version is not
            the expected one any more.
        """
        ...

    async def edits(self, *, limit: int = 100) -> tuple[Edit, ...]:
        """Who changed what, the newest first."""
        ...
