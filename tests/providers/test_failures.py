"""The translation of exceptions, where HTTP alone does not reach it."""

from __future__ import annotations

import pytest
from pydantic_ai import exceptions

from conduit.core.errors import FailureKind, ProviderError
from conduit.providers.failures import failure_of, failure_types
from conduit.providers.pydantic_ai import PydanticAIClient

from .conftest import Serve
from .loopback import Answer
from .protocols import GOOGLE, LMSTUDIO, ask


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.ModelTimeoutError("m", "late"), FailureKind.TIMEOUT),
        (exceptions.ModelConnectionError("m", "gone"), FailureKind.CONNECTION),
        (exceptions.ModelRateLimitError("m", "busy"), FailureKind.RATE_LIMIT),
        (exceptions.ContentFilterError("no"), FailureKind.CONTENT_FILTER),
        (exceptions.UnexpectedModelBehavior("what"), FailureKind.SERVER),
        (exceptions.ModelAPIError("m", "what"), FailureKind.SERVER),
        (exceptions.ModelHTTPError(402, "m"), FailureKind.AUTHENTICATION),
        (TypeError("'int' object is not iterable"), FailureKind.SERVER),
    ],
    ids=lambda value: type(value).__name__,
)
def test_kinds(error: Exception, kind: FailureKind) -> None:
    """Every exception a call may raise has the kind that says what to do about it."""
    assert isinstance(error, failure_types())
    failure = failure_of(error, model="the-arm", secrets=())
    assert (failure.kind, failure.model) == (kind, "the-arm")
    assert failure.detail


def test_defects_pass() -> None:
    """What no provider causes is not taken for a failure of the model."""
    assert not issubclass(RuntimeError, failure_types())
    assert not issubclass(MemoryError, failure_types())


def test_secrets_are_struck_out() -> None:
    """Every key is struck out, and an empty one strikes out nothing."""
    error = exceptions.ModelAPIError("m", "alpha and beta and gamma")
    failure = failure_of(error, model="m", secrets=["alpha", "", "gamma"])
    assert failure.detail == "*** and beta and ***"


async def test_invalid_google_key(serve: Serve, client: PydanticAIClient) -> None:
    """Google says 400 to a wrong key; it counts as AUTHENTICATION all the same."""
    fault = GOOGLE.fault("API key not valid.", 400)
    fault["error"]["details"] = [{"reason": "API_KEY_INVALID"}]
    server = await serve(Answer(status=400, body=fault))
    with pytest.raises(ProviderError) as caught:
        await client.complete(ask(GOOGLE.arm(server.url)))
    assert caught.value.kind is FailureKind.AUTHENTICATION


async def test_answer_broken_off(serve: Serve, client: PydanticAIClient) -> None:
    """An answer that the provider marks as broken is the SERVER's failure."""
    body = GOOGLE.answer("Fo")
    body["candidates"][0]["finishReason"] = "MALFORMED_FUNCTION_CALL"
    server = await serve(Answer(body=body))
    with pytest.raises(ProviderError) as caught:
        await client.complete(ask(GOOGLE.arm(server.url)))
    assert caught.value.kind is FailureKind.SERVER


async def test_fault_without_json(serve: Serve, client: PydanticAIClient) -> None:
    """An error page that is not JSON is quoted as it is."""
    server = await serve(Answer(status=502, body=b"<html>Bad\n gateway</html>"))
    with pytest.raises(ProviderError) as caught:
        await client.complete(ask(LMSTUDIO.arm(server.url)))
    assert caught.value.status == 502
    assert "Bad gateway" in caught.value.detail
