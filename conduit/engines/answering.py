"""One call of one model: pieces of its answer as they come, then what came of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeAlias

from conduit.core.errors import ConfigurationError, FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest, Response
from conduit.core.ports import ModelClient, StreamingClient
from conduit.feedback.answers import answer_failure
from conduit.providers.tool_fragments import whole_calls

Ended: TypeAlias = ModelReply | ProviderError
Answering: TypeAlias = AsyncGenerator[Delta | Ended, None]


def answering(client: ModelClient, request: ModelRequest, *, streaming: bool) -> Answering:
    """Call a model.

    Args:
        client: calls models.
        request: what is asked.
        streaming: whether pieces are wanted; a client that knows none gives all in one.

    Yields:
        Pieces, if they are wanted, also those that only say how much was thought, and once the reply
        or the failure, which is raised by nobody: failures in disguise among them, and models that
        cannot be called from here. An answer that comes in one piece is complete before it.
    """
    if streaming and isinstance(client, StreamingClient):
        return _streamed(client, request)
    return _whole(client, request, in_pieces=streaming)


async def _whole(client: ModelClient, request: ModelRequest, *, in_pieces: bool) -> Answering:
    ended: Ended
    try:
        ended = checked(await client.complete(request), model=request.arm.id)
    except ProviderError as failure:
        ended = failure
    except ConfigurationError as missing:
        ended = _locked(missing, model=request.arm.id)
    yield ended
    if in_pieces and isinstance(ended, ModelReply):
        yield in_one_piece(ended)


async def _streamed(client: StreamingClient, request: ModelRequest) -> Answering:
    ended: Ended = ProviderError(
        FailureKind.CONNECTION, model=request.arm.id, detail="the answer broke off", sent=True
    )
    begun = False
    try:
        async with aclosing(client.stream(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, ModelReply):
                    ended = checked(piece, model=request.arm.id)
                elif piece.speaks or piece.thought:
                    begun = begun or piece.speaks
                    yield piece
    except ProviderError as failure:
        ended = failure
    except ConfigurationError as missing:
        ended = _locked(missing, model=request.arm.id)
    yield ended
    if isinstance(ended, ModelReply) and not begun:
        yield in_one_piece(ended)


def checked(reply: ModelReply, *, model: str) -> Ended:
    """The reply, or the failure that it is in disguise."""
    kind = None if reply.acts else answer_failure(reply.text)
    if kind is None:
        return reply
    return ProviderError(
        kind,
        model=model,
        detail=reply.text[:100].strip(),
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
    )


def in_one_piece(answer: ModelReply | Response) -> Delta:
    """A whole answer as the only piece of a stream."""
    calls = whole_calls(answer.tool_calls)
    return Delta(text=answer.text, tool_calls=calls, extras=answer.extras)


def _locked(missing: ConfigurationError, *, model: str) -> ProviderError:
    """No key, or no address: to those who wait for an answer the same as a key that is refused."""
    return ProviderError(FailureKind.AUTHENTICATION, model=model, detail=str(missing))
