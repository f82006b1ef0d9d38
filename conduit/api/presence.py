"""Work that is done only as long as somebody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

T = TypeVar("T")


class CallerGoneError(Exception):
    """Nobody is there any more to answer."""


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request.

    Raises:
        CallerGoneError: when it is not sent to its end.
    """
    message = await receive()
    chunks = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        chunks.append(message.get("body", b""))
    if message["type"] == "http.disconnect":
        raise CallerGoneError
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def while_present(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Do some work; it is cancelled when the caller goes away, and has then ended.

    Args:
        receive: of a request whose body was read.
        work: to be done.

    Raises:
        CallerGoneError: when the caller went away first.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(receive))
    gone.add_done_callback(lambda _: task.cancel())
    try:
        return await task
    except asyncio.CancelledError:
        if gone.done() and not gone.cancelled() and task.cancelled():
            raise CallerGoneError from None
        raise
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
