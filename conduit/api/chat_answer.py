"""Answers in the words of OpenAI's chat completions protocol."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

import orjson
from starlette.responses import Response as Answer

from conduit.core.decisions import Decision
from conduit.core.outcomes import Delta, Response
from conduit.core.sharing import Json

PREFIX = "chatcmpl-"
"""Of a response's id; what follows is the decision's."""
DONE = b"data: [DONE]\n\n"

Header = tuple[bytes, bytes]
_NOTHING: Json = MappingProxyType({})


def decision_id_of(response_id: str) -> str:
    """The decision behind a response's id; a decision's id is its own."""
    return response_id.removeprefix(PREFIX)


def completion(response: Response) -> bytes:
    """A whole answer."""
    extras = response.extras
    message = {**extras.message, "role": "assistant", "content": response.text}
    if response.tool_calls:
        message["tool_calls"] = response.tool_calls
    if response.tool_calls or extras.answers:
        message["content"] = response.text or None
    return orjson.dumps(
        {
            **extras.body,
            "id": PREFIX + response.decision_id,
            "object": "chat.completion",
            "created": int(time.time()),
            "model": response.model,
            "choices": [
                {
                    "logprobs": None,
                    **extras.choice,
                    "index": 0,
                    "message": message,
                    "finish_reason": _finish(response),
                }
            ],
            "usage": usage(response),
        },
        default=list,
    )


def usage(response: Response) -> dict[str, Any] | None:
    """Tokens, with the details that came with them; None where nobody counted them."""
    if response.input_tokens is None or response.output_tokens is None:
        return None
    return {
        **response.extras.usage,
        "prompt_tokens": response.input_tokens,
        "completion_tokens": response.output_tokens,
        "total_tokens": response.input_tokens + response.output_tokens,
    }


class Chunks:
    """Pieces of one streamed answer.

    Args:
        decision: what was decided.
        model: id of the arm that answers.
        usage: whether the last piece says the tokens.
    """

    def __init__(self, decision: Decision, *, model: str, usage: bool) -> None:
        self._frame: dict[str, Any] = {
            "id": PREFIX + decision.id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        if usage:
            self._frame["usage"] = None
        self._usage = usage
        self._role: dict[str, Any] = {"role": "assistant"}

    def piece(self, delta: Delta) -> bytes:
        """A piece of the answer; the first says who speaks."""
        extras = delta.extras
        said, self._role = {**extras.message, **self._role}, {}
        if delta.text or ("role" in said and not (delta.tool_calls or extras.answers)):
            said["content"] = delta.text
        if delta.tool_calls:
            said["tool_calls"] = delta.tool_calls
        if extras.body:
            self._frame = {**extras.body, **self._frame}
        return self._event(said, choice=extras.choice)

    def end(self, response: Response, *, started: float) -> bytes:
        """The last pieces."""
        overhead = round(overhead_ms(response, started=started), 3)
        more = {"conduit": facts(response) | {"overhead_ms": overhead}}
        last = self._event(self._role, finish_reason=_finish(response), more=more)
        if self._usage:
            last += _event(self._frame | {"choices": [], "usage": usage(response)} | more)
        return last + DONE

    def _event(
        self,
        delta: dict[str, Any],
        *,
        finish_reason: str | None = None,
        choice: Json = _NOTHING,
        more: Json = _NOTHING,
    ) -> bytes:
        said = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return _event({**self._frame, "choices": [{**said, **choice}], **more})


def framed(data: bytes) -> bytes:
    """One server-sent event."""
    return b"data: " + data + b"\n\n"


def facts(response: Response) -> dict[str, Any]:
    """What Conduit says of an answer, beside the answer."""
    return {
        "decision_id": response.decision_id,
        "model": response.model,
        "provider": response.provider,
        "cost": response.cost,
        "saved": response.savings,
        "baseline": response.base_model,
        "propensity": response.propensity,
        "attempts": response.attempts,
        "cache": "hit" if response.cached else "miss",
    }


def headers_of(named: Iterable[tuple[str, object]]) -> list[Header]:
    """Headers ``x-conduit-…``; what is None is left out."""
    return [(b"x-conduit-" + name.encode(), _value(value)) for name, value in named
            if value is not None]  # fmt: skip


def overhead_ms(response: Response, *, started: float) -> float:
    """Milliseconds since a moment of ``perf_counter`` that no model took, waits between tries included."""
    models = (response.latency or 0.0) + response.lost
    return 1000 * max(time.perf_counter() - started - models, 0.0)


def response_headers(response: Response, *, started: float) -> list[Header]:
    """Of a whole answer, to a request that began at ``started``, a moment of ``perf_counter``."""
    return headers_of(
        (
            ("decision-id", response.decision_id),
            ("model", response.model),
            ("provider", response.provider),
            ("cost", response.cost),
            ("saved", response.savings),
            ("propensity", response.propensity),
            ("attempts", response.attempts),
            ("cache", "hit" if response.cached else "miss"),
            ("overhead-ms", round(overhead_ms(response, started=started), 3)),
        )
    )


def mark(reply: Answer, headers: Iterable[Header]) -> None:
    """Put headers on an answer that is yet to be sent."""
    for name, value in headers:
        reply.headers.append(name.decode(), value.decode())


def _finish(response: Response) -> str:
    """A call of the older kind ends with its own word, which is kept as that of all calls."""
    older = response.finish_reason == "tool_calls" and not response.tool_calls
    return "function_call" if older and response.extras.answers else response.finish_reason


def _event(value: object) -> bytes:
    return framed(orjson.dumps(value, default=list))


def _value(value: object) -> bytes:
    text = f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return text.encode("ascii", "replace")
