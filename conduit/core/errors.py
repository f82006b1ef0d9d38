"""Every error Conduit raises, in one tree.

::

    ConduitError                      exit code 1
    ├── InvalidInputError             exit code 2, also a ValueError
    │   ├── UnknownModelError
    │   ├── UnknownPolicyError
    │   ├── UnknownDecisionError
    │   ├── UnknownPriceError
    │   └── NoAffordableModelError    no model fits ``max_cost``
    ├── ConfigurationError            exit code 2: settings, registry files, missing extras
    ├── StoreError                    exit code 2
    │   ├── SchemaVersionError        a database made by another version
    │   └── LayoutMismatchError       stored state of another encoder or context layout
    ├── CacheError                    exit code 1: a cache server is away; guards keep it inside
    ├── BudgetExceededError           exit code 1: the money is spent
    ├── ReservationTimeoutError       exit code 1: the money left was set aside for others too long
    ├── EvaluationRefusedError        exit code 1: the log cannot answer the question
    └── ExecutionError                exit code 1
        ├── ProviderError             one model call failed
        ├── AllModelsFailedError      the whole fallback chain failed
        └── UnusableAnswerError       an answer came that is not in the form asked for

A message says what is wrong, with which value, and what to do about it, in one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar


class ConduitError(Exception):
    """Base of every error that Conduit raises on purpose.

    Args:
        problem: what is wrong, naming the offending value.
        remedy: what to do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, *, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        message = f"{problem}; {remedy}" if remedy else problem
        super().__init__(" ".join(message.splitlines()))

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel between processes: rebuilt from their message, not by ``__init__``."""
        return _revive, (type(self), self.args, self.__dict__)


class InvalidInputError(ConduitError, ValueError):
    """A value from the caller cannot be used."""

    exit_code = 2


class UnknownModelError(InvalidInputError):
    """A model name that is not among the arms."""

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        self.name = name
        super().__init__(f"unknown model {name!r}", remedy=f"choose one of: {_listing(known)}")


class UnknownPolicyError(InvalidInputError):
    """A policy name that nothing answers to."""

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        self.name = name
        names = ", ".join(sorted(known))
        super().__init__(f"unknown policy {name!r}", remedy=f"choose one of: {names}")


class UnknownDecisionError(InvalidInputError):
    """Feedback or a look-up for a decision that the store does not hold."""

    def __init__(self, decision_id: str) -> None:
        self.decision_id = decision_id
        super().__init__(
            f"unknown decision {decision_id!r}",
            remedy="pass the id of a decision made with this database",
        )


class UnknownPriceError(InvalidInputError):
    """A model whose price nobody gave; never priced silently.

    Args:
        model: id of the arm.
        served_at: host of a server other than the provider's own, which has no list price.
    """

    def __init__(self, model: str, *, served_at: str | None = None) -> None:
        self.model = model
        place = f" served at {served_at}" if served_at else ""
        super().__init__(
            f"no price is known for model {model!r}{place}",
            remedy="give input_price and output_price (USD per million tokens) in a pricing file "
            "or CONDUIT_PRICING_JSON",
        )


class NoAffordableModelError(InvalidInputError):
    """No arm fits ``max_cost``, a limit that is never relaxed."""

    def __init__(self, max_cost: float, *, cheapest: str, cost: float) -> None:
        self.max_cost = max_cost
        self.cheapest = cheapest
        self.cost = cost
        super().__init__(
            f"no model fits max_cost=${max_cost:g}: the cheapest is {cheapest!r} at ${cost:.6g}",
            remedy=f"raise max_cost to at least ${cost:.6g} or shorten the prompt",
        )


class ConfigurationError(ConduitError):
    """Settings, a registry file or an installation that cannot work as it stands."""

    exit_code = 2


class StoreError(ConduitError):
    """The store cannot be used; nothing in it was changed."""

    exit_code = 2


class SchemaVersionError(StoreError):
    """A database whose schema this version does not know."""


class LayoutMismatchError(StoreError):
    """Learned state of another encoder or context layout."""


class CacheError(ConduitError):
    """A cache server does not answer, or not with what was asked; never reaches a user."""


class BudgetExceededError(ConduitError):
    """A budget has too little left for a call, whatever becomes of calls under way.

    Args:
        budget: for people, such as ``daily budget of user 'anna'``.
        scope: whose, as ``kind:name``.
        window: when spending counts, such as ``daily``.
        limit: USD.
        spent: USD, settled in the window.
        requested: USD, the least that would have done; 0 where nobody knows it before the call.
        resets_at: when money comes back, in seconds since the epoch; None for never.
    """

    def __init__(
        self,
        budget: str,
        *,
        scope: str,
        window: str,
        limit: float,
        spent: float,
        requested: float,
        resets_at: float | None,
    ) -> None:
        self.budget = budget
        self.scope = scope
        self.window = window
        self.limit = limit
        self.spent = spent
        self.requested = requested
        self.resets_at = resets_at
        when = "" if resets_at is None else f"wait until {_moment(resets_at)}, or "
        rest = f"${_money(requested)} more do not fit" if requested else "nothing is left"
        super().__init__(
            f"the {budget} is ${_money(limit)}: ${_money(spent)} are spent, and {rest}",
            remedy=f"{when}raise the limit, or ask for less",
        )


class BudgetWarning(UserWarning):
    """Most of a budget is spent, or more than all of it; nothing was refused."""


class ReservationTimeoutError(ConduitError):
    """Money is left of a budget, but was set aside for other calls for as long as one may wait.

    Args:
        budget: for people, such as ``daily budget of user 'anna'``.
        scope: whose, as ``kind:name``.
        window: when spending counts, such as ``daily``.
        limit: USD.
        spent: USD, settled in the window.
        reserved: USD, set aside for calls under way.
        requested: USD, the least that would have done.
        waited: seconds.
        resets_at: when money comes back, in seconds since the epoch; None for never.
    """

    def __init__(
        self,
        budget: str,
        *,
        scope: str,
        window: str,
        limit: float,
        spent: float,
        reserved: float,
        requested: float,
        waited: float,
        resets_at: float | None,
    ) -> None:
        self.budget = budget
        self.scope = scope
        self.window = window
        self.limit = limit
        self.spent = spent
        self.reserved = reserved
        self.requested = requested
        self.waited = waited
        self.resets_at = resets_at
        super().__init__(
            f"of the {budget}, ${_money(limit)}, ${_money(spent)} are spent and "
            f"${_money(reserved)} set aside: no room for ${_money(requested)} in {waited:.1f} s",
            remedy="try again when calls under way are done, or raise the limit",
        )


class EvaluationRefusedError(ConduitError):
    """A question about another policy that the log holds too little to answer."""


class ExecutionError(ConduitError):
    """A prompt could not be answered."""


class FailureKind(StrEnum):
    """Why a model call failed."""

    TIMEOUT = "timeout"
    RATE_LIMIT = "rate_limit"
    AUTHENTICATION = "authentication"
    BAD_REQUEST = "bad_request"
    SERVER = "server"
    CONNECTION = "connection"
    EMPTY = "empty"
    CONTENT_FILTER = "content_filter"


class ProviderError(ExecutionError):
    """One call to one model failed.

    Args:
        kind: the reason, one of :class:`FailureKind`.
        model: id of the arm that was called.
        detail: what the provider said, without secrets.
        retry_after: seconds the provider asked us to wait, when it said so.
        status: HTTP status, when there was one.
        input_tokens: billed although the call failed; None when unknown.
        output_tokens: likewise.
        sent: whether the request was on its way and no word came of what was billed: providers
            answer, and bill, also where nobody hears it.
    """

    def __init__(
        self,
        kind: FailureKind,
        *,
        model: str,
        detail: str = "",
        retry_after: float | None = None,
        status: int | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        sent: bool = False,
    ) -> None:
        self.kind = kind
        self.model = model
        self.detail = detail
        self.retry_after = retry_after
        self.status = status
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.sent = sent
        tail = f": {detail}" if detail else ""
        super().__init__(f"{model} failed ({kind.value}){tail}")


class AllModelsFailedError(ExecutionError):
    """Every model of the fallback chain failed.

    Args:
        failures: of every attempt, in order; a model may have been asked more than once.
        cost: USD that all attempts were billed for, estimated where no word of a bill came.
    """

    def __init__(self, failures: Sequence[ProviderError], *, cost: float = 0.0) -> None:
        self.failures = tuple(failures)
        self.cost = cost
        said = "; ".join(dict.fromkeys(str(failure) for failure in self.failures))
        models = len({failure.model for failure in self.failures})
        super().__init__(
            f"all {models} models failed: {said}",
            remedy="check keys and limits with 'conduit models'",
        )


class UnusableAnswerError(ExecutionError):
    """A model answered, and was paid, but not in the form that was asked for."""


def _listing(names: Sequence[str], *, most: int = 12) -> str:
    shown = ", ".join(sorted(names)[:most])
    return f"{shown}, … ({len(names)} in all)" if len(names) > most else shown


def _money(usd: float) -> str:
    return f"{usd:.9f}".rstrip("0").rstrip(".")


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _revive(
    kind: type[ConduitError], args: tuple[object, ...], state: dict[str, object]
) -> ConduitError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error
