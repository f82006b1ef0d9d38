"""What happened after a decision: calls, the response, and observations to learn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from conduit.core.arms import Arm
from conduit.core.chat import Chat
from conduit.core.errors import FailureKind
from conduit.core.extras import NO_EXTRAS, Extras
from conduit.core.sharing import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One call to one model.

    Args:
        arm: the model.
        text: the prompt; where there is a ``chat``, the part of it that was routed on.
        query_id: the query it is made for.
        max_tokens: longest answer, in tokens.
        temperature: of sampling; None leaves it to the model.
        timeout: seconds for the whole call; None waits for ever.
        chat: the conversation that is to be answered, in the place of ``text``.
    """

    arm: Arm
    text: str
    query_id: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    timeout: float | None = None
    chat: Chat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A piece of an answer that is still being given.

    Args:
        text: to be added to what came before.
        tool_calls: fragments of calls, each with the ``index`` of its call, as OpenAI streams them.
        extras: what else this piece holds.
        thought: bytes that the model thought for this piece, which extras may hold or not yet.
    """

    text: str = ""
    tool_calls: tuple[Json, ...] = ()
    extras: Extras = field(default=NO_EXTRAS, hash=False)
    thought: int = 0

    @property
    def speaks(self) -> bool:
        """Whether it adds anything that a caller is shown."""
        return bool(self.text or self.tool_calls or self.extras)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """What a model client returns.

    Args:
        text: the answer.
        input_tokens: as billed; None when unknown (recorded data).
        output_tokens: as billed; None when unknown.
        cost: USD when the source knows it better than the price table; None prices the tokens.
        latency: seconds; None when nobody measured it, which is not zero.
        finish_reason: ``stop``, ``length``, ``tool_calls`` or ``content_filter``.
        tool_calls: what the model wants done, as OpenAI's protocol has it.
        cached_tokens: of ``input_tokens``, those that the provider had read before; None where it
            did not say.
        extras: what else the answer holds; part of no record.
    """

    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    latency: float | None = None
    finish_reason: str = "stop"
    tool_calls: tuple[Json, ...] = ()
    cached_tokens: int | None = None
    extras: Extras = field(default=NO_EXTRAS, hash=False)

    @property
    def acts(self) -> bool:
        """Whether it is an answer though it may have no text."""
        return bool(self.tool_calls) or self.extras.answers


CANCELLED = "cancelled"
"""How an attempt finishes whose caller went away: paid as far as it went, no failure, no lesson."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One attempt to have a model answer, successful or not, as it is logged.

    Args:
        decision_id: the decision it belongs to.
        attempt: 1 for the chosen arm, counting up along retries, fallbacks and continuations.
        arm: id of the arm that was called.
        failure: None when it answered.
        cost: USD, of failed attempts too where the provider billed them.
        latency: seconds; None when nobody measured it.
        finish_reason: as in the reply, or :data:`CANCELLED`; None when the attempt failed.
        started_at: seconds since the epoch.
    """

    decision_id: str
    attempt: int
    arm: str
    failure: FailureKind | None
    input_tokens: int | None
    output_tokens: int | None
    cost: float
    latency: float | None
    finish_reason: str | None
    started_at: float

    @property
    def answered(self) -> bool:
        """Whether the model answered, to its end."""
        return self.failure is None and self.finish_reason != CANCELLED


class Head(StrEnum):
    """What is learned per arm."""

    QUALITY = "quality"
    LOG_TOKENS = "log_tokens"
    LOG_COST = "log_cost"
    LOG_LATENCY = "log_latency"
    AVAILABILITY = "availability"


class Signal(StrEnum):
    """Where an observation comes from."""

    RATING = "rating"
    RETRY = "retry"
    ERROR = "error"
    TOKENS = "tokens"
    COST = "cost"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One measured value for one head of one arm.

    At most one per (decision, arm, signal) is kept: the same value again has no effect, another
    value replaces it.

    Args:
        decision_id: the decision whose context it is learned with.
        arm: the arm it is credited to, which is the one that served.
        value: quality and availability in 0..1, the other heads in natural logarithms.
        weight: in ratings; one explicit rating is 1.
        observed_at: seconds since the epoch.
    """

    decision_id: str
    arm: str
    signal: Signal
    head: Head
    value: float
    weight: float = 1.0
    observed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What recording an observation changed.

    Args:
        observation: as it is kept.
        previous: the value it replaces; None for a first one.
        adjusted: whether all that was learned there has been shifted or discounted since the first
            value was recorded, so that the correction counts otherwise than it says.
    """

    observation: Observation
    previous: float | None = None
    adjusted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, what it cost, and what it would have cost at the baseline model.

    Args:
        latency: seconds; None when nobody measured it.
        lost: seconds that models took over attempts that failed before.
        cost: USD, failed attempts included.
        base_model: the model the saving is measured against.
        base_cost: USD for the same tokens at that model.
        attempts: calls until one was answered, that one included; what continues it is not counted.
        tool_calls: what the model wants done, as OpenAI's protocol has it.
        propensity: probability with which the decided model was drawn.
        cached: whether the answer was given before, to an equal request; it cost nothing then.
        extras: what else the answer holds; part of no record.
    """

    text: str
    model: str
    provider: str
    cost: float
    input_tokens: int | None
    output_tokens: int | None
    base_model: str
    base_cost: float
    latency: float | None
    decision_id: str
    finish_reason: str = "stop"
    attempts: int = 1
    tool_calls: tuple[Json, ...] = ()
    propensity: float | None = None
    cached: bool = False
    extras: Extras = field(default=NO_EXTRAS, hash=False)
    lost: float = 0.0

    @property
    def savings(self) -> float:
        """USD saved against the baseline; negative when the answer cost more."""
        return self.base_cost - self.cost

    @property
    def savings_percent(self) -> float:
        """Saving in percent of the baseline's cost; 0 when the baseline is free."""
        return 100 * self.savings / self.base_cost if self.base_cost else 0.0

    @property
    def saved(self) -> float:
        """The same as :attr:`savings`."""
        return self.savings

    @property
    def baseline_cost(self) -> float:
        """The same as :attr:`base_cost`."""
        return self.base_cost

    @property
    def prompt_tokens(self) -> int | None:
        """The same as :attr:`input_tokens`."""
        return self.input_tokens

    @property
    def completion_tokens(self) -> int | None:
        """The same as :attr:`output_tokens`."""
        return self.output_tokens
