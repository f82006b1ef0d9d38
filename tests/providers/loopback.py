"""A tiny HTTP/1.1 server on the loopback interface that answers as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to send back; ``cut`` closes the connection in the middle of the body.

    ``gate`` is awaited before, in the place of the ``delay``.
    """

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    gate: asyncio.Event | None = None

    def encoded(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        fields = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **self.headers,
        }
        raw = _head(self.status, fields) + body
        return raw[: len(raw) - len(body) // 2] if self.cut else raw


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Pieces to send one by one.

    ``gate`` is awaited before the piece of index ``gated``; ``cut`` closes the connection after
    the last piece without saying that it was the last.
    """

    pieces: Sequence[bytes]
    gate: asyncio.Event | None = None
    gated: int = 1
    cut: bool = False


class LoopbackServer:
    """Serves ``answer``, or what it returns for a request, until it is left."""

    def __init__(self, answer: Answer | Stream | Callable[[Received], Answer | Stream]) -> None:
        self.answer = answer
        self.requests: list[Received] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.all_gone = asyncio.Event()
        self._handlers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.create_task(self._converse(reader, writer))
        self._handlers.add(handler)
        handler.add_done_callback(self._handlers.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.all_gone.clear()
        try:
            while (received := await _read(reader)) is not None:
                self.requests.append(received)
                self.asked.set()
                answer = self.answer(received) if callable(self.answer) else self.answer
                if isinstance(answer, Answer):
                    waiting = answer.gate.wait() if answer.gate else asyncio.sleep(answer.delay)
                    await self._unless_hung_up(waiting, reader)
                    writer.write(answer.encoded())
                    await writer.drain()
                else:
                    await self._stream(answer, reader, writer)
                if answer.cut:
                    return
        except ConnectionError:
            return  # the client went away, which is what some tests are about
        finally:
            writer.close()
            if len(self._handlers) == 1:
                self.all_gone.set()

    async def _stream(
        self, answer: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        fields = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
        writer.write(_head(200, fields))
        for index, piece in enumerate(answer.pieces):
            if answer.gate is not None and index == answer.gated:
                await self._unless_hung_up(answer.gate.wait(), reader)
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)
        if not answer.cut:
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    async def _unless_hung_up(self, waiting: Any, reader: asyncio.StreamReader) -> None:
        """Wait, but for no client that has gone."""
        gone = asyncio.create_task(reader.read(1))
        done = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait({gone, done}, return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                self.hung_up.set()
                raise ConnectionResetError
        finally:
            for task in (gone, done):
                task.cancel()
            await asyncio.gather(gone, done, return_exceptions=True)


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    request_line, *lines = head.strip().split("\r\n")
    headers = {
        name.lower(): value for name, value in (line.split(": ", 1) for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(
        path=request_line.split(" ")[1], headers=headers, body=json.loads(body) if body else None
    )
