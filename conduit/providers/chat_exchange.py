"""One exchange with a server: sending, receiving, and what may go wrong with either."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from conduit.core.errors import FailureKind, ProviderError
from conduit.providers.chat_replies import UNKNOWN, Usage, broken_off
from conduit.providers.chat_session import ChatSession, Journey
from conduit.providers.faults import (
    code_in,
    fit_to_show,
    kind_of_status,
    seconds_to_wait,
    sentence_in,
)
from conduit.providers.json_codec import JsonCodec
from conduit.providers.replies import impossible, timed_out

if TYPE_CHECKING:
    from aiohttp import ClientResponse

_FAREWELL = 0.1


async def send(
    session: ChatSession, body: bytes, *, journey: Journey, model: str, codec: JsonCodec
) -> ClientResponse:
    """Send a call; returns when an answer has begun.

    Raises:
        ProviderError: for an HTTP status that is none of an answer.
    """
    response = await session.post(body, journey=journey)
    if response.status == 200:
        return response
    try:
        raw = await response.read()
    finally:
        response.close()
    try:
        said = codec.decode(raw)
    except ValueError:
        said = raw.decode(errors="replace")
    raise ProviderError(
        kind_of_status(response.status, code=code_in(said), body=said),
        model=model,
        detail=fit_to_show(sentence_in(said) or str(said), secrets=session.secrets),
        retry_after=seconds_to_wait(response.headers.get("Retry-After")),
        status=response.status,
    )


async def whole(
    session: ChatSession, body: bytes, *, journey: Journey, model: str, codec: JsonCodec
) -> bytes:
    """Send a call; returns the whole body of its answer. Ended early, it hangs up."""
    response = await send(session, body, journey=journey, model=model, codec=codec)
    try:
        return await response.read()
    finally:
        response.close()  # which leaves a connection alone whose answer was read to its end


async def take_leave(response: ClientResponse) -> None:
    """Read what follows the last event, so that the connection can be used again.

    That is a few bytes at most, which as a rule are there; a server that lingers is hung up on.
    The answer is complete, whatever happens to the connection now.
    """
    from aiohttp import ClientError  # noqa: PLC0415 - an extra

    try:
        async with asyncio.timeout(_FAREWELL):
            while await response.content.readany():
                pass
    except (TimeoutError, ClientError, OSError):
        response.close()


@contextmanager
def translated(
    model: str,
    timeout: float | None,
    *,
    journey: Journey,
    secrets: Iterable[str],
    billed: Callable[[], Usage] = lambda: UNKNOWN,
) -> Iterator[None]:
    """Raises what goes wrong on the way as the failure that it is.

    Args:
        model: id of the arm.
        timeout: seconds that were allowed.
        journey: how far it has come.
        secrets: to strike out, for some errors show the address of the proxy with its password.
        billed: what is known of it when it goes wrong.
    """
    from aiohttp import (  # noqa: PLC0415 - an extra
        ClientError,
        InvalidURL,
        NonHttpUrlClientError,
        ServerTimeoutError,
    )

    try:
        yield
    except ServerTimeoutError as error:  # of the connection, not of the whole call
        detail = _said_of(error, secrets)
        raise broken_off(
            model, detail, billed(), kind=FailureKind.TIMEOUT, sent=journey.sent
        ) from None
    except TimeoutError:
        used = billed()
        raise timed_out(
            timeout,
            model=model,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            sent=journey.sent,
        ) from None
    except (InvalidURL, NonHttpUrlClientError) as error:
        detail = f"no address that can be called: {_said_of(error, secrets)}"
        raise impossible(detail, model=model) from None
    except (ClientError, OSError) as error:
        detail = _said_of(error, secrets)
        raise broken_off(
            model, detail, billed(), kind=FailureKind.CONNECTION, sent=journey.sent
        ) from None


def _said_of(error: Exception, secrets: Iterable[str]) -> str:
    """What callers are told of an error: never the address that was asked, which may be a proxy's."""
    from aiohttp import ClientResponseError  # noqa: PLC0415 - an extra

    said = str(error)
    if isinstance(error, ClientResponseError):
        said = f"status {error.status} on the way: {error.message}"
    return fit_to_show(said or type(error).__name__, secrets=secrets)
