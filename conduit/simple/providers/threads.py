"""A plain iterator on an event loop: each of its pieces is waited for on another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import TypeVar

T = TypeVar("T")


async def in_threads(pieces: Iterator[T]) -> AsyncGenerator[T, None]:
    """What it gives, one by one; it is closed when nobody wants more."""
    ended, turn = object(), threading.Lock()

    def take() -> T | object:
        with turn:
            return next(pieces, ended)

    def close() -> None:
        with turn:  # a piece that nobody waits for any more may still be on its way
            if isinstance(pieces, Generator):
                pieces.close()

    try:
        while (piece := await asyncio.to_thread(take)) is not ended:
            yield piece  # type: ignore[misc] # what is not the end is a piece
    finally:
        await asyncio.to_thread(close)
