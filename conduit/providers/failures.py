"""What PydanticAI raises, in the router's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import ModelRequest
from conduit.providers.faults import fit_to_show, kind_of_status, sentence_in
from conduit.providers.replies import timed_out

if TYPE_CHECKING:
    from pydantic_ai.usage import RequestUsage

_MISSHAPEN = (AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What the SDKs, which check no shapes, stumble over when a body is JSON of another kind."""


@contextmanager
def translated(
    request: ModelRequest,
    secrets: Iterable[str],
    *,
    billed: Callable[[], RequestUsage | None] = lambda: None,
) -> Iterator[None]:
    """Raises what PydanticAI raises as the failure that it is.

    Args:
        request: what was asked.
        secrets: keys to strike out, should the provider repeat them.
        billed: what the provider has said of it when it fails.
    """
    try:
        yield
    except TimeoutError:
        failure = timed_out(request.timeout, model=request.arm.id)
    except failure_types() as error:
        failure = failure_of(error, model=request.arm.id, secrets=secrets)
    else:
        return
    usage = billed()
    if usage is not None:
        failure.input_tokens = usage.input_tokens or None
        failure.output_tokens = usage.output_tokens or None
    # The chain is cut because the SDK's exception may repeat the key.
    raise failure from None


def failure_types() -> tuple[type[Exception], ...]:
    """The exceptions with which a call fails."""
    from pydantic_ai.exceptions import AgentRunError, UserError  # noqa: PLC0415 - heavy

    return (AgentRunError, UserError, *_MISSHAPEN)


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
        sent=_was_sent(error),
    )


def _was_sent(error: Exception) -> bool:
    """Whether a connection failed under a request, and not before it."""
    from pydantic_ai.exceptions import ModelConnectionError  # noqa: PLC0415 - heavy

    if not isinstance(error, ModelConnectionError):
        return False
    return getattr(error, "phase", None) not in ("pool", "connect")


def _kind(error: Exception) -> FailureKind:
    from pydantic_ai import exceptions  # noqa: PLC0415 - heavy

    if isinstance(error, exceptions.ModelHTTPError):
        return kind_of_status(error.status_code, code=error.provider_error_code, body=error.body)
    kinds: dict[type[Exception], FailureKind] = {
        exceptions.ModelTimeoutError: FailureKind.TIMEOUT,
        exceptions.ModelConnectionError: FailureKind.CONNECTION,
        exceptions.ModelRateLimitError: FailureKind.RATE_LIMIT,
        exceptions.ContentFilterError: FailureKind.CONTENT_FILTER,
        exceptions.UserError: FailureKind.BAD_REQUEST,  # the provider's protocol cannot say it
    }
    found = (kind for raised, kind in kinds.items() if isinstance(error, raised))
    return next(found, FailureKind.SERVER)  # it answered, with something that is no answer


def _detail(error: Exception, secrets: Iterable[str]) -> str:
    said = sentence_in(getattr(error, "body", None)) or str(error)
    if isinstance(error, _MISSHAPEN):
        said = f"unreadable answer: {said}"
    return fit_to_show(said, secrets=secrets)
