"""Reading an answer until its first piece is there."""

from __future__ import annotations

from collections.abc import AsyncIterator

from conduit.core.outcomes import Delta, Response
from conduit.engines.answer_stream import AnswerStream
from conduit.engines.serving import Begun, Pieces


async def first_piece(pieces: Pieces) -> AnswerStream:
    """The answer as a stream, once it is settled who gives it.

    Args:
        pieces: of the answer, none of them read yet.

    Raises:
        ConduitError: when no model began to answer; the pieces are closed then.
    """
    begun: Begun | None = None
    async for piece in pieces:
        if isinstance(piece, Begun):
            begun = piece
        elif begun is not None:
            return AnswerStream(begun.decision, begun.arm, _Rest(piece, pieces))
    raise AssertionError("an answer begins with who gives it, and then has a piece")


class _Rest:
    """The first piece, then the others; closing it closes them, read or not."""

    def __init__(self, first: Delta | Response, others: Pieces) -> None:
        self._first: Delta | Response | None = first
        self._others = others

    def __aiter__(self) -> AsyncIterator[Delta | Response]:
        return self

    async def __anext__(self) -> Delta | Response:
        first, self._first = self._first, None
        if first is not None:
            return first
        async for piece in self._others:
            if not isinstance(piece, Begun):
                return piece
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._first = None
        await self._others.aclose()
