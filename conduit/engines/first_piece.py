"""Reading an answer until its first piece is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

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
        elif begun is not None and isinstance(piece, Delta):
            # After the first piece nobody else begins.
            rest = cast("AsyncIterator[Delta | Response]", pieces)
            return AnswerStream(
                begun.decision, begun.arm, rest, first=piece, attempts=begun.attempt
            )
    raise AssertionError("an answer begins with who gives it, and then has a piece")
