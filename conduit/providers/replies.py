"""When an answer is an answer: the rules every client applies to what it received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import ModelReply

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse

_FINISH_REASONS = {"tool_call": "tool_calls"}


def check_answer(reply: ModelReply, *, model: str) -> ModelReply:
    """Refuse a reply without text; a short one, or one cut by its length, is an answer.

    Raises:
        ProviderError: CONTENT_FILTER when a filter withheld the text, else EMPTY; with the tokens,
            which the provider bills all the same.
    """
    if reply.text.strip() or reply.tool_calls:
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


def timed_out(timeout: float | None, *, model: str) -> ProviderError:
    """The failure of a call that was not complete at its deadline, ``timeout`` in seconds."""
    return ProviderError(
        FailureKind.TIMEOUT, model=model, detail=f"no complete answer within {timeout} s"
    )


def reply_of(response: ModelResponse, *, model: str, latency: float) -> ModelReply:
    """Read a provider's response; zero tokens means that it reported none.

    Raises:
        ProviderError: for a response that holds no answer.
    """
    if response.finish_reason == "error":
        raise ProviderError(
            FailureKind.SERVER, model=model, detail="the provider broke the answer off"
        )
    finish = response.finish_reason or "stop"
    reply = ModelReply(
        text=response.text or "",
        input_tokens=response.usage.input_tokens or None,
        output_tokens=response.usage.output_tokens or None,
        latency=latency,
        finish_reason=_FINISH_REASONS.get(finish, finish),
    )
    return check_answer(reply, model=model)
