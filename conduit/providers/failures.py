"""What PydanticAI raises, in the router's words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from conduit.core.errors import FailureKind, ProviderError

if TYPE_CHECKING:
    from pydantic_ai.exceptions import ModelHTTPError

_LONGEST_DETAIL = 300

_KIND_OF_STATUS = {
    401: FailureKind.AUTHENTICATION,
    402: FailureKind.AUTHENTICATION,  # the account cannot pay: waiting does not help either
    403: FailureKind.AUTHENTICATION,
    408: FailureKind.TIMEOUT,
    429: FailureKind.RATE_LIMIT,
}

_FILTER_CODES = {"content_filter", "content_policy_violation"}


_MISSHAPEN = (AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What the SDKs, which check no shapes, stumble over when a body is JSON of another kind."""


def failure_types() -> tuple[type[Exception], ...]:
    """The exceptions with which a call fails."""
    from pydantic_ai.exceptions import AgentRunError  # noqa: PLC0415 - heavy

    return (AgentRunError, *_MISSHAPEN)


def failure_of(error: Exception, *, model: str, secrets: Iterable[str]) -> ProviderError:
    """Translate an exception of :func:`failure_types`.

    Args:
        error: what was raised.
        model: id of the arm that was called.
        secrets: keys to strike out, should the provider repeat them.
    """
    status = getattr(error, "status_code", None)
    return ProviderError(
        _kind(error),
        model=model,
        detail=_detail(error, secrets),
        retry_after=getattr(error, "retry_after", None),
        status=status,
    )


def _kind(error: Exception) -> FailureKind:
    from pydantic_ai import exceptions  # noqa: PLC0415 - heavy

    if isinstance(error, exceptions.ModelHTTPError):
        return _kind_of_http(error)
    if isinstance(error, exceptions.ModelTimeoutError):
        return FailureKind.TIMEOUT
    if isinstance(error, exceptions.ModelConnectionError):
        return FailureKind.CONNECTION
    if isinstance(error, exceptions.ModelRateLimitError):
        return FailureKind.RATE_LIMIT
    if isinstance(error, exceptions.ContentFilterError):
        return FailureKind.CONTENT_FILTER
    return FailureKind.SERVER  # it answered, with something that is no answer


def _kind_of_http(error: ModelHTTPError) -> FailureKind:
    if error.status_code in _KIND_OF_STATUS:
        return _KIND_OF_STATUS[error.status_code]
    if error.status_code >= 500:
        return FailureKind.SERVER
    if error.provider_error_code in _FILTER_CODES:
        return FailureKind.CONTENT_FILTER
    if "API_KEY_INVALID" in str(error.body):  # Google refuses a wrong key with 400
        return FailureKind.AUTHENTICATION
    return FailureKind.BAD_REQUEST


def _detail(error: Exception, secrets: Iterable[str]) -> str:
    said = _message(getattr(error, "body", None)) or str(error)
    if isinstance(error, _MISSHAPEN):
        said = f"unreadable answer: {said}"
    for secret in filter(None, secrets):
        said = said.replace(secret, "***")
    said = " ".join(said.split())
    return said if len(said) <= _LONGEST_DETAIL else f"{said[:_LONGEST_DETAIL]}…"


def _message(body: object) -> str:
    """The sentence inside an error body: ``{"error": {"message": …}}``, or less of it."""
    if isinstance(body, dict):
        return _message(body.get("error") or body.get("message"))
    return body if isinstance(body, str) else ""
