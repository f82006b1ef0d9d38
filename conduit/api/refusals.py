"""What a caller is told whose request cannot be met: in the shape of its dialect, with a fitting status."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from conduit.api.dialects import says_detail
from conduit.api.paths import path_of
from conduit.core.errors import (
    AllModelsFailedError,
    BudgetExceededError,
    ConduitError,
    ConfigurationError,
    ExecutionError,
    FailureKind,
    InvalidInputError,
    NoAffordableModelError,
    ProviderError,
    ReservationTimeoutError,
    StoreError,
    UnknownDecisionError,
    UnknownModelError,
    UnknownPriceError,
)

INVALID = "invalid_request_error"
_UPSTREAM: Mapping[FailureKind, tuple[int, str]] = {
    FailureKind.RATE_LIMIT: (429, "rate_limit_error"),
    FailureKind.TIMEOUT: (504, "api_error"),
    FailureKind.BAD_REQUEST: (400, INVALID),
    FailureKind.CONTENT_FILTER: (400, INVALID),
}
"""What callers see of failures that all models share; any other, and a mixture, is a 502."""
_KINDS: tuple[tuple[type[ConduitError], int, str, str, str | None], ...] = (
    (UnknownModelError, 404, INVALID, "model_not_found", "model"),
    (UnknownDecisionError, 404, INVALID, "decision_not_found", "decision_id"),
    (UnknownPriceError, 400, INVALID, "price_unknown", "model"),
    (NoAffordableModelError, 400, INVALID, "no_affordable_model", "max_cost"),
    (InvalidInputError, 400, INVALID, "invalid_value", None),
    (BudgetExceededError, 402, "insufficient_quota", "budget_exceeded", None),
    (ReservationTimeoutError, 402, "insufficient_quota", "reservation_timeout", None),
    (ConfigurationError, 503, "api_error", "not_configured", None),
    (StoreError, 503, "api_error", "store_unavailable", None),
    (ExecutionError, 502, "api_error", "upstream_error", None),
    (ConduitError, 503, "api_error", "unavailable", None),
)
"""Kind of error, status, type, code, parameter; the first that fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is an error.

    Args:
        status: of HTTP.
        message: what is wrong, and what to do.
        type: OpenAI's name of the kind of error.
        code: of the error, for programs.
        param: of the request, that is to blame.
        headers: of HTTP.
        more: fields of the error that only Conduit has.
    """

    status: int
    message: str
    type: str = INVALID
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """As JSON, in OpenAI's shape."""
        error = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
            **self.more,
        }
        return orjson.dumps({"error": error})

    def body_at(self, path: str) -> bytes:
        """As JSON, as those speak who ask at this address."""
        if not says_detail(path):
            return self.body
        said = {"detail": self.message, "code": self.code, "param": self.param}
        return orjson.dumps(said | dict(self.more))

    def response(self) -> Response:
        """To be sent."""
        return _Spoken(self)


class _Spoken(Response):
    """A refusal, worded when it is known where it was asked."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(
            refusal.body,
            refusal.status,
            headers=dict(refusal.headers),
            media_type="application/json",
        )
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body = self._refusal.body_at(path_of(scope))
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


class RefusedError(Exception):
    """A request that is refused for its form, before it reaches the router."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.message)


def refuse(message: str, *, code: str, param: str | None = None, status: int = 400) -> RefusedError:
    """For a request that cannot be understood, or asks for what there is not."""
    return RefusedError(Refusal(status=status, message=message, code=code, param=param))


def unread(content_type: str) -> Refusal:
    """For a body that is declared as anything but JSON, or as nothing."""
    kind = repr(content_type[:100]) if content_type else "no declared type"
    return Refusal(
        status=415,
        message=f"a body of {kind} is not read; send it with 'Content-Type: application/json'",
        code="unsupported_media_type",
    )


def refusal_of(error: ConduitError) -> Refusal:
    """What a caller is told of an error."""
    failures = error.failures if isinstance(error, AllModelsFailedError) else ()
    failures = (error,) if isinstance(error, ProviderError) else failures
    if failures:
        return _upstream(error, failures)
    _, status, kind, code, param = next(row for row in _KINDS if isinstance(error, row[0]))
    return Refusal(
        status=status, message=str(error), type=kind, code=code, param=param, more=_budget(error)
    )


def _upstream(error: ConduitError, failures: tuple[ProviderError, ...]) -> Refusal:
    kinds = {failure.kind for failure in failures}
    kind = kinds.pop() if len(kinds) == 1 else None
    status, named = (502, "api_error") if kind is None else _UPSTREAM.get(kind, (502, "api_error"))
    waits = [failure.retry_after for failure in failures if failure.retry_after is not None]
    wait = {"retry-after": str(math.ceil(max(min(waits), 0)))} if status == 429 and waits else {}
    return Refusal(
        status=status,
        message=str(error),
        type=named,
        code=f"upstream_{kind.value}" if kind else "upstream_error",
        headers=wait,
    )


def _budget(error: ConduitError) -> dict[str, Any]:
    if not isinstance(error, BudgetExceededError | ReservationTimeoutError):
        return {}
    budget = {
        "scope": error.scope,
        "window": error.window,
        "limit": error.limit,
        "spent": error.spent,
        "requested": error.requested,
        "resets_at": error.resets_at,
        "resets_in": None if error.resets_at is None else max(error.resets_at - time.time(), 0.0),
    }
    if isinstance(error, ReservationTimeoutError):
        budget |= {"reserved": error.reserved, "waited": error.waited}
    return {"budget": budget}
