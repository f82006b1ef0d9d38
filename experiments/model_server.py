"""A model server of a process of its own that answers at once, in OpenAI's chat protocol.

``python -m experiments.model_server`` listens on a free port of the loopback interface, writes the
port to its output, and ends with its input. It parses no more than it must, so that what a client
costs is measured and not what a server does.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from types import TracebackType
from typing import Self

WORDS = 32
"""Pieces of a streamed answer, a word each."""
TEXT = " ".join(f"word{number}" for number in range(WORDS))
USAGE = {"prompt_tokens": 11, "completion_tokens": WORDS, "total_tokens": 11 + WORDS}


class ModelServer:
    """Runs the server while it is entered; ``url`` is its address, without a path."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "experiments.model_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class _Connection(asyncio.Protocol):
    """One kept-alive connection."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            total = end + 4 + length
            if len(self._received) < total:
                return
            body, self._received = self._received[end + 4 : total], self._received[total:]
            self._transport.write(_STREAMED if json.loads(body).get("stream") else _WHOLE)


def _whole() -> bytes:
    message = {"role": "assistant", "content": TEXT}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    said = {**_HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    body = json.dumps(said).encode()
    fields = b"Content-Type: application/json\r\nContent-Length: %d" % len(body)
    return b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n" + body


def _streamed() -> bytes:
    deltas: list[dict[str, str]] = [{"content": f"{word} "} for word in TEXT.split()]
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    last = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    pieces = [{**_HEAD, "choices": choice} for choice in (*choices, last)]
    pieces.append({**_HEAD, "choices": [], "usage": USAGE})
    events = [b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces]
    chunks = [b"%x\r\n%b\r\n" % (len(event), event) for event in (*events, b"data: [DONE]\n\n")]
    fields = b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked"
    return b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n" + b"".join(chunks) + b"0\r\n\r\n"


_HEAD = {"id": "x", "object": "chat.completion.chunk", "created": 1700000000, "model": "mock"}
_WHOLE, _STREAMED = _whole(), _streamed()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
