"""Answers in OpenAI's chat protocol: what their bodies say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from conduit.core.errors import FailureKind, ProviderError
from conduit.core.extras import Extras
from conduit.core.outcomes import ModelReply
from conduit.core.sharing import Json
from conduit.providers.chat_extras import extras_in
from conduit.providers.faults import fit_to_show, kind_of_error, sentence_in, status_in
from conduit.providers.replies import check_answer
from conduit.providers.tool_fragments import readable_calls

_FINISH_REASONS = {"function_call": "tool_calls", "max_tokens": "length"}
_KNOWN_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a server billed; None where it did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None


UNKNOWN = Usage()


def usage_in(body: Json) -> Usage | None:
    """The tokens of a body, or of a piece of a stream; None where it tells of none.

    Zero tokens of both kinds mean that nobody counted. Some servers, as xAI's, tell the tokens that
    a model thought with beside those of its answer: both are made and paid, and the total has them.
    """
    told = body.get("usage") or _mapping(body.get("x_groq")).get("usage")
    if not isinstance(told, dict):
        return None
    details = _mapping(told.get("prompt_tokens_details"))
    given, made = _count(told.get("prompt_tokens")), _count(told.get("completion_tokens"))
    total = _count(told.get("total_tokens"))
    if given and made is not None and total is not None:
        made = max(made, total - given)
    return Usage(
        input_tokens=given or None,
        output_tokens=made or None,
        cached_tokens=_count(details.get("cached_tokens")),
    )


def reply_in(body: object, *, model: str, latency: float, secrets: Iterable[str]) -> ModelReply:
    """Read a whole answer.

    Raises:
        ProviderError: for a body that holds an error, or no answer.
    """
    if not isinstance(body, dict):
        raise unreadable(model, f"a {type(body).__name__} in the place of an object")
    refuse_error(body, model=model, secrets=secrets)
    usage = usage_in(body) or UNKNOWN
    choice = first_choice(body)
    message = choice.get("message") if choice else None
    if not isinstance(message, dict):
        raise unreadable(model, "no message in it", usage)
    return finished(
        text=text_in(message.get("content")),
        extras=extras_in(body, choice, message),
        tool_calls=readable_calls(message.get("tool_calls")),
        finish=choice.get("finish_reason"),
        usage=usage,
        model=model,
        latency=latency,
    )


def finished(
    *,
    text: str,
    extras: Extras,
    tool_calls: tuple[Json, ...],
    finish: object,
    usage: Usage,
    model: str,
    latency: float,
) -> ModelReply:
    """The reply that these parts make.

    Raises:
        ProviderError: when they make none.
    """
    if finish == "error":
        raise broken_off(model, "the provider broke the answer off", usage)
    if (refusal := extras.message.get("refusal")) and not text:
        said = fit_to_show(str(refusal), secrets=())
        raise broken_off(
            model, f"the model refused: {said}", usage, kind=FailureKind.CONTENT_FILTER
        )
    reply = ModelReply(
        text=text,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        latency=latency,
        finish_reason=_reason(finish, called=bool(tool_calls)),
        tool_calls=tool_calls,
        cached_tokens=usage.cached_tokens,
        extras=extras,
    )
    return check_answer(reply, model=model)


def refuse_error(body: Json, *, model: str, secrets: Iterable[str], usage: Usage = UNKNOWN) -> None:
    """Refuse a body or piece that holds an error in the place of an answer.

    Raises:
        ProviderError: of the kind that the error names.
    """
    error = body.get("error")
    if not error:
        return
    raise ProviderError(
        kind_of_error(error),
        model=model,
        detail=fit_to_show(sentence_in(body) or str(error), secrets=secrets),
        status=status_in(error),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
    )


def first_choice(body: Json) -> Json:
    """The choice of index 0; empty where there is none."""
    choices = body.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index", 0) in (0, None):
            return choice
    return {}


def text_in(content: Any) -> str:
    """The text of ``content``: a string, or, from a few servers, a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    said = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in said if isinstance(text, str))


def decoded(
    raw: bytes, *, decode: Callable[[bytes], Any], model: str, usage: Usage = UNKNOWN
) -> Any:
    """Read a body, or a piece of a stream.

    Raises:
        ProviderError: SERVER when it is no JSON.
    """
    try:
        return decode(raw)
    except ValueError as error:
        raise unreadable(model, f"no JSON ({error})", usage) from None


def unreadable(model: str, problem: str, usage: Usage = UNKNOWN) -> ProviderError:
    """The failure of an answer that is not one of this protocol."""
    return broken_off(model, f"unreadable answer: {problem}", usage)


def broken_off(
    model: str,
    detail: str,
    usage: Usage = UNKNOWN,
    *,
    kind: FailureKind = FailureKind.SERVER,
    sent: bool = False,
) -> ProviderError:
    """The failure of an answer that did not come to its end, with what is known to be billed."""
    return ProviderError(
        kind,
        model=model,
        detail=detail,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        sent=sent,
    )


def _reason(finish: object, *, called: bool) -> str:
    known = _FINISH_REASONS.get(finish, finish) if isinstance(finish, str) else None
    if known in _KNOWN_REASONS:
        return str(known)
    return "tool_calls" if called else "stop"


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
