"""Streams and tool calls in the four protocols, as their documentation describes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from .protocols import MODEL, Protocol

TOOL = "get_weather"
CALL = "call_1"
ARGUMENTS = {"city": "Oslo", "größe": "🦜"}
FAULT = "Overloaded for now."


def streamed(protocol: Protocol, texts: Sequence[str], finish: str = "stop") -> list[bytes]:
    """An answer in as many pieces of text, one event each, with what goes before and after."""
    return [*opening(protocol), *(piece(protocol, text) for text in texts), *_end(protocol, finish)]


def opening(protocol: Protocol) -> list[bytes]:
    """What comes before the first text."""
    if protocol.name != "anthropic":
        return []
    start = {**protocol.answer(""), "stop_reason": None}
    start["usage"] = {"input_tokens": 11, "output_tokens": 1}
    block = {"type": "text", "text": ""}
    return [
        _named("message_start", message=start),
        _named("content_block_start", index=0, content_block=block),
    ]


def piece(protocol: Protocol, text: str) -> bytes:
    """One piece of text."""
    if protocol.name == "anthropic":
        delta = {"type": "text_delta", "text": text}
        return _named("content_block_delta", index=0, delta=delta)
    if protocol.name == "google":
        return _event({"candidates": [_candidate({"text": text})], "modelVersion": MODEL})
    return _event(_chunk({"content": text}))


def fault(protocol: Protocol) -> bytes:
    """An error in the middle of a stream."""
    if protocol.name == "anthropic":
        return _named("error", error={"type": "overloaded_error", "message": FAULT})
    if protocol.name == "google":
        return _event({"error": {"code": 503, "message": FAULT, "status": "UNAVAILABLE"}})
    return _event({"error": {"message": FAULT, "type": "server_error", "code": None}})


def broken(protocol: Protocol) -> bytes:
    """An event that is not JSON."""
    named = b"event: content_block_delta\n" if protocol.name == "anthropic" else b""
    return named + b"data: {broken\n\n"


def called(protocol: Protocol) -> Any:
    """A whole answer that is one tool call."""
    if protocol.name == "anthropic":
        block = {"type": "tool_use", "id": CALL, "name": TOOL, "input": ARGUMENTS}
        return {**protocol.answer(""), "content": [block], "stop_reason": "tool_use"}
    body = protocol.answer("")
    if protocol.name == "google":
        part = {"functionCall": {"id": CALL, "name": TOOL, "args": ARGUMENTS}}
        body["candidates"][0]["content"]["parts"] = [part]
        return body
    body["choices"][0] |= {"finish_reason": "tool_calls"}
    body["choices"][0]["message"] |= {"content": None, "tool_calls": [_call(_json())]}
    return body


def streamed_call(protocol: Protocol) -> list[bytes]:
    """The same, its arguments in three pieces where the protocol can say it."""
    if protocol.name == "google":
        call = {"functionCall": {"id": CALL, "name": TOOL, "args": ARGUMENTS}}
        first = {"candidates": [_candidate(call)], "modelVersion": MODEL}
        return [_event(first), *_end(protocol, "stop")]
    if protocol.name == "anthropic":
        return [opening(protocol)[0], *_anthropic_call(), *_end(protocol, "tool_use")]
    head = _chunk({"role": "assistant", "tool_calls": [{"index": 0, **_call("")}]})
    rest = [
        _chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
        for part in _thirds(_json())
    ]
    return [*map(_event, (head, *rest)), *_end(protocol, "tool_calls")]


def _anthropic_call() -> Iterator[bytes]:
    block = {"type": "tool_use", "id": CALL, "name": TOOL, "input": {}}
    yield _named("content_block_start", index=0, content_block=block)
    for part in _thirds(_json()):
        delta = {"type": "input_json_delta", "partial_json": part}
        yield _named("content_block_delta", index=0, delta=delta)


def _end(protocol: Protocol, finish: str) -> list[bytes]:
    reason = protocol.finish.get(finish, finish)
    if protocol.name == "anthropic":
        delta = {"stop_reason": reason, "stop_sequence": None}
        return [
            _named("content_block_stop", index=0),
            _named("message_delta", delta=delta, usage={"output_tokens": 7}),
            _named("message_stop"),
        ]
    if protocol.name == "google":
        last = protocol.answer("")
        last["candidates"][0]["finishReason"] = reason
        return [_event(last)]
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    if protocol.name == "groq":
        last = {**_chunk({}, reason), "x_groq": {"id": "x", "usage": usage}}
        return [_event(last), b"data: [DONE]\n\n"]
    return [
        _event(_chunk({}, reason)),
        _event({**_chunk({}), "choices": [], "usage": usage}),
        b"data: [DONE]\n\n",
    ]


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1700000000, "model": MODEL}
    return {**head, "choices": [choice]}


def _candidate(part: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": [part]}, "index": 0}


def _call(arguments: str) -> dict[str, Any]:
    return {"id": CALL, "type": "function", "function": {"name": TOOL, "arguments": arguments}}


def _json() -> str:
    return json.dumps(ARGUMENTS, ensure_ascii=False)


def _thirds(text: str) -> list[str]:
    third = len(text) // 3
    return [text[:third], text[third : 2 * third], text[2 * third :]]


def _named(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\n".encode() + _event({"type": kind, **fields})


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"
