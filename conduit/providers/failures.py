"""What PydanticAI raises, in the router's words."""

from __future__ import annotations

from collections.abc import Iterable

from conduit.core.errors import FailureKind, ProviderError
from conduit.providers.faults import fit_to_show, kind_of_status, sentence_in

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
        return kind_of_status(error.status_code, code=error.provider_error_code, body=error.body)
    if isinstance(error, exceptions.ModelTimeoutError):
        return FailureKind.TIMEOUT
    if isinstance(error, exceptions.ModelConnectionError):
        return FailureKind.CONNECTION
    if isinstance(error, exceptions.ModelRateLimitError):
        return FailureKind.RATE_LIMIT
    if isinstance(error, exceptions.ContentFilterError):
        return FailureKind.CONTENT_FILTER
    return FailureKind.SERVER  # it answered, with something that is no answer


def _detail(error: Exception, secrets: Iterable[str]) -> str:
    said = sentence_in(getattr(error, "body", None)) or str(error)
    if isinstance(error, _MISSHAPEN):
        said = f"unreadable answer: {said}"
    return fit_to_show(said, secrets=secrets)
