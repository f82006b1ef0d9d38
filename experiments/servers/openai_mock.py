"""A model server on loopback that speaks OpenAI's protocol and costs next to no time.

``python -m experiments.servers.openai_mock --port 8001`` answers every chat completion with the same
words, at once or after a while, whole or as a stream. It parses no JSON, so that what is measured
beside it is the gateway in front of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Sequence

WORDS = ("Paris", " is", " the", " capital", " of", " France", ".")


class Mock(asyncio.Protocol):
    """One connection: requests one after the other, answers of fixed text.

    Args:
        seconds: until an answer, or until the first piece of one.
        failing: share of requests that are refused with status 500.
        rng: decides which.
    """

    def __init__(self, *, seconds: float, failing: float, rng: random.Random) -> None:
        self._seconds = seconds
        self._failing = failing
        self._rng = rng
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            size = end + 4 + _length(bytes(self._received[:end]))
            if len(self._received) < size:
                return
            body = bytes(self._received[end + 4 : size])
            del self._received[:size]
            answer = self._answer(body)
            if self._seconds:
                asyncio.get_running_loop().call_later(self._seconds, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)

    def _answer(self, body: bytes) -> bytes:
        if self._failing and self._rng.random() < self._failing:
            return FAILURE
        return STREAMED if b'"stream":true' in body.replace(b" ", b"") else WHOLE


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _http(status: str, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


_SHARED = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "mock"}
_USAGE = {"prompt_tokens": 20, "completion_tokens": len(WORDS), "total_tokens": 20 + len(WORDS)}


def _whole() -> bytes:
    message = {"role": "assistant", "content": "".join(WORDS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _json({**_SHARED, "object": "chat.completion", "choices": [choice], "usage": _USAGE})


def _streamed() -> bytes:
    deltas = [{"content": word} for word in WORDS]
    choices: list[list[object]] = [
        [{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas
    ]
    choices.append([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    chunks: list[dict[str, object]] = [
        {**_SHARED, "object": "chat.completion.chunk", "choices": choice} for choice in choices
    ]
    chunks.append({**chunks[-1], "choices": [], "usage": _USAGE})
    return b"".join(b"data: " + _json(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


WHOLE = _http("200 OK", "application/json", _whole())
STREAMED = _http("200 OK", "text/event-stream", _streamed())
FAILURE = _http(
    "500 Internal Server Error",
    "application/json",
    _json({"error": {"message": "mocked", "type": "server_error"}}),
)


async def serve(*, port: int, seconds: float, failing: float, seed: int) -> None:
    """Answer until cancelled."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Mock(seconds=seconds, failing=failing, rng=rng), "127.0.0.1", port
    )
    await server.serve_forever()


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.0, help="until an answer")
    parser.add_argument("--failing", type=float, default=0.0, help="share of requests refused")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    asyncio.run(
        serve(port=given.port, seconds=given.seconds, failing=given.failing, seed=given.seed)
    )


if __name__ == "__main__":
    main()
