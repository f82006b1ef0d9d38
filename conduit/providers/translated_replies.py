"""PydanticAI's responses, as replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import ModelReply
from conduit.providers.replies import BROKEN_OFF, check_answer
from conduit.providers.translated_streams import arguments_of

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse, ToolCallPart
    from pydantic_ai.usage import RequestUsage

_FINISH_REASONS = {"tool_call": "tool_calls"}


def reply_of(
    response: ModelResponse, *, model: str, latency: float, streamed: bool = False
) -> ModelReply:
    """Read a provider's response; zero tokens means that it reported none.

    A streamed one that gives no reason for its end did not come to its end.

    Raises:
        ProviderError: for a response that holds no answer.
    """
    usage = response.usage
    if response.finish_reason == "error":
        raise _broken_off(FailureKind.SERVER, "the provider broke the answer off", model, usage)
    if streamed and response.finish_reason is None:
        raise _broken_off(FailureKind.CONNECTION, BROKEN_OFF, model, usage)
    calls = tuple(map(_call, response.tool_calls))
    finish = response.finish_reason or "stop"
    if calls and finish == "stop":  # Google has no reason of its own for them
        finish = "tool_call"
    reply = ModelReply(
        text=response.text or "",
        input_tokens=usage.input_tokens or None,
        output_tokens=_made(usage),
        latency=latency,
        finish_reason=_FINISH_REASONS.get(finish, finish),
        tool_calls=calls,
        cached_tokens=usage.cache_read_tokens or None,
    )
    return check_answer(reply, model=model)


def _made(usage: RequestUsage) -> int | None:
    """Tokens of thought are in those of the answer, but for servers that count them beside it."""
    thought = usage.details.get("reasoning_tokens", 0)
    beside = thought > usage.output_tokens
    return (usage.output_tokens + thought if beside else usage.output_tokens) or None


def _call(part: ToolCallPart) -> dict[str, object]:
    function = {"name": part.tool_name, "arguments": arguments_of(part)}
    return {"id": part.tool_call_id, "type": "function", "function": function}


def _broken_off(kind: FailureKind, detail: str, model: str, usage: RequestUsage) -> ProviderError:
    return ProviderError(
        kind,
        model=model,
        detail=detail,
        input_tokens=usage.input_tokens or None,
        output_tokens=_made(usage),
        sent=kind is FailureKind.CONNECTION,
    )
