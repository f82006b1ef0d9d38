"""When an answer is an answer: the rules every client applies to what it received."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply
from conduit.providers.tool_fragments import whole_calls

_WORDS = re.compile(r"\s*\S+(?:\s+\Z)?|\s+")
BROKEN_OFF = "the stream broke off before its end"


def check_answer(reply: ModelReply, *, model: str) -> ModelReply:
    """Refuse a reply that says and does nothing; a short one, or one cut short, is an answer.

    Raises:
        ProviderError: CONTENT_FILTER when a filter withheld the text, else EMPTY; with the tokens,
            which the provider bills all the same.
    """
    if reply.text.strip() or reply.acts:
        return reply
    filtered = reply.finish_reason == "content_filter"
    raise ProviderError(
        FailureKind.CONTENT_FILTER if filtered else FailureKind.EMPTY,
        model=model,
        detail="the answer was withheld" if filtered else f"no text ({reply.finish_reason})",
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
    )


def check_deadline(latency: float | None, timeout: float | None, *, model: str) -> None:
    """Refuse a simulated call that would have lasted beyond its deadline.

    Args:
        latency: seconds the call takes; None when unknown, which fits every deadline.
        timeout: seconds allowed; None for no deadline.
        model: id of the arm.

    Raises:
        ProviderError: TIMEOUT.
    """
    if latency is not None and timeout is not None and latency > timeout:
        raise timed_out(timeout, model=model)


def timed_out(
    timeout: float | None,
    *,
    model: str,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    sent: bool = True,
) -> ProviderError:
    """The failure of a call that was not complete at its deadline, ``timeout`` in seconds."""
    return ProviderError(
        FailureKind.TIMEOUT,
        model=model,
        detail=f"no complete answer within {timeout} s",
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        sent=sent,
    )


def impossible(problem: str, *, model: str) -> ProviderError:
    """The failure of a request that cannot be made of this model."""
    return ProviderError(FailureKind.BAD_REQUEST, model=model, detail=problem)


def in_one_piece(reply: ModelReply) -> Iterator[Delta | ModelReply]:
    """The stream of an answer that came as a whole."""
    yield Delta(text=reply.text, tool_calls=whole_calls(reply.tool_calls), extras=reply.extras)
    yield reply


def in_words(reply: ModelReply) -> Iterator[Delta | ModelReply]:
    """The stream of an answer that comes word by word, and its tool calls one by one."""
    for word in _WORDS.findall(reply.text):
        yield Delta(text=word)
    for call in whole_calls(reply.tool_calls):
        yield Delta(tool_calls=(call,))
    if reply.extras:
        yield Delta(extras=reply.extras)
    yield reply
